"""What would be made of a file, said before anything is: the plan, and about how long it takes here."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tubehome.base.config import Config
from tubehome.flows import machine, outline
from tubehome.media import check, encode, plan
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan
from tubehome.uploads import desk

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
    """Refused when the file would be. Nothing is kept; a broadcast is copied for a moment, into `room`, or NoRoom."""
    policy = machine.policy_of(config)
    probe = check.check(path, path.name, machine.ceilings_of(config), tools)
    with TemporaryDirectory(dir=room) as folder:
        free = shutil.disk_usage(folder).free - config.limits.reserve_bytes * (room is not None)
        if encode.is_copied_first(probe) and probe.size > free:
            raise desk.no_room(path.name, probe.size, free)
        _, probe = encode.remux_if_needed(path, probe, Path(folder) / "even", tools, policy)
    return foreseen(plan.plan(probe, policy), speed or USUAL * machine.cores())


def foreseen(made: Plan, speed: float) -> Foreseen:
    """`speed`: weight a second."""
    weight: float = sum(step["weight"] for step in outline.planned_steps(made))
    return Foreseen(
        plan=made,
        copied=made.rungs[0].height if made.copied else 0,
        encoded=tuple(rung.height for rung in made.encoded),
        refusal=made.refusal,
        seconds=weight / speed,
        room=made.estimated_bytes,
    )
