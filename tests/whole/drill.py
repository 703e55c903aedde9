"""What the drills share: plain HTTP, the processes of a site and their violent ends, and a reader who never blinks.

Tests load it through their conftest (they are not a package). `tests/long` uses the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import m3u8

from tubehome.base import ids

STATES = ("received", "preparing", "playable", "out", "ready")
EARLY, MIDDLE, LATE = ("images", "sound"), ("encode",), ("package", "progressive")


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


def family(parent: int) -> Family:
    def found() -> Family | None:
        below = {part: children(part) for part in children(parent)}
        web = [part for part, serving in below.items() if serving]
        work = [part for part, serving in below.items() if not serving]
        return Family(parent, web[0], below[web[0]][0], work[0]) if web and work else None

    return wait_for(found, 15, "the start of all parts")  # type: ignore[no-any-return]


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


def ranges(text: str) -> tuple[str, list[tuple[int, int]]]:
    """A media playlist's one file and its byte ranges (offset, size), the first one of the map; checked to be whole."""
    parsed = m3u8.loads(text)
    assert parsed.is_endlist, text
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


# --- the reader


class DownError(Exception):
    """The site did not answer while it was being killed."""


@dataclass
class Memory:
    """What the reader has seen of one video: none of it may go back."""

    state: int = 0
    lists: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    heard: bool = False  # the feed has it


