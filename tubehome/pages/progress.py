"""How far the preparation of a video is: honest numbers from its steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tubehome.base import clock
from tubehome.base.errors import TubehomeError
from tubehome.jobs import rows
from tubehome.library import queries
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing


@dataclass(frozen=True)
class Progress:
    state: str  # library.processing.Processing
    percent: int  # 0 to 100, of the whole work
    remaining: float | None  # seconds, None when it cannot be said honestly yet
    step: str  # the kind of step that is being done or comes next, "" when there is none
    height: int  # of the rendition that the step makes, 0 when none
    waiting_for: TubehomeError | None  # what it waits for (room on the disk), or why it is tried again
    playable: bool
    available: float | None = None  # seconds of it that can be watched, while it grows
    duration: float = 0.0  # seconds


def progress(video: Video) -> Progress:
    return progress_of(video, queries.steps(video))


def progress_of(video: Video, steps: Sequence[Step]) -> Progress:
    """For lists, which have read the steps of all their videos at once."""
    total = sum(s.weight for s in steps) or 1.0
    done = sum(s.weight if s.state == rows.DONE else s.weight * s.progress for s in steps)
    left = [s for s in steps if s.state != rows.DONE]
    current = next((s for s in left if s.state == rows.RUNNING), left[0] if left else None)
    return Progress(
        state=video.processing,
        percent=100 if video.processing == Processing.READY else min(99, int(100 * done / total)),
        remaining=_remaining(steps, total - done),
        step=current.kind if current else "",
        height=current.height if current else 0,
        waiting_for=current.error if current and current.state == rows.WAITING else None,
        playable=video.playable_at is not None,
        available=_available(video, steps),
        duration=video.duration,
    )


def _available(video: Video, steps: Sequence[Step]) -> float | None:
    """The shares of the ranges that were appended; None once one size is whole (see flows.steps for the kinds)."""
    if any(s.kind in ("top", "finish") and s.state == rows.DONE for s in steps):
        return None
    ranges = [s for s in steps if s.kind == "append"]
    whole, done = sum(s.weight for s in ranges), sum(s.weight for s in ranges if s.state == rows.DONE)
    return video.duration * done / whole if done and whole else None


def _remaining(steps: Sequence[Step], left: float) -> float | None:
    """From the speed measured so far (weight a second in which any step ran); nothing is said before 10 s of it."""
    worked, spans = 0.0, []
    for step in steps:
        if step.started_at and step.state in (rows.DONE, rows.RUNNING):
            end = step.finished_at if step.state == rows.DONE and step.finished_at else clock.timestamp()
            spans.append((step.started_at, end))
            worked += step.weight if step.state == rows.DONE else step.weight * step.progress
    spent = rows.covered(spans)
    return left * spent / worked if spent > 10 and worked > 0 else None
