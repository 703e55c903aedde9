"""How fast this machine prepares films: measured from what it did last."""

from __future__ import annotations

from typing import Any

from tubehome.jobs import rows
from tubehome.library.kinds import RANGE
from tubehome.library.models import Step

MEASURED = 50  # of the last ones


def measured_speed(places: int | None = None) -> float | None:
    """Weight a second, all places together (no more than `places`); None before it did anything."""
    done = (Step.kind == RANGE) & (Step.state == rows.DONE)
    found: Any = Step.select(Step.weight, Step.started_at, Step.finished_at).where(done)
    last = list(found.order_by(Step.finished_at.desc()).limit(MEASURED).tuples())
    spans = [(start, end) for _, start, end in last if start and end]
    spent = sum(end - start for start, end in spans)
    if spent <= 1:
        return None
    together = max(1.0, spent / max(1e-6, rows.covered(spans)))
    return float(sum(weight for weight, _, _ in last) * min(together, places or together) / spent)
