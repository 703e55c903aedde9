"""What is said of a film whose preparation waits for room on the disk: written by the worker, known by the pages."""

from __future__ import annotations

from tubehome.base.i18n import mark

FULL = mark("The disk is full: the preparation goes on by itself when there is room.")
