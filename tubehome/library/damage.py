"""Parts of a film that cannot be encoded: what their rows say, and the question that the owner answers."""

from __future__ import annotations

from collections.abc import Iterable

from tubehome.base.i18n import mark
from tubehome.jobs import rows
from tubehome.library.models import Step

DAMAGED = mark("At {time} the film is damaged: go on without that part?")


def damaged(steps: Iterable[Step]) -> list[Step]:
    """The ranges that failed for good."""
    failed = (step for step in steps if step.state == rows.FAILED)
    return [step for step in failed if step.error is not None and step.error.text == DAMAGED]
