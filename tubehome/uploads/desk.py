"""The desk where an upload is announced, looked up, given up: rows, limits and room, before the first byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tubehome.base import clock, ids, text
from tubehome.base.errors import Gone, NoRoom, NotFound, Refused, TooLarge
from tubehome.base.i18n import Bytes, mark
from tubehome.jobs import rows
from tubehome.site import Site
from tubehome.store.db import db
from tubehome.uploads import incoming
from tubehome.uploads.models import RECEIVING, WATCHED, Upload

OPEN_MOST = 200  # uploads that may be open at the same time
NAME_MAX = 255  # characters
GIVEN_UP = mark("This upload had stood still for {days} days and was given up: send the file again.")
LOOKED_AT = mark("All of this file is here and it is being looked at: delete the video afterwards.")
DAY = 86_400.0


@dataclass(frozen=True)
class Said:
    """What is said of a file before it comes; checked by the caller (`flows.announce`)."""

    name: str
    length: int  # bytes
    metadata: str = ""
    title: str = ""
    description: str = ""
    channel: str = ""
    visibility: str = ""
    language: str = ""
    token: str = ""


def free_bytes(site: Site) -> int:
    """What can still be promised: free on the disk, without the reserve and without what open uploads will need."""
    return site.files.free_bytes() - site.config.limits.reserve_bytes - owed(site)


def owed(site: Site) -> int:
    """Bytes that were promised to open uploads and have not come yet."""
    waiting = 0
    for row in Upload.select(Upload.uuid, Upload.length).where(Upload.state == RECEIVING):
        try:
            waiting += row.length - incoming.offset(site, row.uuid)
        except FileNotFoundError:
            waiting += row.length
    return waiting


def announce(site: Site, said: Said) -> Upload:
    """A new upload, its room reserved. Refused, TooLarge, NoRoom before the first byte."""
    name = text.clean_line(said.name)[-NAME_MAX:] or "video"
    if said.length == 0:
        raise Refused("{name} is empty: copy it again from where it was filmed.", name=name)
    limit = site.config.limits.upload_bytes
    if said.length > limit:
        raise TooLarge(
            "{name} is too large: {size}, and at most {limit} are taken.",
            name=name,
            size=Bytes(said.length),
            limit=Bytes(limit),
        )
    uuid, now = ids.new_uuid(), clock.timestamp()
    incoming.begin(site, uuid)
    try:
        with db.atomic():  # two that are announced at once must not be promised the same room
            _check_room(site, said.length, name)
            row: Upload = Upload.create(
                state=RECEIVING, uuid=uuid, name=name, length=said.length, metadata=said.metadata, title=said.title,
                description=said.description, channel=said.channel, visibility=said.visibility,
                language=said.language, token=said.token, created_at=now, expires_at=now + lifetime(site),
            )  # fmt: skip
    except BaseException:
        incoming.remove(site, uuid)
        raise
    return row


def _check_room(site: Site, needed: int, name: str) -> None:
    if Upload.select().where(Upload.state == RECEIVING).count() >= OPEN_MOST:
        raise Refused("There are {n} unfinished uploads already: finish some, or give them up.", n=OPEN_MOST)
    free = free_bytes(site)
    if needed > free:
        raise no_room(name, needed, free)


def no_room(name: str, needed: int, free: int) -> NoRoom:
    """The sentence for a file that does not fit. Bytes; `free` may be below nothing."""
    return NoRoom(
        "There is not enough room on the disk for {name}: it needs {needed}, and {free} can be used. "
        "Delete something first.",
        name=name,
        needed=Bytes(needed),
        free=Bytes(max(0, free)),
    )


def lifetime(site: Site) -> float:
    """Seconds that an upload may stand still."""
    return site.config.limits.upload_days * DAY


def find(uuid: str, token: str = "") -> Upload:
    """The upload of this id; with a token, only its own. NotFound; Gone for one that was given up."""
    row: Upload | None = Upload.get_or_none(Upload.uuid == uuid)
    if row is None or (token and row.token != token):
        raise NotFound("There is no upload at this address: send the file again.")
    return row


def check_alive(site: Site, row: Upload) -> None:
    """Gone when it stood still for too long, or was refused."""
    if row.state == rows.FAILED:
        raise Gone(row.error.text if row.error else GIVEN_UP, **_values(row, site))
    if row.state == RECEIVING and row.expires_at < clock.timestamp():
        raise Gone(GIVEN_UP, days=site.config.limits.upload_days)


def _values(row: Upload, site: Site) -> dict[str, Any]:
    return dict(row.error.values) if row.error else {"days": site.config.limits.upload_days}


def touched(site: Site, row: Upload) -> float:
    """Bytes came: its time begins anew; the new end, seconds since 1970. Written at most once an hour."""
    until = clock.timestamp() + lifetime(site)
    if until - row.expires_at > 3600 or until < row.expires_at:
        Upload.update(expires_at=until).where(Upload.id == row.id, Upload.state == RECEIVING).execute()
        return until
    return row.expires_at


def whole(row: Upload, length: int | None = None) -> bool:
    """The last byte is here: from now on it is work. True for the one caller who may ring the bell.

    `length`: bytes that there are, where it could not be said before (a plain form).
    """
    ended = Upload.update(state=rows.WAITING, next_try=0, length=length or row.length).where(
        Upload.id == row.id, Upload.state == RECEIVING
    )
    return bool(ended.execute())


def arrived(site: Site, row: Upload) -> bool:
    """Is the last byte here, though nobody said so? The web may have died between the two, and whoever sent asks
    for the offset, sees that nothing is left to send, and is content. True for the one caller who may ring the bell.
    """
    return incoming.is_whole(site, row.uuid, row.length) and whole(row)


def give_up(site: Site, row: Upload) -> None:
    """The row and what came of it go (tus: termination). Busy when somebody writes into it now."""
    if row.state in (rows.WAITING, rows.RUNNING):
        raise Refused(LOOKED_AT)
    try:
        with incoming.held(site, row.uuid):
            Upload.delete().where(Upload.id == row.id).execute()
            incoming.remove(site, row.uuid)
    except FileNotFoundError:
        Upload.delete().where(Upload.id == row.id).execute()


def expire(site: Site) -> None:
    """For the sweep: uploads that stood still too long lose their file; the row stays to say so."""
    late = Upload.state == RECEIVING, Upload.token != WATCHED, Upload.expires_at < clock.timestamp()
    for row in list(Upload.select().where(*late)):  # (a film that was moved here goes back, and is never only deleted)
        try:
            with incoming.held(site, row.uuid):
                _expire(site, row)
                incoming.remove(site, row.uuid)
        except FileNotFoundError:
            _expire(site, row)
        except incoming.Busy:  # bytes come after all
            continue


def _expire(site: Site, row: Upload) -> None:
    error = Gone(GIVEN_UP, days=site.config.limits.upload_days)
    Upload.update(state=rows.FAILED, last_error=error.to_json(), finished_at=clock.timestamp()).where(
        Upload.id == row.id
    ).execute()


def shown() -> Sequence[Upload]:
    """What the studio lists: all that is not finished and seen, the oldest first."""
    return list(Upload.select().order_by(Upload.id).limit(OPEN_MOST * 2))


def forget(site: Site, row: Upload) -> None:
    """An ended upload leaves the list, and its file, if there is one, the disk."""
    Upload.delete().where(Upload.id == row.id).execute()
    incoming.remove(site, row.uuid)


def again(row: Upload) -> None:
    """It is work once more."""
    Upload.update(state=rows.WAITING, attempts=0, deaths=0, next_try=0, last_error=None, detail=None).where(
        Upload.id == row.id, Upload.state == rows.FAILED
    ).execute()
