"""A film's plan, and how far each part of it is: what the owner is shown before and while it is prepared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tubehome.base import i18n
from tubehome.jobs import rows
from tubehome.library.kinds import RANGE
from tubehome.library.models import Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.media.plan import Plan
from tubehome.media.still import SAID
from tubehome.pages.progress import Tally, remaining

CELLS = 60  # of the map; a longer film has several parts in one
THERE, DOING, WAITING, FAILED, SKIPPED = "there", "doing", "waiting", "failed", "skipped"


@dataclass(frozen=True)
class Making:
    """`copied` and `encoded`: heights in lines; `why` and `drawn`: message ids, "" for none."""

    copied: int  # 0: nothing
    copied_there: bool
    encoded: tuple[int, ...]
    why: str  # the picture is not copied
    drawn: str  # what was done for sound alone
    map: tuple[str, ...]  # a state for each cell, in the film's order
    ranges: int
    there: int
    doing: int
    failed: tuple[str, ...]  # where in the film, as « 1:12:30 »
    skipped: int
    seconds: float | None  # about how long all of it takes on this machine, until progress says what is left


def making(video: Video, tally: Tally, speed: float | None) -> Making | None:
    """None before there is a plan. `speed`: library.speed.measured_speed."""
    if not video.plan:
        return None
    plan = Plan.from_json(video.plan)
    states = _states(video)
    there = {
        made.height for made in Rendition.select(Rendition.height).where(Rendition.video == video, Rendition.final)
    }
    failed = [number for number, state in enumerate(states) if state == FAILED]
    spans = plan.spans if failed else ()
    copied = plan.rungs[0].height if plan.copied else 0
    return Making(
        copied=copied,
        copied_there=copied in there,
        encoded=tuple(rung.height for rung in plan.encoded),
        why=plan.refusal,
        drawn=SAID.get(plan.drawn, ""),
        map=_cells(states),
        ranges=len(states),
        there=states.count(THERE),
        doing=states.count(DOING),
        failed=tuple(i18n.clock(float(spans[number].start)) for number in failed if number < len(spans)),
        skipped=states.count(SKIPPED),
        seconds=tally.left / speed if speed and not tally.ranges_done and remaining(tally) is None else None,
    )


def _states(video: Video) -> list[str]:
    """Of each range. When the preparation has stopped nothing is being made, though a neighbour part may still end."""
    columns = (Step.number, Step.state, Step.made.contains('"given_up": true'))
    found: Any = Step.select(*columns).where(Step.video == video, Step.kind == RANGE).order_by(Step.number)
    running = WAITING if video.processing == Processing.FAILED else DOING
    named = {rows.RUNNING: running, rows.FAILED: FAILED, rows.WAITING: WAITING}
    return [
        SKIPPED if given_up and state == rows.DONE else named.get(state, THERE) for _, state, given_up in found.tuples()
    ]


def _cells(states: list[str]) -> tuple[str, ...]:
    """At most CELLS. Of several parts in one cell what asks for most is shown; there only when all are."""
    count = min(CELLS, len(states))
    cells = []
    for cell in range(count):
        some = states[cell * len(states) // count : (cell + 1) * len(states) // count]
        cells.append(next(state for state in (FAILED, DOING, WAITING, SKIPPED, THERE) if state in some))
    return tuple(cells)
