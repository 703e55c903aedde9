"""A gigabyte over tus: cut three times at random, killed on the way; the same bytes, written once, in flat memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]

LENGTH = 1 << 30


@pytest.fixture
def client(house: Any, tus: Any) -> Any:
    token = house.run("token", "create", "camera", check=0).stdout.strip().splitlines()[-1]
    house.serve()
    return tus.Client(house.url, token)


def test_a_gigabyte_cut_three_times(
    house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path, note: Callable[[str], None]
) -> None:
    seed = time.time_ns() % 1_000_000
    film = tus.padded(short_clip, tmp_path / "film.mp4", LENGTH)
    seen = tus.cut_three_times(house, client, short_clip, film, seed)
    wrote = {what: (seen.web[what] + seen.worker[what]) / LENGTH for what in seen.web}
    note(
        f"1 GiB (seed {seed}): cut at {seen.offsets}; web + {seen.grown / 1e6:.1f} MB at most ({seen.looks} looks); "
        f"written × {wrote['wchar']:.4f} by write(), × {wrote['write_bytes']:.4f} to the disk; worker "
        f"{seen.worker['write_bytes'] / 1e6:.2f} MB of it"
    )
    assert seen.grown <= tus.FLAT, seen
    assert max(wrote.values()) <= tus.MOST, seen
    assert wrote["wchar"] >= 1, "the bytes were counted somewhere else"
    tus.let_go(house)
    house.wait_ready(next(v["uuid"] for v in house.videos() if v["title"] == "film"), 600)
    tus.in_order(house)


def test_a_gigabyte_killed_on_the_way(
    house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path, note: Callable[[str], None]
) -> None:
    seed = time.time_ns() % 1_000_000
    film = tus.padded(short_clip, tmp_path / "film.mp4", LENGTH)
    seen = tus.killed_on_the_way(house, client, film, seed, ["web", "all", "web", "all"])
    note(f"1 GiB killed (seed {seed}): confirmed before each {seen}, and all of it was there")
    house.wait_ready(house.videos()[0]["uuid"], 600)
    tus.in_order(house)
