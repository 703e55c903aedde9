"""What waits for room on the disk: said by the worker in a row's last error, known by the pages."""

from __future__ import annotations

from tubehome.base.errors import NoRoom, TubehomeError
from tubehome.base.i18n import mark

FULL = mark("The disk is full: the preparation goes on by itself when there is room.")

NO_ROOM = f'"status": {NoRoom.status}'  # in `last_error`, where it is sought among many


def waits_for_room(error: TubehomeError | None) -> bool:
    """Is this why a row waits? Then it goes on by itself once something is deleted."""
    return error is not None and error.status == NoRoom.status
