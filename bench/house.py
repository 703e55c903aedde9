"""What the rows measure with: a site in a temporary folder, its processes, their memory and processor time."""

from __future__ import annotations

import contextlib
import http.cookiejar
import os
import re
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, "-c", "from tubehome.cli import main; main()"]
UUID = "0f3d1c5e-6a7b-4c8d-9e0f-a1b2c3d4e5f6"
FILM = "11111111-2222-4333-8444-555555555555-720-fragmented.mp4"
PASSWORD = "correct horse battery"  # noqa: S105
FILM_BYTES = 192 * 1024 * 1024


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TUBEHOME_", "MALLOC_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}


def median(values: Iterable[float]) -> float:
    return statistics.median(list(values))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def family(pid: int) -> list[int]:
    """A process and everything below it."""
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in below for one in family(int(child)))]


def pss(pids: Iterable[int]) -> float:
    """MB: private memory, and each one's share of what they have in common."""
    total = 0
    for pid in pids:
        found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.MULTILINE)
        total += int(found[1]) if found else 0
    return total / 1000


def cpu(pids: Iterable[int]) -> float:
    """Seconds of processor time so far, of all threads that live (none of ours ends while it is measured)."""
    total = 0
    for pid in pids:
        for task in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(task.read_text().split()[0])
    return total / 1e9


class Server:
    """A program that answers on a port of this machine; stopped when the block is left."""

    def __init__(self, arguments: list[str], port: int, **more: str) -> None:
        self.port, self.began = port, time.monotonic()
        self.process = subprocess.Popen(
            arguments, stdout=subprocess.PIPE, text=True, env={**environment(), **more}, start_new_session=True
        )

    @property
    def pids(self) -> list[int]:
        return family(self.process.pid)

    @property
    def worker(self) -> int:
        """Of `tubehome serve`: the part that has no part below it (the web's arbiter has the serving process)."""
        return next(pid for pid in family(self.process.pid)[1:] if family(pid) == [pid] and self._is_part(pid))

    def _is_part(self, pid: int) -> bool:
        return str(pid) in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def first_answer(self) -> float:
        """Seconds from exec to the first whole answer."""
        while time.monotonic() - self.began < 30:
            with contextlib.suppress(OSError), Client(self.port) as client:
                client.get("/")
                return time.monotonic() - self.began
            time.sleep(0.005)
        raise SystemExit("a server did not answer within 30 s")

    def ready(self) -> float:
        assert self.process.stdout is not None
        if not self.process.stdout.readline().startswith("ready"):
            raise SystemExit("tubehome serve did not get ready")
        return time.monotonic() - self.began

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


