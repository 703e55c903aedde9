"""Kills in the middle of ranges: byte for byte, an undisturbed run makes the same, and little is lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow
MINUTES = 2
FILM = (
    f"-f lavfi -i testsrc2=s=640x360:r=25:d={60 * MINUTES} -f lavfi -i sine=f=330:d={60 * MINUTES}"
    " -c:v mpeg4 -q:v 8 -g 50 -c:a libmp3lame"
).split()


def test_ranges_that_are_killed_come_out_as_if_nothing_had_been(
    make_house: Callable[..., Any], drill: Any, filmrun: Any, clip: Callable[..., Path], tmp_path: Path
) -> None:
    film = clip("two-minutes.mkv", *FILM)
    calm = filmrun.FilmRun(make_house("calm").init(), drill, tmp_path, [360])
    calm.go(film, kills=0, seed=0, kinds=())
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    killed = filmrun.FilmRun(make_house("killed").init(), drill, tmp_path, [360])
    kills = killed.go(film, kills=5, seed=seed, kinds=("range",))
    print(f"{kills} kills; ranges begun: {calm.begun} undisturbed, {killed.begun} killed")
    assert kills >= 3
    assert killed.made == calm.made
    assert killed.begun <= calm.begun + kills * killed.jobs
