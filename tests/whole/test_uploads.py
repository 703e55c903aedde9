"""Uploads over tus on a real site: cut off, killed, and still the same bytes; memory flat, every byte written once.

The short form; `tests/long/test_tus.py` sends a gigabyte.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

LENGTH = 48 << 20


@pytest.fixture
def client(house: Any, tus: Any) -> Any:
    """A tus client with a token, of a house that serves."""
    token = house.run("token", "create", "camera", check=0).stdout.strip().splitlines()[-1]
    house.serve()
    return tus.Client(house.url, token)


def test_cut_three_times(house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path) -> None:
    seed = time.time_ns() % 1_000_000
    film = tus.padded(short_clip, tmp_path / "film.mp4", LENGTH)
    seen = tus.cut_three_times(house, client, short_clip, film, seed)
    print(f"seed {seed}: {seen}")
    assert seen.grown <= tus.FLAT, seen
    for what in ("wchar", "write_bytes"):
        assert seen.web[what] + seen.worker[what] <= tus.MOST * LENGTH, seen
    assert seen.web["wchar"] >= LENGTH, "the bytes were counted somewhere else"
    tus.let_go(house)
    house.wait_ready(next(v["uuid"] for v in house.videos() if v["title"] == "film"))
    tus.in_order(house)


def test_killed_on_the_way_what_was_confirmed_is_there(
    house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path
) -> None:
    seed = time.time_ns() % 1_000_000
    film = tus.padded(short_clip, tmp_path / "film.mp4", LENGTH // 2)
    seen = tus.killed_on_the_way(house, client, film, seed, ["web", "all", "web"])
    print(f"seed {seed}: {seen}")
    last = tus.padded(short_clip, tmp_path / "last.mp4", LENGTH // 8)
    tus.killed_after_the_last_byte(house, client, last)
    for video in house.videos():
        house.wait_ready(video["uuid"])
    tus.in_order(house)
