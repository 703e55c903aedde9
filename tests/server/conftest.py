"""A video that is there without having been prepared, plain HTTP by hand, and the family of processes of a server."""

from __future__ import annotations

import http.client
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

FILM = "11111111-2222-4333-8444-555555555555-720-fragmented.mp4"
UUID = "0f3d1c5e-6a7b-4c8d-9e0f-a1b2c3d4e5f6"


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def seed(folder: Path, files: dict[str, bytes | int], uuid: str = UUID, **columns: object) -> Path:
    """A playable public video with these files (bytes, or the size of a sparse one); its public folder."""
    now = time.time()
    values: dict[str, object] = {
        "uuid": uuid, "channel_id": 1, "title": "Séance du 17/11 : « l'eau »", "description": "", "language": "fr",
        "visibility": "public", "processing": "ready", "wait_transcoding": 0, "created_at": now, "updated_at": now,
        "playable_at": now, "out_at": now, "ready_at": now, "published_at": now, "source_name": "a.mp4",
        "source_size": 1, "source_sha256": uuid, "duration": 20.0, "width": 1280, "height": 720, "licence": "",
        "tags": "[]", "edited_at": 0, "thumbnail": "", "priority": 0, **columns,
    }  # fmt: skip
    public = folder / "videos" / uuid / "public"
    public.mkdir(parents=True)
    for name, content in files.items():
        with (public / name).open("wb") as out:
            out.write(content) if isinstance(content, bytes) else out.truncate(content)
    with sqlite3.connect(folder / "tubehome.db") as connection:
        marks = ", ".join("?" * len(values))
        connection.execute(f"INSERT INTO video ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))
        connection.execute("UPDATE content_version SET version = version + 1")
    connection.close()
    return public


def ask(url: str, path: str, method: str = "GET", **headers: str) -> Answer:
    """One request on a connection of its own; underscores in header names are hyphens."""
    connection = http.client.HTTPConnection(urlsplit(url).hostname or "", urlsplit(url).port, timeout=30)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())
    finally:
        connection.close()


@contextmanager
def slow_readers(url: str, path: str, count: int) -> Iterator[list[socket.socket]]:
    """Clients that ask for a file and take its first bytes only."""
    where = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
    readers: list[socket.socket] = []
    try:
        for _ in range(count):
            reader = socket.socket()
            reader.settimeout(30)
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", where[1]))
            reader.sendall(f"GET {path} HTTP/1.1\r\nHost: {where[0]}:{where[1]}\r\n\r\n".encode())
            readers.append(reader)
        yield readers
    finally:
        for reader in readers:
            reader.close()


def children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def family(parent: int) -> SimpleNamespace:
    """The processes of one `serve`: gunicorn's two (arbiter, serving) and the worker."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        parts = children(parent)
        with_children = [(pid, children(pid)) for pid in parts]
        arbiters = [(pid, below[0]) for pid, below in with_children if below]
        workers = [pid for pid, below in with_children if not below]
        if arbiters and workers:
            return SimpleNamespace(parent=parent, arbiter=arbiters[0][0], serving=arbiters[0][1], worker=workers[0])
        time.sleep(0.05)
    raise AssertionError("the server's processes are not all there")


def wait_for(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def answers(url: str) -> bool:
    try:
        return ask(url, "/healthz").status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The functions of this file (tests cannot import it)."""
    return SimpleNamespace(
        FILM=FILM, UUID=UUID, seed=seed, ask=ask, slow_readers=slow_readers, family=family, wait_for=wait_for,
        alive=alive, answers=answers, path=lambda name, uuid=UUID: f"/media/{uuid}/{name}", devnull=os.devnull,
    )  # fmt: skip


@pytest.fixture(scope="module")
def make_house_for_module(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    """A House of the main conftest for all tests of a file; whoever makes it stops it."""
    found = next(p for p in request.config.pluginmanager.get_plugins() if hasattr(p, "House"))
    return lambda folder: found.House(folder)
