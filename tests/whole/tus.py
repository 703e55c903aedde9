"""A tus client that can be cut off at any byte, and what a site's processes hold and write meanwhile.

Loaded by the conftest as `tubehome_tus` (tests are not a package); `tests/long` uses the same.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import os
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tubehome_looking import answers, children, database, end, family, left_over, ring, rows, wait_for

from tubehome.store import lock

PLACE = "/studio/uploads"
PIECE = 1 << 18  # bytes that are handed to the socket at once
MEGABYTE = 1 << 20
FLAT = 10 * MEGABYTE  # what the web may grow by
MOST = 1.01  # bytes written for a byte sent


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    text: str

    @property
    def offset(self) -> int:
        return int(self.headers["upload-offset"])


@dataclass
class Film:
    """A file to send. `sha256` in hexadecimal."""

    path: Path
    length: int
    sha256: str


def padded(clip: Path, target: Path, length: int) -> Film:
    """The film with a box `free` behind it, full of noise, up to `length` bytes: a valid MP4 of any size."""
    digest, head = hashlib.sha256(), clip.read_bytes()
    rest = length - len(head)
    with target.open("wb") as out:
        pieces = [head, struct.pack(">I4s", rest, b"free")]
        left = rest - 8
        while pieces or left:
            data = pieces.pop(0) if pieces else os.urandom(min(left, MEGABYTE))
            left -= 0 if data is head or data[4:] == b"free" else len(data)
            digest.update(data)
            out.write(data)
    assert target.stat().st_size == length
    return Film(target, length, digest.hexdigest())


def said(**fields: str) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())


class Client:
    """Speaks tus with a token. A request has a connection of its own."""

    def __init__(self, url: str, token: str) -> None:
        self.where = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
        self.always = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {token}"}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection(*self.where, timeout=60)
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, {**self.always, **more})
            response = connection.getresponse()
            text = response.read().decode()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, text)
        finally:
            connection.close()

    def announce(self, length: int, **fields: str) -> str:
        """The path of a new upload."""
        fields = {"filename": "film.mp4", **fields}
        made = self.ask("POST", PLACE, Upload_Length=str(length), Upload_Metadata=said(**fields))
        assert made.status == 201, made
        return made.headers["location"]

    def offset(self, path: str) -> int:
        """What the server says that it has."""
        told = self.ask("HEAD", path)
        assert told.status == 200, told
        return told.offset

    @contextlib.contextmanager
    def patch(self, path: str, at: int, length: int, *more: str) -> Iterator[socket.socket]:
        """A connection on which the head of a PATCH has been sent; `length` bytes of body are to follow."""
        head = [f"PATCH {path} HTTP/1.1", f"Host: {self.where[0]}:{self.where[1]}", f"Upload-Offset: {at}",
                f"Content-Length: {length}", "Content-Type: application/offset+octet-stream",
                *(f"{name}: {value}" for name, value in self.always.items()), *more]  # fmt: skip
        with socket.create_connection(self.where, timeout=120) as sock:
            sock.sendall("\r\n".join([*head, "", ""]).encode())
            yield sock

    def send(self, path: str, film: Film, at: int, until: int | None = None, reset: bool = False) -> Answer | None:
        """The film from `at` to its end; with `until`, cut off there (`reset`: rudely), and no answer."""
        with self.patch(path, at, film.length - at) as sock:
            pour(sock, film, at, film.length if until is None else until)
            if until is None:
                return answer_of(sock)
            if reset:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return None

    def settled(self, path: str) -> int:
        """The offset once the connection that was cut has been noticed: it stands still, and nobody holds it."""

        def still() -> int | None:
            before = self.offset(path)
            time.sleep(0.1)
            free = self.ask("PATCH", path, b"", Upload_Offset=str(before), Content_Type=OCTETS).status == 204
            return before + 1 if free and self.offset(path) == before else None

        return int(wait_for(still, 30, "an offset that stands still")) - 1


OCTETS = "application/offset+octet-stream"


def pour(sock: socket.socket, film: Film, at: int, until: int) -> None:
    """These bytes of the film into the socket."""
    with film.path.open("rb") as source:
        source.seek(at)
        while at < until and (data := source.read(min(PIECE, until - at))):
            sock.sendall(data)
            at += len(data)


def answer_of(sock: socket.socket) -> Answer:
    response = http.client.HTTPResponse(sock)
    response.begin()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode())


# --- processes


def memory(pid: int, what: str = "VmRSS") -> int:
    """Bytes: `VmRSS`, what is resident now, or `VmHWM`, the most that ever was."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(what)


