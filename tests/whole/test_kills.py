"""`kill -9` of the worker, of ffmpeg, of web, of all, in one run: everything ends ready, nothing half is ever served.

The short form; `tests/long/test_kills.py` kills each at three chosen moments.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_whatever_is_killed_everything_ends_ready(house: Any, drill: Any, eight_seconds: Path) -> None:
    # given a served site, a reader who polls all the while, and a film at work
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    run = drill.Drill(house, seed, nudge=True)
    kinds = ["worker", "ffmpeg", "web", "all"]
    run.random.shuffle(kinds)
    # when each is killed somewhere on the way of the film, the next one while that heals
    way = [(drill.EARLY, 2.0), (drill.MIDDLE, 2.0), (drill.MIDDLE, 2.0), (drill.LATE, 0.05)]
    for kind, (steps, delay) in zip(kinds, way, strict=True):
        print(f"{kind}: hit {run.attack(kind, steps, delay, eight_seconds)}")
    # then
    print(f"ready after {run.all_ready(240):.1f} s; {run.reader.rounds} rounds, {run.reader.silences} silent")
    run.settle()
