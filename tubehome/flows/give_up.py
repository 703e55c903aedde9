"""An upload is given up or leaves the list. What was sent is deleted, but a film of the watched folder goes back."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.base.i18n import mark
from tubehome.flows import watched
from tubehome.jobs import rows
from tubehome.site import Site
from tubehome.store import lock
from tubehome.uploads import desk
from tubehome.uploads.models import Upload

GIVEN_UP = mark("It was given up in the studio.")


def give_up(site: Site, row: Upload) -> None:
    """While it comes, or when it is all here and only waits (for room, for another try). Refused once it is work."""
    if row.state != rows.WAITING or not row.last_error:
        desk.give_up(site, row)
        return
    held = lock.try_exclusive(rows.lock_path(site.files.run, row))
    if held is None:
        raise Refused(desk.LOOKED_AT)
    try:
        if Upload.get_by_id(row.id).state != rows.WAITING:
            raise Refused(desk.LOOKED_AT)
        take_off(site, row)
    finally:
        held.release(remove=True)


def take_off(site: Site, row: Upload) -> None:
    """Ended: the row goes, and its file if there is one. Unavailable or NoRoom when it cannot go back, and it stays."""
    watched.give_back(site, row, Refused(GIVEN_UP))
    desk.forget(site, row)
