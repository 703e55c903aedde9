"""The work queue: what is being done and how fast, what waits and for what, what has stopped and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tubehome.base import clock
from tubehome.base.errors import TubehomeError
from tubehome.jobs import rows
from tubehome.library.kinds import RANGE
from tubehome.library.models import Channel, Picture, Step, Video
from tubehome.library.processing import Processing
from tubehome.library.room import waits_for_room
from tubehome.library.speed import measured_speed
from tubehome.pages.making import Making, making
from tubehome.pages.parts import Film, film
from tubehome.pages.progress import Progress, Tally, progress_of, tallies
from tubehome.pages.stopped import damaged_parts, why
from tubehome.uploads.models import Upload

SHOWN = 50  # of what waits; the others are counted
MEASURED_AFTER = 5.0  # seconds of a step before its speed is said
SLOWEST = 0.05  # times real time: what is below would be said as 0
DOING, TURN, LATER, HELD, FAILED = "doing", "turn", "later", "held", "failed"


@dataclass(frozen=True)
class QueueRow:
    film: Film
    short: str
    state: str  # DOING, TURN (waits for its turn), LATER (for a moment, or for room), HELD, FAILED
    step: str  # kind of the step that is done or comes next, see flows.steps
    height: int
    number: int  # of the range, from 1
    ranges: int  # in all
    progress: Progress
    about: float | None  # seconds that it will take once it is its turn
    making: Making | None  # of what is being done, or has stopped
    speed: float | None  # times real time, of what is being done
    waits_for: TubehomeError | None
    again_at: datetime | None  # when it is tried again
    detail: str
    playable: bool
    first: bool  # was put first
    may_end: bool  # enough is ready to be kept
    damaged: int  # parts of it that cannot be encoded: it may go on without


@dataclass(frozen=True)
class QueueUpload:
    name: str
    message: TubehomeError | None  # what it waits for
    no_room: bool  # for room on the disk


@dataclass(frozen=True)
class QueuePage:
    doing: tuple[QueueRow, ...]
    waiting: tuple[QueueRow, ...]
    failed: tuple[QueueRow, ...]
    checking: tuple[QueueUpload, ...]
    more: int  # waiting, and not shown
    asked_at: datetime


def queue() -> QueuePage:
    """In the order in which it will be done."""
    doing = Video.id << Step.select(Step.video).where(Step.state == rows.RUNNING)
    order = (
        doing.desc(),
        Video.held_at.is_null(False),
        Video.priority.desc(),
        Video.playable_at.is_null(False),
        Video.id,
    )
    here = (Video.processing != Processing.READY) & Video.removed.is_null()
    chosen = Video.select(Video, Channel).join(Channel).where(here)
    failed = list(chosen.where(Video.processing == Processing.FAILED).order_by(Video.id.desc()).limit(SHOWN))
    going = list(chosen.where(Video.processing != Processing.FAILED).order_by(*order).limit(SHOWN + 1))
    total = chosen.where(Video.processing != Processing.FAILED).count()
    made = _rows([*going[:SHOWN], *failed])
    doing = tuple(row for row in made if row.state == DOING)
    waiting = tuple(row for row in made if row.state in (TURN, LATER, HELD))
    return QueuePage(
        doing=doing,
        waiting=waiting,
        failed=tuple(row for row in made if row.state == FAILED),
        checking=_checking(),
        more=max(0, total - SHOWN),
        asked_at=clock.now(),
    )


def _checking() -> tuple[QueueUpload, ...]:
    found = Upload.select().where(Upload.state << (rows.WAITING, rows.RUNNING)).order_by(Upload.id).limit(SHOWN)
    return tuple(_upload(upload.name, upload.error) for upload in found)


def _upload(name: str, error: TubehomeError | None) -> QueueUpload:
    return QueueUpload(name, error, no_room=waits_for_room(error))


def _rows(videos: Sequence[Video]) -> list[QueueRow]:
    ids = [video.id for video in videos]
    counted = tallies(ids)
    pictures: dict[int, list[Picture]] = {}
    for picture in Picture.select().where(Picture.video << ids).order_by(Picture.width):
        pictures.setdefault(picture.video_id, []).append(picture)
    broken = damaged_parts(*(video.id for video in videos if video.processing == Processing.FAILED))
    speed = measured_speed()
    return [
        _row(video, counted.get(video.id, Tally()), pictures.get(video.id, []), speed, broken.get(video.id, []))
        for video in videos
    ]


def _row(
    video: Video, tally: Tally, pictures: Sequence[Picture], speed: float | None, broken: Sequence[Step]
) -> QueueRow:
    now = tally.now
    shown = film(video, pictures)
    error = now.error if now else None
    state = _state(video, now)
    return QueueRow(
        film=shown,
        short=shown.path.rsplit("/", 1)[1],
        state=state,
        step=now.kind if now else "",
        height=now.height if now else 0,
        number=now.number + 1 if now else 0,
        ranges=tally.ranges,
        progress=progress_of(video, tally),
        about=tally.left / speed if speed and state == TURN else None,
        making=making(video, tally, speed) if state in (DOING, FAILED) else None,
        speed=_speed(video, tally) if state == DOING else None,
        waits_for=why(error, broken) if state in (LATER, FAILED) else None,
        again_at=clock.from_timestamp(now.next_try) if now and state == LATER else None,
        detail=(now.detail or "") if now and state == FAILED else "",
        playable=video.playable_at is not None,
        first=video.priority > 0,
        may_end=video.out_at is not None,
        damaged=len(broken),
    )


def _state(video: Video, now: Step | None) -> str:
    if video.processing == Processing.FAILED:
        return FAILED
    if video.held_at is not None:
        return HELD
    if now is not None and now.state == rows.RUNNING:
        return DOING
    late = now is not None and now.state == rows.WAITING and now.next_try > clock.timestamp()
    return LATER if late else TURN


def _speed(video: Video, tally: Tally) -> float | None:
    """Seconds of film a second, of steps that tell how far they are; None when none does, or hardly."""
    speed = 0.0
    for step in tally.doing:
        elapsed = clock.timestamp() - (step.started_at or 0)
        if step.started_at and step.progress and elapsed > MEASURED_AFTER:
            share = step.weight / tally.range_weight if step.kind == RANGE and tally.range_weight else 1
            speed += step.progress * video.duration * share / elapsed
    return speed if speed >= SLOWEST else None
