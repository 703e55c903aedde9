"""The violent part of the drills: a reader who never blinks, and kills at moments that a seed chooses.

Loaded by the conftest, after `looking.py`, whose names it hands on; `tests/long` uses the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import random
import sqlite3
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import m3u8
from tubehome_looking import (
    Answer,
    Family,
    answers,
    ask,
    boxes,
    children,
    command_of,
    complaints,
    database,
    end,
    family,
    left_over,
    named_by_rows,
    ranges,
    ring,
    rows,
    uuid_of,
    wait_for,
)

from tubehome.base import ids

__all__ = [
    "EARLY",
    "LATE",
    "MIDDLE",
    "STATES",
    "Answer",
    "DownError",
    "Drill",
    "Family",
    "Memory",
    "Reader",
    "answers",
    "ask",
    "boxes",
    "children",
    "command_of",
    "complaints",
    "database",
    "end",
    "family",
    "left_over",
    "named_by_rows",
    "ranges",
    "ring",
    "rows",
    "uuid_of",
    "wait_for",
]

STATES = ("received", "preparing", "playable", "out", "ready")
EARLY, MIDDLE, LATE = ("images", "sound"), ("range",), ("append", "finish", "progressive")


# --- the reader


class DownError(Exception):
    """The site did not answer while it was being killed."""


@dataclass
class Memory:
    """What the reader has seen of one video: none of it may go back."""

    state: int = 0
    lists: set[str] = field(default_factory=set)
    digests: dict[str, str] = field(default_factory=dict)
    final: set[str] = field(default_factory=set)  # lists that have their end
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
            text = self._get(f"/media/{uuid}/{name}", 200).text
            file, pieces = ranges(text, growing=True)
            final = "#EXT-X-ENDLIST" in text
            assert final or name not in memory.final, f"{name} was whole, and grows"
            memory.final |= {name} if final else set()
            whole = self._get(f"/media/{uuid}/{file}", 200, method="HEAD").length
            assert sum(pieces[-1]) == whole or (not final and sum(pieces[-1]) < whole), (
                f"{file} has {whole} bytes, the playlist ends at {sum(pieces[-1])}"
            )
            digests = json.loads(self._get(f"/media/{uuid}/segments-sha256.json", 200).body)[file]
            listed_now = {f"{offset}-{offset + size - 1}" for offset, size in pieces[1:]}
            assert set(digests) == listed_now or (not final and set(digests) > listed_now)
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

    def running(self, connection: sqlite3.Connection, moment: tuple[str, ...] = ()) -> tuple[str, int] | None:
        """A step that is being done, one of the `moment` if there is: its kind and number."""
        found = connection.execute("SELECT kind, number FROM step WHERE state = 'running'").fetchall()
        found.sort(key=lambda row: row["kind"] not in moment)
        return (found[0]["kind"], found[0]["number"]) if found else None

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
                step = self.running(connection, moment)
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
        step = self.running(connection, moment)
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
