"""Five minutes of film, thirty kills at any moment and three full disks: the same bytes, and little encoded twice."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]
MINUTES, KILLS, FULLS = 5, 30, 3
STEPS = ("sound", "images", "range", "append", "finish", "progressive", "storyboard")
FILM = (
    f"-f lavfi -i testsrc2=s=960x540:r=25:d={60 * MINUTES},noise=alls=8:allf=t -f lavfi -i sine=f=330:d={60 * MINUTES}"
    " -c:v mpeg4 -q:v 6 -g 50 -c:a libmp3lame"
).split()


def test_a_film_through_thirty_kills_and_three_full_disks(
    make_house: Callable[..., Any],
    small_disk: Callable[[str, int], None],
    drill: Any,
    filmrun: Any,
    clip: Callable[..., Path],
    tmp_path: Path,
    note: Callable[[str], None],
) -> None:
    film = clip("drill-five-minutes.mkv", *FILM)
    calm = filmrun.FilmRun(make_house("calm").init(), drill, tmp_path, [540, 360])
    began = time.monotonic()
    calm.go(film, kills=0, seed=0, kinds=(), seconds=900)
    took = time.monotonic() - began
    seed = int(os.environ.get("DRILL_SEED", time.time_ns() % 1_000_000))
    print(f"seed {seed}")
    small_disk("killed", 800 + film.stat().st_size // 1_000_000)
    killed = filmrun.FilmRun(make_house("killed").init(), drill, tmp_path, [540, 360])
    kills = killed.go(film, kills=KILLS, seed=seed, kinds=STEPS, fulls=FULLS, seconds=3600)
    note(
        f"seed {seed}: {kills} kills, {killed.fulls} full disks, met by {killed.met} steps;"
        f" ranges begun {killed.begun}, {calm.begun} undisturbed;"
        f" {time.monotonic() - began - took:.0f} s, {took:.0f} s undisturbed"
    )
    assert (kills, killed.fulls) == (KILLS, FULLS)
    assert killed.met == FULLS, "a full disk that no step met tries nothing"
    assert killed.made == calm.made
    assert killed.begun <= calm.begun + (kills + killed.fulls) * killed.jobs
