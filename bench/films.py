"""What the preparation of a film costs, beside one ffmpeg that decodes once and encodes everything (and one a size).

Processor time of everything is counted: the command that takes the film in (copy, hash, probe, plan), the worker, and
every program that they start, from their beginnings to READY.
"""

from __future__ import annotations

import contextlib
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import house

SECONDS = 60
SEGMENT = 4  # seconds


@dataclass(frozen=True)
class Source:
    """A film that is made for the run: its picture, how both are encoded, and the goals."""

    rate: int
    noise: int  # of the picture, of 100
    seconds: int
    coding: str
    kind: str  # the file's ending
    goal: float  # times the floor
    at_once: bool = False  # it can be played within 2 s

    def make(self, out: Path) -> None:
        picture = f"testsrc2=s=1920x1080:r={self.rate}:d={self.seconds},noise=alls={self.noise}:allf=t"
        sound = f"sine=f=330:r=48000:d={self.seconds}"
        ffmpeg("-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *self.coding.split(), "-ac", 2, out)


MODEST = "-c:v libx264 -preset veryfast -b:v 4500k -maxrate 6000k -bufsize 9000k -g 60 -pix_fmt yuv420p -c:a aac"
RARE = "-c:v libx264 -preset ultrafast -crf 30 -g 900 -pix_fmt yuv420p -c:a aac"  # too few keyframes to be copied
SOURCES = {
    "copyable 1080p30": Source(30, 6, SECONDS, MODEST, "mp4", 0.65, at_once=True),
    "mpeg4 1080p25 in MKV": Source(25, 6, SECONDS, "-c:v mpeg4 -b:v 8000k -g 100 -c:a libmp3lame", "mkv", 1.10),
    "noisy 1080p60": Source(60, 20, SECONDS // 2, RARE, "mp4", 1.10),
}
RUNGS = ((1080, 5_000_000), (720, 2_800_000), (480, 1_400_000), (360, 800_000))
Row = tuple[str, str, str, str]


def spent(act: Callable[[], object]) -> tuple[float, float]:
    """(seconds, seconds of processor time) of an act, with all programs that it starts and waits for."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    act()
    after, took = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


def coder(rate: int, bits: int, threads: int) -> list[object]:
    bits = bits * 3 // 2 if rate > 30 else bits
    return ["-c:v", "libx264", "-preset", "veryfast", "-crf", 23, "-maxrate", bits, "-bufsize", 2 * bits,
            "-g", 4 * rate, "-keyint_min", 4 * rate, "-sc_threshold", 0, "-pix_fmt", "yuv420p",
            "-threads", threads]  # fmt: skip


def at_once(film: Path, rate: int, out: Path) -> None:
    """The floor: one decode, each size scaled from the one above, all encoded in one process; and the sound."""
    graph = "[0:V:0]split=2[o0][n0]"
    for number, (height, _) in enumerate(RUNGS[1:], 1):
        size = f"scale=-2:{height}"
        last = number == len(RUNGS) - 1
        graph += (
            f";[n{number - 1}]{size}[o{number}]" if last else f";[n{number - 1}]{size},split=2[o{number}][n{number}]"
        )
    arguments: list[object] = ["-i", film, "-filter_complex", graph]
    for number, (height, bits) in enumerate(RUNGS):
        arguments += ["-map", f"[o{number}]", *coder(rate, bits, 1), out / f"{height}.mp4"]
    ffmpeg(*arguments, "-map", "0:a", "-c:a", "aac", "-b:a", "128k", out / "sound.m4a")


def one_by_one(film: Path, rate: int, out: Path) -> None:
    """One ffmpeg a size, as others do."""
    for height, bits in RUNGS:
        sound = ["-c:a", "aac", "-b:a", "128k"]
        ffmpeg("-i", film, "-vf", f"scale=-2:{height}", *coder(rate, bits, 1), *sound, out / f"{height}.mp4")


def prepared(data: Path, film: Path) -> float:
    """Publishes the film and works until it is ready; the seconds from its arrival until it could be played."""
    worker = subprocess.Popen([*house.COMMAND, "worker", "--data", str(data)], env=house.environment())
    try:
        began = time.time()
        house.tubehome("publish", str(film), "--again", "--data", str(data))
        while True:
            with contextlib.closing(sqlite3.connect(data / "tubehome.db")) as raw:
                last = "SELECT processing, playable_at FROM video ORDER BY id DESC LIMIT 1"
                state, playable = raw.execute(last).fetchone()
            if state == "failed":
                raise SystemExit("the preparation of a film failed")
            if state == "ready":
                return float(playable - began)
            time.sleep(0.1)
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(30)


def film_rows(data: Path) -> Iterator[Row]:
    """About a quarter of an hour. 60 s of each source (30 s of the noisy one).

    The floor is taken before and after ours, and their mean counts: a machine may be a sixth slower a minute later.
    """
    folder = data.parent
    for name, source in SOURCES.items():
        film, playable = folder / f"film.{source.kind}", []
        source.make(film)
        floor = partial(at_once, film, source.rate, folder)
        before = spent(floor)
        _, ours = spent(lambda: playable.append(prepared(data, film)))  # noqa: B023
        after = spent(floor)
        _, apart = spent(partial(one_by_one, film, source.rate, folder))
        wall, cpu = ((one + other) / 2 for one, other in zip(before, after, strict=True))
        mine, goal = f"{ours:.1f} s CPU", f"goal ≤ {source.goal:.2f}"
        yield (f"{name}: all of it", mine, f"one ffmpeg for all {cpu:.1f} s", f"× {ours / cpu:.2f}, {goal}")
        yield ("  the same", mine, f"one ffmpeg a size {apart:.1f} s", f"× {ours / apart:.2f}, goal ≤ 0.80")
        soon = 2.0 if source.at_once else 0.05 * wall + SEGMENT
        yield ("  can be played after", f"{playable[0]:.1f} s", f"the whole floor {wall:.1f} s", f"goal ≤ {soon:.1f} s")
        film.unlink()
