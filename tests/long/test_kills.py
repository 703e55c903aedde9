"""`kill -9` of the worker, of ffmpeg, of web, of all, each at three moments; nobody helps the site afterwards.

Early: while pictures and sound are made. Middle: while a rendition is encoded. Late: while files become public.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.mark.parametrize("moment", ["early", "middle", "late"])
@pytest.mark.parametrize("kind", ["worker", "ffmpeg", "web", "all"])
def test_a_kill_at_a_moment(
    house: Any, drill: Any, eight_seconds: Path, note: Callable[[str], None], kind: str, moment: str
) -> None:
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    run = drill.Drill(house, seed, nudge=False)
    steps, delay = {
        "early": (drill.EARLY, 0.15), "middle": (drill.MIDDLE, 1.0), "late": (drill.LATE, 0.05),
    }[moment]  # fmt: skip
    steps = (run.random.choice(steps),)
    hit, height = run.attack(kind, steps, delay, eight_seconds)
    seconds = run.all_ready(300)
    run.settle()
    counted = drill.rows(house.folder, "SELECT SUM(deaths) AS deaths, SUM(attempts) AS attempts FROM step")[0]
    note(
        f"{kind:6} {moment:6} hit {hit} {height or ''} of video {len(run.uuids)} (seed {seed}): ready {seconds:.1f} s "
        f"later; {run.reader.rounds} looks, {run.reader.silences} unanswered, 0 faults; attempts {counted['attempts']}"
    )
