"""Is anybody starved while a long film is encoded: a clip that is published meanwhile, and people who watch."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import films
import house
from house import Client, serve

from tubehome.base import ids

HOUR = 60  # minutes
CLIP = 20  # seconds
LOOKS = 400
Row = tuple[str, str, str, str]
OLD = "-c:v mpeg4 -q:v 9 -g 250 -c:a libmp3lame -ar 48000 -ac 1"  # nothing of it can be copied


def hour(folder: Path, minutes: int = HOUR) -> Path:
    """A meeting, put together by copy out of two minutes: of four, three stand still."""
    sound = ["-f", "lavfi", "-i", "anoisesrc=a=0.05:r=48000:d=60"]
    still = "testsrc=s=1280x720:r=25:d=1,loop=1500:1:0,setpts=N/25/TB,trim=duration=60"
    lively = "testsrc2=s=1280x720:r=25:d=60,noise=alls=5:allf=t"
    for name, picture in (("still", still), ("lively", lively)):
        films.ffmpeg("-f", "lavfi", "-i", picture, *sound, *OLD.split(), folder / f"{name}.mkv")
    listed, film = folder / "list.txt", folder / "hour.mkv"
    listed.write_text("".join(f"file '{'still' if n % 4 else 'lively'}.mkv'\n" for n in range(minutes)))
    films.ffmpeg("-f", "concat", "-safe", 0, "-i", listed, "-c", "copy", film)
    return film


def fair_rows(data: Path) -> Iterator[Row]:
    """About ten minutes."""
    clip, folder = data.parent / "clip.mkv", data.parent
    films.ffmpeg("-f", "lavfi", "-i", f"testsrc2=s=1280x720:r=25:d={CLIP}", "-f", "lavfi", "-i", f"sine=d={CLIP}",
                 *OLD.split(), clip)  # fmt: skip
    film = hour(folder)
    with serve(data) as server:
        server.ready()
        alone = _playable_after(data, clip)
        idle = _p95(server.port)
        _playable_after(data, film)
        began = time.time()
        busy = _p95(server.port)
        beside = _playable_after(data, clip)
        busy = max(busy, _p95(server.port))
        with contextlib.closing(sqlite3.connect(data / "tubehome.db")) as raw:
            left = raw.execute("SELECT COUNT(*) FROM step WHERE kind = 'range' AND state != 'done'").fetchone()[0]
        if not left:
            raise SystemExit(f"the hour was over after {time.time() - began:.0f} s: nothing was measured beside it")
    goal = f"goal ≤ {60 + alone:.0f} s"
    yield (f"a clip of {CLIP} s beside an hour", f"played after {beside:.1f} s", f"alone {alone:.1f} s", goal)
    yield ("watch page beside it, p95", f"{busy * 1000:.1f} ms", f"idle {idle * 1000:.1f} ms",
           f"× {busy / idle:.1f}, goal ≤ 3")  # fmt: skip


def plan_rows(data: Path) -> Iterator[Row]:
    """What `tubehome plan` costs, on an hour and on three."""
    for hours in (1, 3):
        film = hour(data.parent, 60 * hours)
        took, cpu = films.spent(partial(house.tubehome, "plan", str(film), "--data", str(data)))
        each = f"{cpu / hours:.2f} s CPU an hour"
        yield (f"tubehome plan, {hours} h of film", f"{took:.1f} s", f"{cpu:.2f} s CPU in all", f"{each}, goal ≤ 2")


def _playable_after(data: Path, film: Path) -> float:
    """Publishes it; the seconds until it can be played."""
    began = time.time()
    house.tubehome("publish", str(film), "--again", "--data", str(data))
    while time.time() - began < 600:
        with contextlib.closing(sqlite3.connect(data / "tubehome.db")) as raw:
            at = raw.execute("SELECT playable_at FROM video ORDER BY id DESC LIMIT 1").fetchone()[0]
        if at:
            return float(at - began)
        time.sleep(0.1)
    raise SystemExit(f"{film.name} could not be played within 10 minutes")


def _p95(port: int) -> float:
    """Seconds that a visitor waits for the watch page, over one connection, a little apart."""
    taken = []
    with Client(port) as client:
        for _ in range(LOOKS):
            began = time.monotonic()
            status, _ = client.get(f"/w/{ids.shorten(house.UUID)}")
            assert status == 200, status
            taken.append(time.monotonic() - began)
            time.sleep(0.02)
    return sorted(taken)[int(LOOKS * 0.95)]
