"""Three hours of film on a small machine: bounded in memory, in disk and in files; a kill near its end costs a minute.

The film is pieces put together by copy, so that making it is cheap; its preparation is not. `TUBEHOME_LONG_HOURS`
makes it shorter for a look.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.media.plan import Plan

pytestmark = [pytest.mark.slow, pytest.mark.long]
HOURS = float(os.environ.get("TUBEHOME_LONG_HOURS", "3"))
MINUTE = "-c:v mpeg4 -q:v 9 -g 250 -c:a libmp3lame -ar 48000 -ac 1".split()
MOST_MEMORY = 600  # MB, worker and its programs
HEIGHTS = (720, 360)


def talk(folder: Path, ffmpeg: Callable[..., None]) -> Path:
    """A meeting: three minutes of four nothing moves but the noise of the camera."""
    still, lively = folder / "still.mkv", folder / "lively.mkv"
    sound = ["-f", "lavfi", "-i", "anoisesrc=a=0.05:r=48000:d=60"]
    ffmpeg("-f", "lavfi", "-i", "testsrc=s=1280x720:r=25:d=1,loop=1500:1:0,setpts=N/25/TB,trim=duration=60", *sound,
           *MINUTE, still)  # fmt: skip
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=1280x720:r=25:d=60,noise=alls=5:allf=t", *sound, *MINUTE, lively)
    listed, film = folder / "list.txt", folder / "meeting.mkv"
    minutes = [lively if minute % 4 == 0 else still for minute in range(round(60 * HOURS))]
    listed.write_text("".join(f"file '{minute}'\n" for minute in minutes))
    ffmpeg("-f", "concat", "-safe", 0, "-i", listed, "-c", "copy", film)
    return film


class Watch(threading.Thread):
    """Every half second: the memory (PSS, MB) of the worker and its programs, and the bytes of the video's folder."""

    def __init__(self, house: Any, drill: Any, uuid: str) -> None:
        super().__init__(daemon=True)
        self.house, self.drill, self.over = house, drill, threading.Event()
        self.folder = house.folder / "videos" / uuid
        self.memory = self.bytes = 0.0

    def run(self) -> None:
        while not self.over.wait(0.5):
            with contextlib.suppress(OSError):  # one of them ends while it is looked at
                them = self.drill.family(self.house.server.pid, seconds=60)
                self.memory = max(self.memory, sum(map(pss, [them.worker, *them.programs])))
            self.bytes = max(self.bytes, used(self.folder))


def pss(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in text.splitlines() if line.startswith("Pss:")), 0.0)


def used(folder: Path) -> int:
    """Bytes of all files; what is taken away meanwhile does not count."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total


def test_three_hours(
    house: Any, drill: Any, tmp_path: Path, note: Callable[[str], None], ffmpeg: Callable[..., None]
) -> None:
    film = talk(tmp_path, ffmpeg)
    (house.folder / "config.toml").write_text(f"[media]\nheights = {list(HEIGHTS)}\n")
    house.serve()
    began = time.monotonic()
    uuid = drill.uuid_of(house.run("publish", film, check=0).stdout)
    original = film.stat().st_size
    film.unlink()
    plan = Plan.from_json(drill.rows(house.folder, "SELECT plan FROM video")[0]["plan"])
    watch = Watch(house, drill, uuid)
    watch.start()
    at = next(span.number for span in plan.spans if float(span.start) >= 2.5 / 3 * plan.duration)
    done = "SELECT COUNT(*) AS n FROM step WHERE kind = 'range' AND state = 'done'"
    drill.wait_for(lambda: drill.rows(house.folder, done)[0]["n"] > at, 7200, "two hours and a half")
    kept = {
        row["id"]: row["finished_at"] for row in drill.rows(house.folder, "SELECT * FROM step WHERE state = 'done'")
    }
    os.kill(drill.family(house.server.pid).worker, signal.SIGKILL)
    ready = "SELECT processing FROM video"
    drill.wait_for(lambda: drill.rows(house.folder, ready)[0]["processing"] == "ready", 7200, "the end of it")
    took = time.monotonic() - began
    watch.over.set()
    watch.join()
    for row in drill.rows(house.folder, "SELECT id, finished_at FROM step"):
        assert row["finished_at"] == kept.get(row["id"], row["finished_at"]), "nothing that was done is done again"
    files = [path for path in (house.folder / "videos" / uuid).rglob("*") if path.is_file()]
    stated = plan.estimated_bytes
    note(
        f"{plan.duration / 3600:.2f} h in {took / 60:.0f} min: memory {watch.memory:.0f} MB, disk beside the original "
        f"{(watch.bytes - original) / 1e6:.0f} MB of {stated / 1e6:.0f} stated, {len(files)} files"
    )
    assert watch.memory <= MOST_MEMORY
    assert watch.bytes - original <= stated
    assert len(files) <= 2 * len(plan.rungs) + 20
    playlist = next((house.folder / "videos" / uuid / "public").glob(f"*-{HEIGHTS[-1]}.m3u8")).read_text()
    assert "#EXT-X-ENDLIST" in playlist


@pytest.fixture
def ffmpeg() -> Callable[..., None]:
    def run(*arguments: object) -> None:
        subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)

    return run
