"""One preparation of a long film, with kills and full disks in it: what it made, and how much was encoded for it.

Loaded by the conftest; `tests/long` uses the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COUNTING = """#!/bin/sh
case "$*" in *libx264*) echo x >> "$RANGES_LOG";; esac
exec {real} "$@"
"""
A_STEP = 8  # kills of one step at most: ten deaths would be taken for want of memory
RESERVE = 3_000_000  # bytes that the house keeps free, and of which a full disk leaves less
LEFT = (RESERVE // 2, 300_000, 0)  # bytes that the full disks leave, in turn: the last one not even room for a row
MEETS = 120  # seconds in which some step has met the full disk


class FilmRun:
    """`jobs` places, the given sizes; every ffmpeg that encodes a range is counted."""

    jobs = 2

    def __init__(self, house: Any, drill: Any, folder: Path, heights: list[int]) -> None:
        self.house, self.drill = house, drill
        self.made: dict[str, str] = {}
        self.fulls = self.met = 0
        self._hit: Counter[int] = Counter()
        self.log = folder / f"{house.folder.name}-ranges.log"
        self.log.touch()
        programs = folder / f"{house.folder.name}-programs"
        programs.mkdir()
        counting = programs / "ffmpeg"
        counting.write_text(COUNTING.format(real="/usr/bin/ffmpeg"))
        counting.chmod(0o755)
        house.env |= {"PATH": f"{programs}:{os.environ['PATH']}", "RANGES_LOG": str(self.log)}
        media = f"[media]\njobs = {self.jobs}\nheights = {heights}\n"
        (house.folder / "config.toml").write_text(f"{media}[limits]\nreserve_bytes = {RESERVE}\n")

    @property
    def begun(self) -> int:
        return len(self.log.read_text().splitlines())

    def go(
        self, film: Path, kills: int, seed: int, kinds: tuple[str, ...], fulls: int = 0, seconds: float = 240
    ) -> int:
        """Until it is ready; how many kills hit. `kinds`: of the steps in which they may."""
        chance, hit = random.Random(seed), 0
        self.house.serve()
        uuid = self.drill.uuid_of(self.house.run("publish", film, check=0).stdout)
        deadline = time.monotonic() + seconds
        while (state := self.state(uuid)) != "ready":
            assert time.monotonic() < deadline, self.house.log()
            assert state != "failed", self.house.run("videos", "show", uuid).stdout
            time.sleep(0.02)
            if hit < kills:
                hit += self._kill(chance, kinds)
            if self.fulls < fulls and hit >= (self.fulls + 1) * kills // (fulls + 1):
                self._full_disk(chance)
        self.house.stop()
        self.made = self._digests(uuid)
        self.drill.wait_for(lambda: not self.drill.left_over(self.house.folder), 10, "order")
        return hit

    def state(self, uuid: str) -> str:
        said = "SELECT processing FROM video WHERE uuid = ?"
        return str(self.drill.rows(self.house.folder, said, uuid)[0]["processing"])

    def _kill(self, chance: random.Random, kinds: tuple[str, ...]) -> int:
        """The worker, a program of it, or both, within two seconds of a step; 1 when somebody was hit."""
        marks = ", ".join("?" * len(kinds))
        running = f"SELECT id, kind, number FROM step WHERE state = 'running' AND kind IN ({marks})"
        during = self.drill.rows(self.house.folder, running, *kinds)
        if not during or any(self._hit[row["id"]] >= A_STEP for row in during):
            return 0
        time.sleep(chance.uniform(0.05, 2.0))
        during = self.drill.rows(self.house.folder, running, *kinds)
        them = self.drill.family(self.house.server.pid, seconds=60)  # what dies often is started later and later
        programs = them.programs
        victims = chance.choice([[them.worker], [them.worker, *programs], programs[:1]])
        for pid in victims:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return 0
        if not victims:
            return 0
        for row in during:
            self._hit[row["id"]] += 1
        print(f"killed {len(victims)} during {[(row['kind'], row['number']) for row in during]}")
        self._hurry()
        return 1

    def _hurry(self) -> None:
        """Nobody waits for the minute's sweep."""
        with self.drill.database(self.house.folder) as connection:
            connection.execute("UPDATE step SET next_try = 0")
            connection.commit()
        self.drill.ring(self.house)

    def _full_disk(self, chance: random.Random) -> None:
        """Next to nothing is free until a step has met that, and some seconds more; then there is room again."""
        left, before, deadline = LEFT[self.fulls % len(LEFT)], len(self.house.log()), time.monotonic() + MEETS
        self.fulls += 1
        said = "SELECT kind FROM step WHERE state = 'waiting' AND last_error LIKE '%disk is full%'"
        with ballast(self.house.folder, left):
            while not (met := self.drill.rows(self.house.folder, said)) and time.monotonic() < deadline:
                if "the disk is so full" in self.house.log()[before:]:  # no row could say so
                    met = [("a step whose row could not be written",)]
                    break
                time.sleep(0.2)
            self.met += bool(met)
            time.sleep(chance.uniform(1, 4))
        print(f"the disk was full ({left} bytes left): met by {[*map(tuple, met)] or 'nothing'}")
        self._hurry()

    def _digests(self, uuid: str) -> dict[str, str]:
        """Of each film, by its size."""
        public = self.house.folder / "videos" / uuid / "public"
        films = [*public.glob("*-fragmented.mp4"), *public.glob("*p.mp4")]
        return {path.name.rsplit("-", 2)[-2] if "fragmented" in path.name else path.name:
                hashlib.sha256(path.read_bytes()).hexdigest() for path in films}  # fmt: skip


@contextlib.contextmanager
def ballast(folder: Path, left: int) -> Iterator[None]:
    """Leaves so many bytes free on the disk of the folder, until the end of the block."""
    file = folder / "ballast"
    try:
        for _ in range(20):  # what works there meanwhile gives and takes
            found = os.statvfs(folder)
            room = found.f_bavail * found.f_frsize - left
            if room > 0:
                size = (file.stat().st_size if file.exists() else 0) + room
                subprocess.run(["fallocate", "-l", str(size), str(file)], check=False, capture_output=True)
            time.sleep(0.05)
        yield
    finally:
        file.unlink(missing_ok=True)
