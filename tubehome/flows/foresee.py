"""What would be made of a file, said before anything is: the plan, and about how long it takes here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tubehome.base.config import Config
from tubehome.flows import machine, steps
from tubehome.jobs import rows
from tubehome.library.models import Step
from tubehome.media import check, encode, plan
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan

MEASURED = 50  # of the last ranges, whose speed is this machine's
USUAL = 1.0  # weight that a core does in a second, before anything was measured


@dataclass(frozen=True)
class Foreseen:
    """Heights in lines; `refusal` is a message id: why the picture is not copied; `seconds` until all is ready."""

    plan: Plan
    copied: int  # 0: nothing
    encoded: tuple[int, ...]
    refusal: str
    seconds: float
    room: int  # bytes, at the worst moment


def foresee(config: Config, path: Path, tools: Tools, speed: float | None = None, room: Path | None = None) -> Foreseen:
    """Refused when the file would be. Nothing is kept; a broadcast is copied for a moment, into `room`."""
    policy = machine.policy_of(config)
    probe = check.check(path, path.name, machine.ceilings_of(config), tools)
    with TemporaryDirectory(dir=room) as folder:
        _, probe = encode.remux_if_needed(path, probe, Path(folder) / "even", tools, policy)
    return foreseen(plan.plan(probe, policy), speed or USUAL * machine.cores())


def foreseen(made: Plan, speed: float) -> Foreseen:
    """`speed`: weight a second."""
    weight: float = sum(step["weight"] for step in steps.planned_steps(made))
    return Foreseen(
        plan=made,
        copied=made.rungs[0].height if made.copied else 0,
        encoded=tuple(rung.height for rung in made.encoded),
        refusal=made.refusal,
        seconds=weight / speed,
        room=made.estimated_bytes,
    )


def measured_speed(places: int) -> float | None:
    """Weight a second that this machine did lately in all its places; None before it did anything."""
    done = (Step.kind == steps.RANGE) & (Step.state == rows.DONE)
    found: Any = Step.select(Step.weight, Step.started_at, Step.finished_at).where(done)
    last = list(found.order_by(Step.finished_at.desc()).limit(MEASURED).tuples())
    spent = sum(end - start for _, start, end in last if start and end)
    together = min(places, max(1.0, _side_by_side([(start, end) for _, start, end in last if start and end])))
    return sum(weight for weight, _, _ in last) * together / spent if spent > 1 else None


def _side_by_side(spans: list[tuple[float, float]]) -> float:
    """How many of them ran at once, on average."""
    return sum(end - start for start, end in spans) / max(1e-6, rows.covered(spans))