class Reader(threading.Thread):
    """Reads everything of the followed videos, over and over. Whatever answers must be whole and true.

    `faults` is empty in the end. Silence and 503 are forgiven inside `outage` alone.
    """

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.faults: list[str] = []
        self.rounds = self.silences = 0
        self._memories: dict[str, Memory] = {}
        self._outages: list[list[float]] = []
        self._over = threading.Event()

    def follow(self, uuid: str) -> None:
        self._memories[uuid] = Memory()

    @contextlib.contextmanager
    def outage(self) -> Iterator[None]:
        """From here until the site answers again after the block."""
        span = [time.monotonic(), float("inf")]
        self._outages.append(span)
        yield
        wait_for(lambda: answers(self.url), 40, "an answer")
        span[1] = time.monotonic()

    def run(self) -> None:
        while not self._over.wait(0.05):
            for uuid, memory in list(self._memories.items()):
                try:
                    self._round(uuid, memory)
                    self.rounds += 1
                except DownError:
                    self.silences += 1
                except Exception:  # noqa: BLE001 - all of them are told
                    self.faults.append(traceback.format_exc())

    def finish(self) -> None:
        """Stops reading, and fails when anything was wrong."""
        self._over.set()
        self.join(60)
        assert not self.is_alive()
        assert self.rounds > 0
        assert not self.faults, f"{len(self.faults)} faults; the first:\n{self.faults[0]}"

    def _get(self, path: str, *good: int, method: str = "GET", **headers: str) -> Answer:
        began = time.monotonic()
        try:
            answer = ask(self.url, path, method, **headers)
        except (OSError, http.client.HTTPException) as error:
            if self._forgiven(began):
                raise DownError from error
            raise AssertionError(f"{path}: no whole answer though nothing was killed: {error!r}") from error
        if answer.status == 503 and self._forgiven(began):
            raise DownError
        assert answer.status in good, f"{method} {path} {headers}: {answer.status}, not {good}\n{answer.body[:300]!r}"
        return answer

    def _forgiven(self, began: float) -> bool:
        now = time.monotonic()
        return any(start <= now and began <= stop for start, stop in self._outages)

    def _round(self, uuid: str, memory: Memory) -> None:
        short = ids.shorten(uuid)
        said = json.loads(self._get(f"/w/{short}/state", 200).body)
        state = STATES.index(said["state"])
        assert state >= memory.state, f"from {STATES[memory.state]} back to {said['state']}"
        assert said["playable"] == (state >= 2), said
        assert 0 <= said["percent"] <= 100, said
        memory.state = state
        page = self._get(f"/w/{short}", 200).text
        assert page.rstrip().endswith("</html>")
        assert f"/media/{uuid}/master.m3u8" in page or state < 2
        self._stream(uuid, memory)
        self._whole_file(uuid, memory)
        self._picture(uuid)
        self._feed(uuid, memory)

    def _stream(self, uuid: str, memory: Memory) -> None:
        master = self._get(f"/media/{uuid}/master.m3u8", *((200,) if memory.state >= 2 or memory.lists else (200, 404)))
        if master.status == 404:
            return
        listed = {playlist.uri for playlist in m3u8.loads(master.text).playlists}
        assert listed, master.text
        assert listed >= memory.lists, "a rendition disappeared"
        memory.lists = listed
        for name in sorted(listed):
            file, pieces = ranges(self._get(f"/media/{uuid}/{name}", 200).text)
            whole = self._get(f"/media/{uuid}/{file}", 200, method="HEAD").length
            assert sum(pieces[-1]) == whole, f"{file} has {whole} bytes, the playlist ends at {sum(pieces[-1])}"
            digests = json.loads(self._get(f"/media/{uuid}/segments-sha256.json", 200).body)[file]
            assert set(digests) == {f"{offset}-{offset + size - 1}" for offset, size in pieces[1:]}
            for offset, size in pieces[1:]:
                self._piece(f"/media/{uuid}/{file}", offset, size, digests, memory)

    def _piece(self, path: str, offset: int, size: int, digests: dict[str, str], memory: Memory) -> None:
        span = f"{offset}-{offset + size - 1}"
        piece = self._get(path, 206, Range=f"bytes={span}").body
        assert len(piece) == size
        digest = hashlib.sha256(piece).hexdigest()
        assert digest == digests[span], f"{path} {span} is not what the list says"
        assert memory.digests.setdefault(f"{path} {span}", digest) == digest, "bytes that were final have changed"

    def _whole_file(self, uuid: str, memory: Memory) -> None:
        path = f"/media/{uuid}/720p.mp4"
        answer = self._get(path, *((200,) if memory.state >= 3 else (200, 404)))
        if answer.status == 200:
            kinds = boxes(answer.body)
            assert kinds.index("moov") < kinds.index("mdat")
            digest = hashlib.sha256(answer.body).hexdigest()
            assert memory.digests.setdefault(path, digest) == digest, "the file to download has changed"

    def _picture(self, uuid: str) -> None:
        answer = self._get(f"/media/{uuid}/thumbnail-320.jpg", 200, 404)
        if answer.status == 200:
            assert (answer.body[:2], answer.body[-2:]) == (b"\xff\xd8", b"\xff\xd9"), "half a picture"

    def _feed(self, uuid: str, memory: Memory) -> None:
        feed = feedparser.parse(self._get("/feed.xml", 200).body)
        assert not feed.bozo, feed.bozo_exception
        entry = next((entry for entry in feed.entries if uuid in entry.id), None)
        assert entry or (memory.state < 3 and not memory.heard), "it is OUT, and the feed has it not"
        if entry:
            memory.heard = True
            [enclosure] = entry.enclosures
            length = self._get(urlsplit(enclosure.href).path, 200, method="HEAD").length
            assert int(enclosure.length) == length


# --- the drill


