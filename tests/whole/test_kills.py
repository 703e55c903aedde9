"""`kill -9` of the worker, of ffmpeg, of web, of all, in one run: everything ends ready, nothing half is ever served.

The short form; `tests/long/test_kills.py` kills each at three chosen moments.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_whatever_is_killed_everything_ends_ready(house: Any, drill: Any, eight_seconds: Path) -> None:
    # given a served site, a reader who polls all the while, and a film at work
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    run = drill.Drill(house, sys.executable, seed)
    kinds = ["worker", "ffmpeg", "web", "all"]
    run.random.shuffle(kinds)
    anything = drill.EARLY + drill.MIDDLE + drill.LATE
    run.publish(eight_seconds)
    for kind in kinds:
        # when it is killed at some moment; work that ended before is begun anew
        for _ in range(5):
            if not drill.rows(house.folder, "SELECT 1 FROM step WHERE state != 'done'"):
                run.publish(eight_seconds)
            hit = run.strike(kind, anything, 1.0)
            if hit:
                break
        print(f"{kind}: hit {hit}")
        assert hit, kind
    # then
    print(
        f"ready after {run.all_ready(240, nudge=True):.1f} s; {run.reader.rounds} rounds, {run.reader.silences} silent"
    )
    run.settle()
