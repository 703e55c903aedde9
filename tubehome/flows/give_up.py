"""An upload is given up or leaves the list. What was sent is deleted, but a film of the watched folder goes back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tubehome.base.errors import Refused
from tubehome.base.i18n import mark
from tubehome.flows import watched
from tubehome.flows.intake import bring_back
from tubehome.jobs import rows
from tubehome.site import Site
from tubehome.store import lock
from tubehome.uploads import desk
from tubehome.uploads.models import RECEIVING, WATCHED, Upload

GIVEN_UP = mark("It was given up in the studio.")


def give_up(site: Site, row: Upload) -> None:
    """While it comes, when it only waits (for room, for another try), or has ended badly. Refused once it is work.

    CannotGoBack when it came from the watched folder and that cannot take it now: it stays on the list.
    """
    if row.state == RECEIVING and row.token != WATCHED:
        desk.give_up(site, row)
        return
    with _alone(site, row) as now:
        if not (now.state == rows.FAILED or (now.state == rows.WAITING and now.last_error)):
            raise Refused(desk.LOOKED_AT)
        _take_off(site, now)


def dismiss(site: Site, row: Upload) -> None:
    """It has ended, and leaves the list; what is left of its file goes, or goes back, as in `give_up`."""
    with _alone(site, row) as now:
        if now.state not in (rows.FAILED, rows.DONE):
            raise Refused("This upload is still under way.")
        _take_off(site, now)


@contextmanager
def _alone(site: Site, row: Upload) -> Iterator[Upload]:
    """The row as it is now, while nobody else is at it. Refused when somebody is, NotFound when it went."""
    held = lock.try_exclusive(rows.lock_path(site.files.run, row))
    if held is None:
        raise Refused(desk.LOOKED_AT)
    try:
        yield desk.find(row.uuid)
    finally:
        held.release(remove=True)


def _take_off(site: Site, row: Upload) -> None:
    if row.state != rows.DONE:
        bring_back(site, row.uuid)
        failed = row.error if row.state == rows.FAILED else None
        watched.give_back(site, row, watched.refusal(row) or failed or Refused(GIVEN_UP))
    desk.forget(site, row)
