"""How far the preparation of a video is: honest numbers from its steps, counted by the database.

A long film has hundreds of steps, and a list shows many films: nothing here reads them one by one, but of what is
being done now.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from peewee import fn

from tubehome.base import clock
from tubehome.base.errors import TubehomeError
from tubehome.jobs import rows
from tubehome.library.kinds import APPEND, FINISH, RANGE, TOP
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.library.room import waits_for_room

WHOLE = (TOP, FINISH)  # kinds of steps that end a size
SIZES = (TOP, RANGE, APPEND, FINISH)  # kinds of steps that sizes are made by
MEASURED_AFTER = 10.0  # seconds of work before a time is said
MEASURED_SHARE = 0.01  # of the work, or a range: the same


@dataclass(frozen=True)
class Tally:
    """A video's steps, summed up. `weight` is work, see flows.steps."""

    weight: float = 0.0
    done: float = 0.0  # of the weight
    ranges: int = 0
    ranges_done: int = 0
    range_weight: float = 0.0
    appends: float = 0.0  # weight
    appended: float = 0.0
    whole: bool = False  # a size is
    sizes: bool = False  # one is still to be made, or to be ended
    now: Step | None = None  # the step that failed, else that is being done, else that comes next
    doing: tuple[Step, ...] = ()
    spans: tuple[tuple[float, float], ...] = ()  # when something was done; only while something is
    worked: float = 0.0  # the weight of what was done in them

    @property
    def left(self) -> float:
        """Weight that is still to be done."""
        return self.weight - self.done


class Group(NamedTuple):
    """A video's steps of one kind in one state. `worked`: weight, by how far they say they are."""

    kind: str
    state: str
    number: int
    weight: float
    worked: float
    first: int  # its smallest id


@dataclass(frozen=True)
class Progress:
    state: str  # library.processing.Processing
    percent: int  # 0 to 100, of the whole work
    remaining: float | None  # seconds, None when it cannot be said honestly yet
    step: str  # the kind of step that is being done or comes next, "" when there is none
    height: int  # of the rendition that the step makes, 0 when none
    waiting_for: TubehomeError | None  # what it waits for (room on the disk), or why it is tried again
    again_at: datetime | None  # when it is, then
    playable: bool
    sizes: bool  # one is still to be made
    available: float | None = None  # seconds of it that can be watched, while it grows
    duration: float = 0.0  # seconds

    @property
    def no_room(self) -> bool:
        """It waits until there is room on the disk."""
        return waits_for_room(self.waiting_for)


def tallies(video_ids: Sequence[int]) -> dict[int, Tally]:
    """Of each of these videos that has steps. Counted by kind and state, which an index of the table answers alone."""
    count, weight, worked = fn.COUNT(Step.id), fn.SUM(Step.weight), fn.SUM(Step.weight * Step.progress)
    found: Any = Step.select(Step.video, Step.kind, Step.state, count, weight, worked, fn.MIN(Step.id))
    grouped = found.where(Step.video << list(video_ids)).group_by(Step.video, Step.kind, Step.state)
    groups: dict[int, list[Group]] = {}
    for video, *group in grouped.tuples() if video_ids else ():
        groups.setdefault(video, []).append(Group(*group))
    first = {video: now for video, every in groups.items() if (now := _first(every))}
    nows = _steps(first.values())
    return {video: _tally(video, every, nows.get(first.get(video, 0))) for video, every in groups.items()}


def _first(every: Sequence[Group]) -> int | None:
    """The step to be named: one that failed, else one that is being done, else the next. Ids follow positions."""
    for state in (rows.FAILED, rows.RUNNING, rows.WAITING):
        some = [group.first for group in every if group.state == state]
        if some:
            return min(some)
    return None


def _tally(video: int, every: Sequence[Group], now: Step | None) -> Tally:
    def weight(*kinds: str, done: bool = False) -> float:
        return sum(g.weight for g in every if g.kind in kinds and (not done or g.state == rows.DONE))

    ranges = [group for group in every if group.kind == RANGE]
    return Tally(
        weight=sum(group.weight for group in every),
        done=sum(group.weight if group.state == rows.DONE else group.worked for group in every),
        ranges=sum(group.number for group in ranges),
        ranges_done=sum(group.number for group in ranges if group.state == rows.DONE),
        range_weight=weight(RANGE),
        appends=weight(APPEND),
        appended=weight(APPEND, done=True),
        whole=any(group.kind in WHOLE and group.state == rows.DONE for group in every),
        sizes=any(group.kind in SIZES and group.state != rows.DONE for group in every),
        now=now,
        **(_doing(video) if now is not None and now.state == rows.RUNNING else {}),
    )


def _steps(ids: Iterable[int]) -> dict[int, Step]:
    wanted = list(ids)
    return {step.id: step for step in Step.select().where(Step.id << wanted)} if wanted else {}


def _doing(video: int) -> dict[str, Any]:
    """What is being done, and when anything was: for its speed."""
    doing = tuple(Step.select().where(Step.video == video, Step.state == rows.RUNNING).order_by(Step.position))
    columns = (Step.state, Step.weight, Step.progress, Step.started_at, Step.finished_at)
    begun: Any = Step.select(*columns).where(
        Step.video == video, Step.state << (rows.DONE, rows.RUNNING), Step.started_at.is_null(False)
    )
    now, worked, spans = clock.timestamp(), 0.0, []
    for state, weight, progress, started, finished in begun.tuples():
        ended = state == rows.DONE
        spans.append((started, finished if ended and finished else now))
        worked += weight if ended else weight * progress
    return {"doing": doing, "spans": tuple(spans), "worked": worked}


def progress(video: Video) -> Progress:
    return progress_of(video, tally_of(video))


def tally_of(video: Video) -> Tally:
    return tallies([video.id]).get(video.id, Tally())


def progress_of(video: Video, tally: Tally) -> Progress:
    """For lists, which have tallied all their videos at once."""
    now = tally.now
    waiting_for = now.error if now and now.state == rows.WAITING else None
    return Progress(
        state=video.processing,
        percent=100 if video.processing == Processing.READY else min(99, int(100 * tally.done / (tally.weight or 1.0))),
        remaining=remaining(tally),
        step=now.kind if now else "",
        height=now.height if now else 0,
        waiting_for=waiting_for,
        again_at=clock.from_timestamp(now.next_try) if now and waiting_for else None,
        playable=video.playable_at is not None,
        sizes=tally.sizes,
        available=_available(video, tally),
        duration=video.duration,
    )


def _available(video: Video, tally: Tally) -> float | None:
    """The shares of the ranges that were appended; None before anything can be watched, and once one size is whole."""
    if video.playable_at is None or tally.whole or not tally.appended:
        return None
    return video.duration * tally.appended / tally.appends


def remaining(tally: Tally) -> float | None:
    """From the speed measured so far: weight a second in which any step ran. None while too little was measured."""
    spent = rows.covered(tally.spans)
    begun = tally.ranges_done > 0 or tally.worked >= MEASURED_SHARE * tally.weight
    if spent <= MEASURED_AFTER or tally.worked <= 0 or not begun:
        return None
    return tally.left * spent / tally.worked
