"""The owner's first page: what wants attention, what is being prepared, room on the disk, the latest videos."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime

from peewee import fn

from tubehome.base import clock
from tubehome.jobs import rows
from tubehome.jobs.rows import WorkRow
from tubehome.library.limits import KEPT_SECONDS
from tubehome.library.models import Channel, Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.library.room import NO_ROOM
from tubehome.owner import recovery
from tubehome.pages.studio_videos import StudioRow, studio_rows
from tubehome.site import Site
from tubehome.uploads.models import RECEIVING, Upload

LATEST = 5
SOON_ERASED = 3 * 86_400.0  # seconds before the bin lets go of a video that we say so
NEARLY_FULL = 0.9
MONTH = 30 * 86_400.0
MEASURED = 3 * MONTH  # over which the pace of the disk is measured


@dataclass(frozen=True)
class Disk:
    total: int  # bytes
    free: int
    originals: int  # bytes of the files as they were given
    made: int  # bytes of what was made of them
    full_on: datetime | None  # at the pace of the last months; None when that cannot be said


@dataclass(frozen=True)
class Today:
    day: datetime
    empty: bool  # there has been no video yet
    failed: tuple[StudioRow, ...]
    refused: int  # uploads that were refused and not seen yet
    unfinished: int  # uploads that stand still
    no_room: bool  # work waits for room on the disk
    codes_left: int
    bin_soon: int  # videos that will soon be erased
    working: tuple[StudioRow, ...]
    latest: tuple[StudioRow, ...]
    disk: Disk

    @property
    def quiet(self) -> bool:
        """Nothing wants attention."""
        busy = (self.failed, self.refused, self.unfinished, self.no_room, self.bin_soon, self.disk_is_full)
        return self.codes_left > 0 and not any(busy)

    @property
    def disk_is_full(self) -> bool:
        return self.disk.free < (1 - NEARLY_FULL) * self.disk.total


def today(site: Site) -> Today:
    """A fixed number of questions, whatever the number of videos."""
    now = clock.timestamp()
    here = Video.select(Video, Channel).join(Channel).where(Video.removed.is_null())
    failed = here.where(Video.processing == Processing.FAILED).order_by(Video.id.desc()).limit(LATEST)
    busy = Video.processing.not_in((Processing.READY, Processing.FAILED))
    working = here.where(busy).order_by(Video.priority.desc(), Video.id).limit(LATEST)
    latest = here.order_by(fn.COALESCE(Video.published_at, Video.created_at).desc()).limit(LATEST)
    soon = Video.removed_at < now - KEPT_SECONDS + SOON_ERASED
    return Today(
        day=clock.now(),
        empty=not Video.select().exists(),
        failed=studio_rows(list(failed)),
        refused=Upload.select().where(Upload.state == rows.FAILED).count(),
        unfinished=Upload.select().where(Upload.state == RECEIVING, Upload.created_at < now - 86_400).count(),
        no_room=_waits_for_room(),
        codes_left=recovery.left(),
        bin_soon=Video.select().where(Video.removed.is_null(False), soon).count(),
        working=studio_rows(list(working)),
        latest=studio_rows(list(latest)),
        disk=_disk(site),
    )


def _waits_for_room() -> bool:
    kinds: tuple[type[WorkRow], ...] = (Step, Upload)
    return any(
        kind.select().where(kind.state == rows.WAITING, kind.last_error.contains(NO_ROOM)).exists() for kind in kinds
    )


def _disk(site: Site) -> Disk:
    room = shutil.disk_usage(site.files.root)
    originals = Video.select(fn.SUM(Video.source_size)).scalar() or 0
    made = Rendition.select(fn.SUM(Rendition.size)).scalar() or 0
    progressive = Video.select(fn.SUM(Video.progressive_size)).scalar() or 0
    return Disk(room.total, room.free, originals, made + progressive, _full_on(room.free))


def _full_on(free: int) -> datetime | None:
    """When the disk fills at the pace of the last months. Nothing is said before a month of it, or beyond ten years."""
    now = clock.timestamp()
    first = Video.select(fn.MIN(Video.created_at)).scalar()
    if first is None or now - first < MONTH:
        return None
    since = max(first, now - MEASURED)
    recent = Video.created_at >= since
    added = Video.select(fn.SUM(Video.source_size + fn.COALESCE(Video.progressive_size, 0))).where(recent).scalar() or 0
    added += Rendition.select(fn.SUM(Rendition.size)).join(Video).where(recent).scalar() or 0
    pace = added / (now - since)
    seconds = free / pace if pace > 0 else float("inf")
    return clock.from_timestamp(now + seconds) if seconds < 10 * 365 * 86_400 else None
