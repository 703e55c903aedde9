"""Why a preparation has stopped. When several parts of a film are damaged, one sentence names them all."""

from __future__ import annotations

from collections.abc import Sequence

from tubehome.base.errors import ToolFailed, TubehomeError
from tubehome.base.i18n import mark
from tubehome.library.damage import DAMAGED, damaged
from tubehome.library.models import Step

SEVERAL = mark("At {times} and {last} the film is damaged: go on without these {n} parts?")


def damaged_parts(*video_ids: int) -> dict[int, list[Step]]:
    """The damaged parts of those videos that have some, in the film's order."""
    parts: dict[int, list[Step]] = {}
    for step in sorted(damaged(*video_ids), key=lambda step: step.number) if video_ids else ():
        parts.setdefault(step.video_id, []).append(step)
    return parts


def why(error: TubehomeError | None, parts: Sequence[Step]) -> TubehomeError | None:
    """`error`: of the step that is named; `parts`: those that the owner would go on without."""
    if error is None or error.text != DAMAGED or len(parts) < 2:
        return error
    *times, last = (str(step.error.values["time"]) for step in parts if step.error)
    return ToolFailed(SEVERAL, times=", ".join(times), last=last, n=len(parts))
