"""The steps that a plan needs, in order: what can be played soon comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tubehome.base import ids
from tubehome.library.kinds import (
    AHEAD,
    APPEND,
    FINISH,
    IMAGES,
    INSIDE,
    PROGRESSIVE,
    RANGE,
    RELEASE,
    SOUND,
    STORYBOARD,
    TOP,
)
from tubehome.media import hls
from tubehome.media.plan import RAMP, Plan, Span


def planned_steps(plan: Plan, first: int = 1, *, keep: bool = True) -> Iterator[dict[str, Any]]:
    """The rows of a plan's steps, in order, from the position `first` on; weights are rough shares of the work.

    Not `keep`: the last one lets the original go.

    What can be played soon comes first: a copied picture, else the first range, which is short.
    """
    last = [] if keep else [(RELEASE, 0.03 * plan.duration, 0, 0)]
    for at, (kind, weight, number, height) in enumerate([*_in_order(plan), *last], first):
        file = file_name(kind, height)
        yield {"position": at, "kind": kind, "weight": weight, "number": number, "height": height, "file": file}


def file_name(kind: str, height: int) -> str:
    """Chosen before: a repeated step leaves no second file."""
    if kind == PROGRESSIVE:
        return f"{height}p.mp4"
    return f"{ids.new_uuid()}-{height}{hls.SUFFIX}" if kind in (TOP, FINISH) else ""


def _in_order(plan: Plan) -> Iterator[tuple[str, float, int, int]]:
    """(kind, weight, number, height) of each step."""
    seconds, encoded = plan.duration, plan.encoded
    download = (PROGRESSIVE, 0.005 * seconds, 0, plan.progressive)
    spans = plan.spans if encoded else ()
    if plan.early:
        yield AHEAD, 0.015 * plan.ahead, 0, 0
        yield from _of_ranges(spans[: plan.early], plan)
    if plan.sound:
        yield SOUND, (0.001 if plan.copy_sound else 0.015) * seconds, 0, 0
    if plan.copied:
        yield TOP, 0.003 * seconds, 0, plan.rungs[0].height
        yield IMAGES, 2.0, 0, 0
        if plan.inside:
            yield _inside_of(plan)
        if plan.progressive == plan.rungs[0].height:
            yield download
    yield from _of_ranges(spans[plan.early :], plan)
    for rung in encoded:
        yield FINISH, 0.01, 0, rung.height
    if not plan.copied or plan.progressive != plan.rungs[0].height:
        yield download
    if not plan.drawn:
        yield STORYBOARD, 0.002 * seconds, 0, 0


def _of_ranges(spans: Sequence[Span], plan: Plan) -> Iterator[tuple[str, float, int, int]]:
    pixels = sum(rung.width_px * rung.height_px for rung in plan.encoded)
    soon = min(len(RAMP), len(plan.spans) - 1)  # some of the film is there; what is inside it is kept with any of it
    for span in spans:
        length = float(span.frames / plan.rate)
        if plan.inside and not plan.copied and span.number == soon:
            yield _inside_of(plan)
        yield RANGE, span.frames * pixels / 60e6 + 0.1 * length, span.number, 0
        yield APPEND, 0.003 * length * len(plan.encoded), span.number, 0
        if not plan.copied and span.number == 0:
            yield IMAGES, 2.0, 0, 0


def _inside_of(plan: Plan) -> tuple[str, float, int, int]:
    return INSIDE, 0.001 * plan.duration, 0, 0