class Drill:
    """A house that is served, a reader on it, and kills at moments that a seed chooses."""

    def __init__(self, house: Any, seed: int, nudge: bool) -> None:
        """`nudge`: the minute's sweep comes as soon as a failed step may be tried again."""
        self.house, self.random, self.nudge = house, random.Random(seed), nudge
        self.uuids: list[str] = []
        self.port = urlsplit(house.serve()).port
        self.reader = Reader(house.url)
        self.reader.start()

    def publish(self, film: Path) -> str:
        self.uuids.append(uuid_of(self.house.run("publish", film, "--again", check=0).stdout))
        self.reader.follow(self.uuids[-1])
        return self.uuids[-1]

    def running(self, connection: sqlite3.Connection) -> tuple[str, int] | None:
        """The step that is being done: its kind and height."""
        row = connection.execute("SELECT kind, height FROM step WHERE state = 'running'").fetchone()
        return (row["kind"], row["height"]) if row else None

    def attack(self, kind: str, moment: tuple[str, ...], delay: float, film: Path) -> tuple[str, int]:
        """Kills in the moment, within `delay` seconds of its beginning; the step that it hit.

        The film is published when there is no work, and again when the work was over too soon. A site of which all
        was killed is started again.
        """
        for _ in range(12):
            if not rows(self.house.folder, "SELECT 1 FROM video WHERE processing != 'ready'"):
                self.publish(film)
            if hit := self._strike(kind, moment, delay):
                return hit
        raise AssertionError(f"the {kind} was never killed in {moment}")

    def _strike(self, kind: str, moment: tuple[str, ...], delay: float) -> tuple[str, int] | None:
        with database(self.house.folder) as connection:
            while connection.execute("SELECT 1 FROM video WHERE processing != 'ready'").fetchone():
                self._nudge()
                step = self.running(connection)
                if step and step[0] in moment:
                    time.sleep(self.random.uniform(0, delay))
                    return self._kill(kind, moment, connection)
                time.sleep(0.002)
        return None

    def _nudge(self) -> None:
        due = "SELECT 1 FROM step WHERE state = 'waiting' AND last_error IS NOT NULL AND next_try < ?"
        if self.nudge and rows(self.house.folder, due, time.time()):
            ring(self.house)
            time.sleep(1)

    def _kill(self, kind: str, moment: tuple[str, ...], connection: sqlite3.Connection) -> tuple[str, int] | None:
        them = family(self.house.server.pid)
        if kind in ("worker", "ffmpeg"):
            victims = [them.worker]
            if kind == "ffmpeg" and not (victims := self._program(them, connection)):
                return None
            end(victims)
            return self._hit(moment, connection)
        with self.reader.outage():
            if kind == "web":
                end([self.random.choice([them.arbiter, them.serving])])
                return self._hit(moment, connection)
            everybody = [them.arbiter, them.serving, them.worker, *them.programs]
            self.random.shuffle(everybody)
            everybody.insert(self.random.choice([0, len(everybody)]), them.parent)
            end(everybody)
            hit = self._hit(moment, connection)
            self.house.stop()
            self.house.serve("--port", str(self.port))
            return hit

    def _program(self, them: Family, connection: sqlite3.Connection) -> list[int]:
        """The ffmpeg of the step, as soon as it is there."""
        while self.running(connection):
            if programs := them.programs:
                return programs
        return []

    def _hit(self, moment: tuple[str, ...], connection: sqlite3.Connection) -> tuple[str, int] | None:
        step = self.running(connection)
        return step if step and step[0] in moment else None

    def all_ready(self, seconds: float) -> float:
        """Waits until every video is; the seconds."""

        def ready() -> bool:
            states = rows(self.house.folder, "SELECT processing FROM video")
            assert all(row["processing"] != "failed" for row in states), self._told()
            self._nudge()
            return all(row["processing"] == "ready" for row in states)

        began = time.monotonic()
        try:
            wait_for(ready, seconds, "the end of the work")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._told()}") from error
        return time.monotonic() - began

    def _told(self) -> str:
        shown = [self.house.run("videos", "show", uuid).stdout for uuid in self.uuids]
        return "\n".join([*shown, self.house.log()])

    def settle(self) -> None:
        """Everything ready: the reader was content, nothing temporary is left, all decodes, nothing outlives a stop."""
        folder = self.house.folder
        rounds = self.reader.rounds
        wait_for(lambda: self.reader.rounds > rounds + len(self.uuids) or self.reader.faults, 60, "a last look")
        self.reader.finish()
        assert rows(folder, "SELECT * FROM step WHERE state != 'done'") == []
        wait_for(lambda: not left_over(folder), 10, f"order ({left_over(folder)})")
        for uuid in self.uuids:
            public = folder / "videos" / uuid / "public"
            for film in [*public.glob("*.mp4")]:
                assert complaints(film) == "", film
        self.house.stop()
        assert self.house.processes() == []
        assert [p.name for p in (folder / "run").iterdir()] == []
        assert "Traceback" not in self.house.log(), self.house.log()
