"""Kills in the middle of ranges: byte for byte, an undisturbed run makes the same, and little is lost."""

from __future__ import annotations

import hashlib
import os
import random
import signal
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
COUNTING = """#!/bin/sh
case "$*" in *libx264*) echo x >> "$RANGES_LOG";; esac
exec {real} "$@"
"""


def test_ranges_that_are_killed_come_out_as_if_nothing_had_been(
    make_house: Callable[..., Any], drill: Any, clip: Callable[..., Path], tmp_path: Path
) -> None:
    film = clip("two-minutes.mkv", *FILM)
    calm = Run(make_house("calm").init(), drill, tmp_path)
    calm.go(film, kills=0, seed=0)
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    killed = Run(make_house("killed").init(), drill, tmp_path)
    kills = killed.go(film, kills=5, seed=seed)
    print(f"{kills} kills; ranges begun: {calm.begun} undisturbed, {killed.begun} killed")
    assert kills >= 3
    assert killed.made == calm.made
    assert killed.begun <= calm.begun + kills * killed.jobs


class Run:
    """One preparation of the film: what it made, and how many ranges were begun for it."""

    jobs = 2

    def __init__(self, house: Any, drill: Any, folder: Path) -> None:
        self.house, self.drill, self.alone = house, drill, 0
        self.log = folder / f"{house.folder.name}-ranges.log"
        self.log.touch()
        programs = folder / f"{house.folder.name}-programs"
        programs.mkdir()
        counting = programs / "ffmpeg"
        counting.write_text(COUNTING.format(real="/usr/bin/ffmpeg"))
        counting.chmod(0o755)
        house.env |= {"PATH": f"{programs}:{os.environ['PATH']}", "RANGES_LOG": str(self.log)}
        (house.folder / "config.toml").write_text(f"[media]\njobs = {self.jobs}\nheights = [360]\n")

    @property
    def begun(self) -> int:
        return len(self.log.read_text().splitlines())

    def go(self, film: Path, kills: int, seed: int) -> int:
        """Until it is ready; how many kills hit."""
        chance, hit = random.Random(seed), 0
        self.house.serve()
        uuid = self.drill.uuid_of(self.house.run("publish", film, check=0).stdout)
        deadline = time.monotonic() + 240
        while (state := self.state(uuid)) != "ready":
            assert time.monotonic() < deadline, self.house.log()
            assert state != "failed", self.house.run("videos", "show", uuid).stdout
            time.sleep(0.02)
            if hit < kills:
                hit += self.kill(chance)
        self.house.stop()
        self.made = self.digests(uuid)
        self.drill.wait_for(lambda: not self.drill.left_over(self.house.folder), 10, "order")
        return hit

    def state(self, uuid: str) -> str:
        said = "SELECT processing FROM video WHERE uuid = ?"
        return str(self.drill.rows(self.house.folder, said, uuid)[0]["processing"])

    def kill(self, chance: random.Random) -> int:
        """The worker, an ffmpeg of it, or both, within two seconds of a range; 1 when somebody was hit."""
        running = "SELECT kind, number FROM step WHERE state = 'running' AND kind = 'range'"
        if not self.drill.rows(self.house.folder, running):
            time.sleep(0.05)
            return 0
        time.sleep(chance.uniform(0.1, 2.0))
        during = self.drill.rows(self.house.folder, running)
        them = self.drill.family(self.house.server.pid)
        alone = [them.programs[:1]] if self.alone < 2 else []  # three on the same range would be three attempts
        victims = chance.choice([[them.worker], [them.worker, *them.programs], *alone])
        self.alone += victims != [] and them.worker not in victims
        print(f"killed {len(victims)} during range {[row['number'] for row in during]}")
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return 0
        with self.drill.database(self.house.folder) as connection:  # a killed ffmpeg is an attempt, tried again soon
            connection.execute("UPDATE step SET next_try = 0")
            connection.commit()
        self.drill.ring(self.house)
        return int(bool(victims))

    def digests(self, uuid: str) -> dict[str, str]:
        """Of each rendition, by its size."""
        public = self.house.folder / "videos" / uuid / "public"
        films = [*public.glob("*-fragmented.mp4"), *public.glob("*p.mp4")]
        return {path.name.rsplit("-", 2)[-2] if "fragmented" in path.name else path.name:
                hashlib.sha256(path.read_bytes()).hexdigest() for path in films}  # fmt: skip
