"""What heals: every row that waits is rung for, what dead processes left is cleared, the bin is emptied in time.

Rows are read to their end before anything is written: a connection that still reads holds an old picture of the
database, and cannot write once somebody else has.
"""

from __future__ import annotations

import contextlib
import logging
import time
from pathlib import Path
from typing import Any

from tubehome.base import clock
from tubehome.flows import watched
from tubehome.flows.erase import erase
from tubehome.flows.order import following
from tubehome.flows.publish import publish
from tubehome.jobs import Job, rows
from tubehome.library.limits import KEPT_SECONDS
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.site import Site
from tubehome.store import files, lock
from tubehome.uploads import desk
from tubehome.uploads.models import RECEIVING, WATCHED, Upload

log = logging.getLogger(__name__)


def sweep(site: Site, thorough: bool = False) -> None:
    """Every minute; `thorough`, when the worker starts, also goes through the folders of all videos."""
    ring(site)  # first: a folder that cannot be tidied must not keep work from going on
    _complete(site)
    _empty_bin(site)
    files.empty(site.files.trash)
    desk.expire(site)
    open_uploads = _open_uploads()
    for left in site.files.incoming.glob("*.kept"):
        watched.settle_kept(site, left.stem)
        if left.stem not in open_uploads:
            with contextlib.suppress(OSError):  # what lay in it went back with its film
                left.rmdir()
    for left in files.children(site.files.incoming):
        if left.stem not in open_uploads and _remove_if_abandoned(left):
            _remove_orphan(site, site.files.video(left.stem))
    if thorough:
        for kind in (Step, Upload):
            rows.forget_dead_claims(kind, site.files.run)
        _tidy_videos(site)


def ring(site: Site) -> None:
    """Asks for every row that could be worked on now."""
    for upload in rows.due(Upload, site.files.run):
        site.jobs.later(Job.ACCEPT, upload.id)
    if following(site):
        site.jobs.later(Job.ADVANCE)


def _complete(site: Site) -> None:
    """Uploads whose last byte came just before the web died. (The watched folder heals its own: `watched`.)"""
    for upload in list(Upload.select().where(Upload.state == RECEIVING, Upload.token != WATCHED)):
        if desk.arrived(site, upload):
            site.jobs.later(Job.ACCEPT, upload.id)


def _open_uploads() -> set[str]:
    """Ids of uploads whose file must be left alone: it is coming, waits to be looked at, or to be tried again."""
    found: Any = Upload.select(Upload.uuid).where(Upload.state != rows.DONE)
    return {uuid for (uuid,) in found.tuples()}


def _empty_bin(site: Site) -> None:
    for video in list(Video.select().where(Video.removed_at < clock.timestamp() - KEPT_SECONDS)):
        erase(site, video)


def _remove_if_abandoned(left: Path) -> bool:
    """Whoever copies a file in holds a lock on it; a free one was left by a process that died."""
    held = lock.try_exclusive(left) if left.is_file() and _older(left, 10) else None
    if held is None:
        return False
    held.release(remove=True)
    return True


def _tidy_videos(site: Site) -> None:
    """What a kill left: folders without a row, intermediate files of videos that were just ready, a move not made."""
    for video in list(Video.select().where(Video.processing << (Processing.PLAYABLE, Processing.OUT))):
        with site.db.atomic():
            publish(video.id)
    rows_say: Any = Video.select(Video.uuid, Video.processing).tuples()
    known = dict(rows_say)
    for folder in files.children(site.files.videos()):
        if folder.name not in known:
            _remove_orphan(site, folder)
        elif known[folder.name] == Processing.READY:
            files.empty(site.files.work(folder.name))


def _remove_orphan(site: Site, folder: Path) -> None:
    """The folder of a copy that was killed before its commit, or of a video whose erasing was.

    Whoever copies holds the file's lock from `incoming` through its move until the row is committed: so what is
    not locked and has, looked at then, no row, is nobody's. A folder without the mark `loose` had its row once (an
    older database was put back): it is left alone.
    """
    if (site.files.incoming / f"{folder.name}.part").exists() or folder.name in _open_uploads():
        return
    with contextlib.suppress(FileNotFoundError):  # a refused copy takes its folder away itself
        if not site.files.loose(folder.name).exists():
            log.warning("the folder %s belongs to no video of this database; it is left alone", folder)
            return
        original = site.files.original(folder.name)
        held = lock.try_exclusive(original) if original else None
        if held is None and (original or not _older(folder, 10)):
            return
        try:
            if not Video.select().where(Video.uuid == folder.name).exists():
                files.erase(folder, site.files.trash)
        finally:
            if held:
                held.release()


def _older(path: Path, seconds: float) -> bool:
    """Spares what was made just now: its maker may not have taken its lock yet."""
    try:
        return time.time() - path.stat().st_mtime > seconds
    except FileNotFoundError:
        return False
