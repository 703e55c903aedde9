"""What the drills look with: plain HTTP, the processes of a site, its data folder, what a file must be.

Loaded by the conftest as `tubehome_looking` (tests are not a package).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import m3u8

from tubehome.base import ids

# --- HTTP


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def length(self) -> int:
        return int(self.headers["Content-Length"])


def ask(url: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request on a connection of its own; an answer cut short raises, so what is returned is whole."""
    connection = http.client.HTTPConnection(urlsplit(url).hostname or "", urlsplit(url).port, timeout=60)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


def wait_for(condition: Callable[[], Any], seconds: float, what: str = "it") -> Any:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(0.05)
    return value


def answers(url: str) -> bool:
    try:
        return ask(url, "/healthz").status == 200
    except (OSError, http.client.HTTPException):
        return False


def uuid_of(address: str) -> str:
    return ids.lengthen(address.strip().rsplit("/", 1)[1])


# --- processes


def children(pid: int, every_thread: bool = False) -> list[int]:
    """Of its main thread: a site's parts. Of every thread: also the programs that a worker runs."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        threads = os.listdir(f"/proc/{pid}/task") if every_thread else [str(pid)]
        for thread in threads:
            found += map(int, Path(f"/proc/{pid}/task/{thread}/children").read_text().split())
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


@dataclass
class Family:
    """The processes of one `serve`."""

    parent: int
    arbiter: int
    serving: int
    worker: int

    @property
    def programs(self) -> list[int]:
        return [pid for pid in children(self.worker, every_thread=True) if command_of(pid) == "ffmpeg"]


def family(parent: int, seconds: float = 15) -> Family:
    def found() -> Family | None:
        below = {part: children(part) for part in children(parent)}
        web = [part for part, serving in below.items() if serving]
        work = [part for part, serving in below.items() if not serving]
        return Family(parent, web[0], below[web[0]][0], work[0]) if web and work else None

    return wait_for(found, seconds, "the start of all parts")  # type: ignore[no-any-return]


def end(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


# --- the data folder


@contextlib.contextmanager
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(folder / "tubehome.db", timeout=30)
    connection.row_factory = sqlite3.Row
    try:
        yield connection
    finally:
        connection.close()


def rows(folder: Path, sql: str, *values: object) -> list[sqlite3.Row]:
    with database(folder) as connection:
        return connection.execute(sql, values).fetchall()


def left_over(folder: Path) -> list[str]:
    """Temporary files of a site at rest: there are none, and `public` holds what the rows name and nothing else."""
    found = [str(p.relative_to(folder)) for room in ("incoming", "trash") for p in (folder / room).iterdir()]
    known = {row["uuid"] for row in rows(folder, "SELECT uuid FROM video")}
    for video in (folder / "videos").iterdir():
        if video.name not in known:
            found.append(f"{video.name}: no row")
            continue
        found += [str(p.relative_to(folder)) for p in (video / "work").iterdir()]
        named, there = named_by_rows(folder, video.name), {p.name for p in (video / "public").iterdir()}
        found += [f"{video.name}: {name} is not there" for name in named.keys() - there]
        found += [f"{video.name}: {name} is nobody's" for name in there - named.keys()]
        for name, size in named.items():
            if size is not None and name in there and (video / "public" / name).stat().st_size != size:
                found.append(f"{video.name}: {name} has not its size")
    return found + [str(p.relative_to(folder)) for p in folder.rglob("*.part")]


def named_by_rows(folder: Path, uuid: str) -> dict[str, int | None]:
    """Each file that the video's rows speak of, with its size where they say it."""
    [video] = rows(folder, "SELECT * FROM video WHERE uuid = ?", uuid)
    named: dict[str, int | None] = {}
    for row in rows(folder, "SELECT file, size FROM rendition WHERE video_id = ?", video["id"]):
        named[row["file"]] = row["size"]
        named[row["file"].replace("-fragmented.mp4", ".m3u8")] = None
        named |= {"master.m3u8": None, "segments-sha256.json": None}
    for row in rows(folder, "SELECT file, size FROM picture WHERE video_id = ?", video["id"]):
        named[row["file"]] = row["size"]
    if video["progressive_height"]:
        named[f"{video['progressive_height']}p.mp4"] = video["progressive_size"]
    drawn = "SELECT 1 FROM step WHERE video_id = ? AND kind = 'storyboard' AND state = 'done'"
    if rows(folder, drawn, video["id"]):
        named |= {"storyboard.jpg": None, "storyboard.vtt": None}
    return named


def complaints(path: Path | str) -> str:
    """What ffmpeg has to say while it decodes everything."""
    command = ["ffmpeg", "-nostdin", "-v", "warning", "-xerror", "-i", str(path), "-map", "0", "-f", "null", "-"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    return done.stderr + (f"exit {done.returncode}" if done.returncode else "")


RINGING = (
    "import sys; from tubehome import boot; from tubehome.jobs import Job;"
    "site, held = boot.open_site(boot.locate(sys.argv[1], None), may_migrate=False); site.jobs.later(Job.SWEEP)"
)


def ring(house: Any) -> None:
    """The minute's sweep, now."""
    subprocess.run([sys.executable, "-c", RINGING, str(house.folder)], check=True, env=house.env, timeout=60)


# --- what a file must be, whole


def boxes(film: bytes) -> list[str]:
    """The kinds of an MP4's boxes; AssertionError when they do not fill it exactly."""
    at, kinds = 0, []
    while at < len(film):
        size, kind = int.from_bytes(film[at : at + 4], "big"), film[at + 4 : at + 8].decode("latin1")
        if size == 1:
            size = int.from_bytes(film[at + 8 : at + 16], "big")
        assert size >= 8, f"a box of {size} bytes at {at}"
        kinds.append(kind)
        at += size
    assert at == len(film), f"the last box ({kinds[-1]}) ends at {at}, the file at {len(film)}"
    return kinds


def ranges(text: str, growing: bool = False) -> tuple[str, list[tuple[int, int]]]:
    """A media playlist's one file and its byte ranges (offset, size), the first one of the map; checked to be whole.

    `growing`: it may still lack its end.
    """
    parsed = m3u8.loads(text)
    assert parsed.playlist_type == ("vod" if parsed.is_endlist else "event"), text
    assert parsed.is_endlist or growing, text
    assert parsed.segments, text
    [init] = parsed.segment_map
    assert {segment.uri for segment in parsed.segments} == {init.uri}
    found = [tuple(map(int, each.byterange.split("@"))) for each in (init, *parsed.segments)]
    pieces = [(offset, size) for size, offset in found]
    at = 0
    for offset, size in pieces:
        assert offset == at, f"a hole or an overlap at {at}: {text}"
        assert size > 0, text
        at += size
    return init.uri, pieces