def written(pid: int) -> dict[str, int]:
    """Bytes so far: `wchar`, handed to write() of files and sockets; `write_bytes`, that a disk has to take."""
    found = dict(line.split(": ") for line in Path(f"/proc/{pid}/io").read_text().splitlines())
    return {name: int(found[name]) for name in ("wchar", "write_bytes")}


@dataclass
class Watch:
    """Looks at a process: the most memory that it holds from now on, and what it writes."""

    pid: int
    before: int = 0
    most: int = 0
    looks: int = 0
    io: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Watch:
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the peak begins anew
        self.before = self.most = memory(self.pid)
        self.io = written(self.pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._over.wait(0.02):
            with contextlib.suppress(OSError):
                self.most = max(self.most, memory(self.pid))
                self.looks += 1

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    @property
    def grown(self) -> int:
        """Bytes; the kernel's own peak counts where it could be begun anew, and so no moment is missed."""
        peak = memory(self.pid, "VmHWM")
        return max(self.most, peak if peak < self.before + 4 * FLAT else 0) - self.before

    def wrote(self) -> dict[str, int]:
        now = written(self.pid)
        return {name: now[name] - self.io[name] for name in now}


# --- the drills


@dataclass
class Outcome:
    """Of an upload that was cut: bytes, and what was seen."""

    offsets: list[int]
    grown: int
    looks: int
    web: dict[str, int]
    worker: dict[str, int]


def cut_three_times(house: Any, client: Client, clip: Path, film: Film, seed: int) -> Outcome:
    """Sends the film, cut off at three random bytes, once of them rudely; all that was promised is checked."""
    chance = random.Random(seed)
    them = family(house.server.pid)
    _warm(house, client, clip, film.path.with_name("warm.mp4"))
    cuts = sorted(chance.sample(range(film.length), 3))
    offsets = []
    with Watch(them.serving) as web, Watch(them.worker) as worker:
        path, at = client.announce(film.length, filename=film.path.name), 0
        uuid = path.rsplit("/", 1)[1]
        hold(house, uuid)
        for until, reset in zip(cuts, chance.sample([True, False, False], 3), strict=True):
            if until > at:
                client.send(path, film, at, until, reset)
            offsets.append(at := client.settled(path))
            assert at <= until
        done = client.send(path, film, at)
        assert done is not None
        assert (done.status, done.offset) == (204, film.length), done
        wait_for(lambda: _video(house, uuid), 240, f"the video\n{house.log()}")
        outcome = Outcome(offsets, web.grown, web.looks, web.wrote(), worker.wrote())
    stored = _original(house, uuid)
    with stored.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == film.sha256
    assert rows(house.folder, "SELECT source_sha256 AS s FROM video WHERE uuid = ?", uuid)[0]["s"] == film.sha256
    assert [p.name for p in (house.folder / "incoming").iterdir()] == []
    assert outcome.looks > 5
    return outcome


def hold(house: Any, uuid: str) -> None:
    """The video will be made, and not prepared: what its preparation writes is not what is measured."""
    with database(house.folder) as connection:
        connection.execute(
            f"CREATE TRIGGER held AFTER INSERT ON video WHEN NEW.uuid = '{uuid}' "
            "BEGIN UPDATE video SET held_at = 1 WHERE id = NEW.id; END"
        )
        connection.commit()


def let_go(house: Any) -> None:
    with database(house.folder) as connection:
        connection.execute("DROP TRIGGER held")
        connection.execute("UPDATE video SET held_at = NULL")
        connection.commit()
    ring(house)


def _warm(house: Any, client: Client, clip: Path, target: Path) -> None:
    """Everything that is imported or allocated once: an upload that is cut, and one whose video becomes ready."""
    film = padded(clip, target, 4 * MEGABYTE)
    path = client.announce(film.length)
    client.send(path, film, 0, film.length // 2)
    client.send(path, film, client.settled(path))
    uuid = path.rsplit("/", 1)[1]
    wait_for(lambda: _video(house, uuid), 60, "the first video")
    house.wait_ready(uuid)


def _video(house: Any, uuid: str) -> Any:
    failed = rows(house.folder, "SELECT last_error FROM upload WHERE uuid = ? AND state = 'failed'", uuid)
    assert not failed, failed[0]["last_error"]
    return rows(house.folder, "SELECT 1 FROM video WHERE uuid = ?", uuid)


def _original(house: Any, uuid: str) -> Path:
    [found] = (house.folder / "videos" / uuid / "original").iterdir()
    return Path(found)


def killed_on_the_way(house: Any, client: Client, film: Film, seed: int, kills: list[str]) -> list[tuple[str, int]]:
    """Sends the film; on the way, `kill -9` of « web » or of « all ». What was confirmed before each (kind, bytes)."""
    chance, port = random.Random(seed), client.where[1]
    path, at, seen = client.announce(film.length), 0, []
    for number, kind in enumerate(kills):
        share = film.length // (len(kills) + 1)
        until = min(film.length - PIECE, number * share + chance.randrange(share // 4, share))
        until = max(until, min(film.length - PIECE, at + 4 * PIECE))
        with client.patch(path, at, film.length - at) as sock:
            pour(sock, film, at, until)
            confirmed = wait_for(lambda low=at: _more_than(client, path, low), 30, "bytes that are confirmed")
            with contextlib.suppress(OSError):
                pour(sock, film, until, until + PIECE // 2)
            _kill(house, kind, port)
        at = client.offset(path)
        assert at >= confirmed, f"{kind}: {confirmed} bytes were confirmed, {at} are here"
        seen.append((kind, confirmed))
    at = client.settled(path)
    done = client.send(path, film, at)
    assert done is not None
    assert (done.status, done.offset) == (204, film.length), done
    _is_there(house, path, film)
    return seen


def _more_than(client: Client, path: str, low: int) -> int | None:
    found = client.offset(path)
    return found if found > low else None


def _kill(house: Any, kind: str, port: int) -> None:
    them = family(house.server.pid)
    if kind == "web":
        end([them.serving])
    else:
        end([them.parent, them.arbiter, them.serving, them.worker])
        house.stop()
        house.serve("--port", str(port))
    wait_for(lambda: them.serving not in children(them.arbiter) and answers(house.url), 40, "an answer")


def killed_after_the_last_byte(house: Any, client: Client, film: Film) -> None:
    """`kill -9` of the web when all bytes are on the disk and no row says so yet: somebody else writes to the database.

    The sender asks for the offset, hears that all is here, and goes away content.
    """
    path = client.announce(film.length)
    uuid = path.rsplit("/", 1)[1]
    file = house.folder / "incoming" / f"{uuid}.upload"
    with database(house.folder) as connection, client.patch(path, 0, film.length) as sock:
        connection.execute("UPDATE upload SET expires_at = expires_at - 7200 WHERE uuid = ?", (uuid,))
        connection.commit()
        pour(sock, film, 0, film.length - PIECE)
        connection.execute("BEGIN IMMEDIATE")
        pour(sock, film, film.length - PIECE, film.length)
        wait_for(lambda: file.stat().st_size == film.length and _is_free(file), 30, "the last byte, on the disk")
        end([family(house.server.pid).serving])
        connection.rollback()
    wait_for(lambda: answers(house.url), 40, "an answer")
    assert client.offset(path) == film.length
    _is_there(house, path, film)


def _is_free(file: Path) -> bool:
    """Has whoever wrote let the file go? (It has answered nothing yet: it waits for the database.)"""
    held = lock.try_exclusive(file)
    if held:
        held.release()
    return held is not None


def _is_there(house: Any, path: str, film: Film) -> None:
    uuid = path.rsplit("/", 1)[1]
    wait_for(lambda: _video(house, uuid), 60, f"the video\n{house.log()}")
    assert hashlib.sha256(_original(house, uuid).read_bytes()).hexdigest() == film.sha256


def in_order(house: Any) -> None:
    """Nothing temporary is left, and the log holds no traceback."""
    wait_for(lambda: not left_over(house.folder), 30, f"order ({left_over(house.folder)})")
    assert "Traceback" not in house.log(), house.log()
