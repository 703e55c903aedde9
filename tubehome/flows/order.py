"""Who is next: the order of the preparation, and what has to make way.

A message to the worker only says « look »; what is done next is decided here, each time, from the rows. Higher
priority first (« this first »), then what nobody can watch yet, then what has the least left to do. Paused videos and
those in the bin are left alone.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tubehome.base import clock
from tubehome.jobs import rows
from tubehome.library import kinds
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.site import Site

LOOKED_AT = 40  # videos; more than can be under way at once
STEPS_AT = 20  # steps of a video; more than its ranges that can be
IDLE = (Processing.READY, Processing.FAILED)


@dataclass(frozen=True)
class Next:
    step_id: int
    video_id: int
    priority: float


def following(site: Site) -> Next | None:
    """The step that can be done now, and should be first.

    Of two videos that can be watched (or cannot) the one with less left to do goes first: a clip of a minute does not
    wait for the night that a council session takes.
    """
    first = (
        "SELECT v.id, v.priority FROM video v"
        " WHERE v.removed IS NULL AND v.held_at IS NULL AND v.processing NOT IN (?, ?)"
        " AND EXISTS (SELECT 1 FROM step s WHERE s.video_id = v.id AND s.state IN (?, ?)"
        " AND (s.state = ? OR s.next_try <= ? OR s.next_try > ?))"
        " ORDER BY v.priority DESC, v.playable_at IS NOT NULL,"
        " (SELECT SUM(s.weight * (1 - s.progress)) FROM step s WHERE s.video_id = v.id AND s.state != ?), v.id LIMIT ?"
    )
    now = clock.timestamp()
    open_now = (rows.WAITING, rows.RUNNING, rows.RUNNING, now, now + rows.FARTHEST_TRY)
    for video_id, priority in site.db.execute_sql(first, (*IDLE, *open_now, rows.DONE, LOOKED_AT)).fetchall():
        step_id = next_step(site, video_id)
        if step_id is not None:
            return Next(step_id, video_id, priority)
    return None


def next_step(site: Site, video_id: int) -> int | None:
    """The video's next step that can be done now: when what lies before it is done, or at any time (`ALONGSIDE`).

    But until something can be played, nothing takes power from the first range.
    """
    chosen = (
        "SELECT s.id, s.state FROM step s WHERE s.video_id = ? AND s.state IN (?, ?)"
        " AND (s.state = ? OR s.next_try <= ? OR s.next_try > ?)"
        " AND (s.position = (SELECT MIN(position) FROM step WHERE video_id = ? AND state != ?)"
        " OR (s.kind = ? AND s.number = 0)"
        " OR (s.kind IN (?, ?) AND (SELECT playable_at FROM video WHERE id = ?) IS NOT NULL))"
        " ORDER BY s.position LIMIT ?"
    )
    now = clock.timestamp()
    open_now = (rows.WAITING, rows.RUNNING, rows.RUNNING, now, now + rows.FARTHEST_TRY)
    values = (video_id, *open_now, video_id, rows.DONE, kinds.RANGE, *kinds.ALONGSIDE, video_id, STEPS_AT)
    for step_id, state in site.db.execute_sql(chosen, values).fetchall():
        if state == rows.WAITING or rows.workable(Step(id=step_id, state=state, next_try=0), site.files.run):
            return int(step_id)
    return None


class Crew:
    """The places of one worker, and what is being done in them."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._running: dict[int, tuple[int, threading.Event]] = {}
        self._taken = 0
        self._lock = threading.Lock()

    def take(self) -> bool:
        """A place to work in, if one is free."""
        with self._lock:
            if self._taken >= self.places:
                return False
            self._taken += 1
            return True

    def leave(self) -> None:
        with self._lock:
            self._taken -= 1

    @property
    def free(self) -> bool:
        with self._lock:
            return self._taken < self.places

    @contextmanager
    def doing(self, step_id: int, video_id: int, stop: threading.Event) -> Iterator[None]:
        """While a step is under way: setting its `stop` gives it back."""
        with self._lock:
            self._running[step_id] = video_id, stop
        try:
            yield
        finally:
            with self._lock:
                self._running.pop(step_id, None)

    def enforce(self, site: Site) -> None:
        """Something about the order has changed: ends what may not go on, or has to make way for what is first."""
        with self._lock:
            running = dict(self._running)
        if not running:
            return
        wanted = dict(_wanted(running))
        for step_id, (_, stop) in running.items():
            if step_id not in wanted:
                stop.set()
        left = [(wanted[step_id], video_id, running[step_id][1]) for step_id, (video_id, _) in running.items()
                if step_id in wanted]  # fmt: skip
        waiting = following(site)
        if waiting is None or self.free or len(left) < len(running):
            return
        lowest, _, stop = min(left, key=lambda each: (each[0], -each[1]))
        if waiting.priority > lowest:
            stop.set()


def _wanted(running: dict[int, tuple[int, threading.Event]]) -> list[tuple[int, float]]:
    """(step, its video's priority) of those that may go on: it may have been paused, binned, or said to be enough."""
    found: Any = (
        Step.select(Step.id, Video.priority)
        .join(Video)
        .where(Step.id << list(running), Video.removed.is_null(), Video.held_at.is_null())
    )
    return list(found.tuples())
