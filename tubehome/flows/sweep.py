"""What heals: every row that waits is rung for, what dead processes left is cleared, the bin is emptied in time."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from tubehome.base import clock
from tubehome.flows.discard import KEPT_SECONDS
from tubehome.flows.erase import erase
from tubehome.jobs import Job, rows
from tubehome.library.models import Step, Video
from tubehome.site import Site
from tubehome.store import files, lock


def sweep(site: Site, thorough: bool = False) -> None:
    """Every minute; `thorough`, when the worker starts, also looks for folders that no row speaks of."""
    _empty_bin(site)
    files.empty(site.files.trash)
    for left in files.children(site.files.incoming):
        _remove_if_abandoned(left)
    if thorough:
        _remove_orphans(site)
    waiting = {step.video_id: None for step in rows.due(Step, site.files.run)}
    for video_id in waiting:
        site.jobs.later(Job.ADVANCE, video_id)


def _empty_bin(site: Site) -> None:
    for video in Video.select().where(Video.removed_at < clock.timestamp() - KEPT_SECONDS):
        erase(site, video)


def _remove_if_abandoned(left: Path) -> bool:
    """Whoever copies a file in holds a lock on it; a free one was left by a process that died."""
    held = lock.try_exclusive(left) if left.is_file() and _older(left, 10) else None
    if held is None:
        return False
    held.release(remove=True)
    return True


def _remove_orphans(site: Site) -> None:
    """Video folders without a row: a copy that was killed between its file's move and its commit."""
    uuids: Any = Video.select(Video.uuid).tuples()
    known = {uuid for (uuid,) in uuids}
    for folder in files.children(site.files.videos()):
        if folder.name in known:
            continue
        original = site.files.original(folder.name)
        if _remove_if_abandoned(original) if original else _older(folder, 3600):
            shutil.rmtree(folder, ignore_errors=True)


def _older(path: Path, seconds: float) -> bool:
    """Spares what was made just now: its maker may not have taken its lock yet."""
    try:
        return time.time() - path.stat().st_mtime > seconds
    except FileNotFoundError:
        return False