class Client:
    """HTTP/1.1 on one kept connection, cheap enough not to be what is measured."""

    def __init__(self, port: int) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._buffer = bytearray(1 << 20)

    def get(self, path: str, *headers: str) -> tuple[int, int]:
        """(status, bytes of the body)."""
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
        self._sock.sendall("\r\n".join(lines).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self._sock.recv(65536)
            if not piece:
                raise OSError("closed")
            head += piece
        head, _, body = head.partition(b"\r\n\r\n")
        found = re.search(rb"(?im)^content-length: *(\d+)", head)
        status, length = int(head[9:12]), int(found[1]) if found else 0
        left = 0 if status == 304 else length - len(body)
        while left > 0:
            got = self._sock.recv_into(self._buffer, min(left, len(self._buffer)))
            if not got:
                raise OSError("closed")
            left -= got
        return status, length

    def header(self, path: str, name: str) -> str:
        self._sock.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = self._sock.recv(1 << 20)
        found = re.search(rf"(?im)^{name}: *(.+?)\r$".encode(), head)
        self._sock.close()
        return found[1].decode() if found else ""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()


def tubehome(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        [*COMMAND, *arguments], input=stdin, text=True, check=True, env=environment(), capture_output=True
    )
    return done.stdout


def serve(folder: Path) -> Server:
    port = free_port()
    return Server([*COMMAND, "serve", "--data", str(folder), "--port", str(port)], port)


@contextlib.contextmanager
def site() -> Iterator[Path]:
    """A data folder with an owner and one public film of FILM_BYTES."""
    folder = Path(tempfile.mkdtemp(prefix="tubehome-bench-"))
    try:
        data = folder / "data"
        make(data)
        public = data / "videos" / UUID / "public"
        with (public / FILM).open("wb") as out:
            for _ in range(FILM_BYTES >> 20):
                out.write(os.urandom(1 << 20))
        yield data
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def twin(data: Path, config: str) -> Path:
    """A second site with the same film (the same bytes on the disk) and this configuration."""
    other = data.with_name("twin")
    make(other)
    os.link(data / "videos" / UUID / "public" / FILM, other / "videos" / UUID / "public" / FILM)
    (other / "config.toml").write_text(config)
    return other


def make(data: Path) -> None:
    """An owner, and the row and the folder of a film."""
    tubehome("init", "--data", str(data), "--owner", "claire", "--password-stdin", stdin=f"{PASSWORD}\n")
    (data / "videos" / UUID / "public").mkdir(parents=True)
    insert(data, "video", [video(UUID, "Film")])


def crowd(data: Path, ready: int, waiting: int) -> None:
    """So many more videos without files: all is rows, as for a site that has been kept for years."""
    names = ["Conseil municipal du", "Fête de l’école,", "La halle, mois par mois :", "Concert de la fanfare,"]
    rows = [video(str(uuid.uuid4()), f"{names[n % 4]} {n}", n) for n in range(ready)]
    undone = {"processing": "received", "playable_at": None, "out_at": None, "ready_at": None, "published_at": None}
    rows += [{**video(str(uuid.uuid4()), f"En attente {n}", n), **undone} for n in range(waiting)]
    insert(data, "video", rows)
    with contextlib.closing(sqlite3.connect(data / "tubehome.db")) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM video WHERE processing = 'received'")]
    step = {"state": "waiting", "attempts": 0, "deaths": 0, "next_try": 9e9, "height": 0, "file": "", "progress": 0,
            "number": 0, "made": ""}  # fmt: skip
    steps = [
        {**step, "video_id": each, "position": at, "kind": kind, "weight": 10.0}
        for each in ids
        for at, kind in enumerate(("images", "sound", "range", "append", "progressive"))
    ]
    insert(data, "step", steps)


def long_films(data: Path, count: int, parts: int) -> None:
    """Films in the middle of their preparation, held back; the first two look as if they were being worked on."""
    rows = [{**video(str(uuid.uuid4()), f"Séance {n}", n), "processing": "playable", "out_at": None, "ready_at": None,
             "held_at": None if n < 2 else time.time(), "duration": 60.0 * parts} for n in range(count)]  # fmt: skip
    insert(data, "video", rows)
    with contextlib.closing(sqlite3.connect(data / "tubehome.db")) as connection:
        ids = [row[0] for row in connection.execute("SELECT id FROM video WHERE processing = 'playable' ORDER BY id")]
    step = {"attempts": 0, "deaths": 0, "next_try": 9e9, "height": 0, "file": "", "made": ""}
    now, steps = time.time(), []
    for video_id in ids:
        for at in range(2 * parts):
            number, kind = divmod(at, 2)
            done = number < parts // 2
            state = "done" if done else "waiting"
            began = now - 9000 + 30 * at
            steps.append(
                {
                    **step,
                    "video_id": video_id,
                    "position": at + 1,
                    "kind": ("range", "append")[kind],
                    "number": number,
                    "weight": (30.0, 1.0)[kind],
                    "state": state,
                    "progress": float(done),
                    "started_at": began if done else None,
                    "finished_at": began + 29 if done else None,
                }
            )
    insert(data, "step", steps)


def video(name: str, title: str, age: float = 0) -> dict[str, object]:
    """The row of a ready one, `age` hours old."""
    now = time.time() - 3600 * age
    return {
        "uuid": name, "channel_id": 1, "title": title, "description": "", "language": "fr", "visibility": "public",
        "processing": "ready", "wait_transcoding": 0, "created_at": now, "updated_at": now, "playable_at": now,
        "out_at": now, "ready_at": now, "published_at": now, "source_name": "a.mp4", "source_size": 1,
        "source_sha256": name, "duration": 60.0, "width": 1280, "height": 720,
        "licence": "", "tags": "[]", "edited_at": 0, "thumbnail": "", "priority": 0,
    }  # fmt: skip


def insert(data: Path, table: str, rows: list[dict[str, object]]) -> None:
    """Rows that have the same columns."""
    columns = ", ".join(rows[0])
    marks = ", ".join("?" * len(rows[0]))
    with contextlib.closing(sqlite3.connect(data / "tubehome.db")) as connection:
        values = [tuple(row.values()) for row in rows]
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", values)  # noqa: S608
        connection.execute("UPDATE content_version SET version = version + 1")
        connection.commit()


def come_in(port: int) -> str:
    """The cookie of the owner's session, as a header."""
    jar = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    site = f"http://127.0.0.1:{port}"
    token = re.search(r'name="csrf_token" value="([^"]+)"', opener.open(f"{site}/login").read().decode())
    assert token
    form = urllib.parse.urlencode({"password": PASSWORD, "csrf_token": token[1]}).encode()
    opener.open(f"{site}/login", form).read()
    return "Cookie: " + "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


def timed(act: Callable[[], object]) -> float:
    began = time.monotonic()
    act()
    return time.monotonic() - began


def upload(port: int, token: str, size: int) -> float:
    """Seconds from the announcement of an upload over tus to the answer that all is here.

    Noise is no film: the worker refuses it, which is waited for, so that nothing is left and nothing else runs.
    """
    always = f"Tus-Resumable: 1.0.0\r\nAuthorization: Bearer {token}\r\nHost: localhost\r\n"
    began = time.monotonic()
    made = _said(port, f"POST /studio/uploads HTTP/1.1\r\n{always}Upload-Length: {size}\r\nContent-Length: 0\r\n\r\n")
    place = re.search(r"(?im)^location: *(\S+)", made)
    assert place, made
    head = f"PATCH {place[1]} HTTP/1.1\r\n{always}Upload-Offset: 0\r\nContent-Length: {size}\r\n"
    pour(port, size, f"{head}Content-Type: application/offset+octet-stream\r\n\r\n", " 204 ")
    taken = time.monotonic() - began
    while " 410 " not in _said(port, f"HEAD {place[1]} HTTP/1.1\r\n{always}\r\n"):
        time.sleep(0.05)
    return taken


def pour(port: int, size: int, head: str = "", answer: str = "done") -> float:
    """Sends noise; seconds until it is answered."""
    noise, began = os.urandom(1 << 20), time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=120) as sock:
        sock.sendall(head.encode())
        for _ in range(size >> 20):
            sock.sendall(noise)
        if not head:
            sock.shutdown(socket.SHUT_WR)
        said = sock.recv(4096).decode()
    assert answer in said, said
    return time.monotonic() - began


def _said(port: int, request: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as sock:
        sock.sendall(request.encode())
        return sock.recv(65536).decode()
