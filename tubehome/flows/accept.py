"""The last byte of an upload is here: the worker hashes and judges the file, and makes it a video.

The upload's row is the work: a worker that is killed leaves it to the next one, and the file is wherever it was: in
`incoming/`, or already in the video's folder, from where it is taken back.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os

from tubehome.base.errors import Interrupted, NoRoom, Refused, ToolFailed, TubehomeError
from tubehome.base.i18n import Bytes
from tubehome.flows import watched
from tubehome.flows.intake import Arrived, Intake, bring_back, refuse_duplicate, take
from tubehome.flows.pipeline import ROOM_SECONDS
from tubehome.flows.room import check_room
from tubehome.jobs import Job, rows
from tubehome.library.models import Video
from tubehome.library.room import FULL
from tubehome.media.ffmpeg import Tools
from tubehome.site import Site
from tubehome.store.db import found_no_room
from tubehome.uploads import incoming
from tubehome.uploads.models import Upload

log = logging.getLogger(__name__)
CHUNK = 1 << 20
BACK_SECONDS = 300.0  # until a film is offered to the watched folder again
_NEEDED: dict[str, int] = {}  # bytes that an upload waits for; forgotten with the worker, as its settings may be others


def accept(site: Site, upload_id: int, tools: Tools) -> None:
    """Judges one upload, if it is whole and nobody else is at it."""
    row = Upload.get_or_none(Upload.id == upload_id)
    claim = rows.claim(row, site.files.run) if row is not None else None
    if claim is None:
        return
    try:
        _judge(site, claim, tools)
    finally:
        claim.let_go()
        if claim.wait:
            site.jobs.later(Job.ACCEPT, upload_id, after=claim.wait)


def _judge(site: Site, claim: rows.Claim, tools: Tools) -> None:
    row: Upload = claim.row
    try:
        try:
            _take(site, claim, row, tools)
            _NEEDED.pop(row.uuid, None)
        except Refused as error:
            _refuse(site, row, error)
            claim.fail(error)
    except Interrupted:
        claim.release()
    except watched.CannotGoBack as error:
        claim.postpone(error, BACK_SECONDS)
    except Exception as error:
        named = _named(error)
        if isinstance(named, NoRoom):
            _note_needed(row, named)
            claim.postpone(named, ROOM_SECONDS)
        elif not claim.retry(named):
            log.error("the upload %s failed for good: %s", row.uuid, named, exc_info=error)


def _refuse(site: Site, row: Upload, error: Refused) -> None:
    """The file goes; one from the watched folder goes back, or, while it cannot, stays here to go back later."""
    if watched.refusal(row) is None:
        watched.remember(row, error)
    watched.give_back(site, row, error)
    incoming.remove(site, row.uuid)


def _named(error: Exception) -> TubehomeError:
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or found_no_room(error):
        return NoRoom(FULL)
    if isinstance(error, TubehomeError):
        return error
    log.error("an upload failed unexpectedly", exc_info=error)
    return ToolFailed("Something unexpected went wrong while the file was looked at.", cause=str(error))


def _take(site: Site, claim: rows.Claim, row: Upload, tools: Tools) -> None:
    part = incoming.path(site, row.uuid)
    bring_back(site, row.uuid)
    if told := watched.refusal(row):
        raise told
    try:
        file = part.open("rb")
    except FileNotFoundError as error:
        raise Refused("The file of this upload is not in the data folder any more: send it again.") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file.fileno()).st_size
        if size != row.length:
            raise Refused("This upload is not whole: send the file again.")
        _check_room_again(site, row)
        sha256 = _hash(file.fileno(), tools)
        if not row.again:
            refuse_duplicate(site, sha256)
        take(site, part, _said(row), Arrived(row.uuid, sha256, size), tools, lambda video: _done(claim, row, video))
    watched.settle_kept(site, row.uuid)


def _note_needed(row: Upload, error: NoRoom) -> None:
    needed = error.values.get("needed")
    if isinstance(needed, Bytes):
        _NEEDED[row.uuid] = needed.count


def _check_room_again(site: Site, row: Upload) -> None:
    """What waits for so much room is not read, and its copy not written, every minute to hear the same again."""
    if row.uuid in _NEEDED:
        check_room(site, _NEEDED[row.uuid], row.name)


def _hash(fd: int, tools: Tools) -> str:
    digest, at = hashlib.sha256(), 0
    while data := os.pread(fd, CHUNK, at):
        if tools.stop is not None and tools.stop.is_set():
            raise Interrupted("The work on this video was interrupted; it goes on at the next start.")
        digest.update(data)
        at += len(data)
    return digest.hexdigest()


def _said(row: Upload) -> Intake:
    return Intake(
        name=row.name,
        title=row.title,
        channel=row.channel,
        visibility=row.visibility,
        language=row.language,
        description=row.description,
        again=row.again,
        **watched.more_said(row),
    )


def _done(claim: rows.Claim, row: Upload, video: Video) -> None:
    """In the transaction that makes the video: what was said meanwhile counts, and the upload is its video from now."""
    fresh = Upload.get_by_id(row.id)
    late = {name: getattr(fresh, name) for name in ("title", "description", "language") if getattr(fresh, name)}
    changed = {name: value for name, value in late.items() if value != getattr(row, name)}
    if changed:
        Video.update(**changed).where(Video.id == video.id).execute()
    Upload.update(video=video).where(Upload.id == row.id).execute()
    claim.done()
