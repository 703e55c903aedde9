"""Bodies of uploads as gunicorn gives them: of known length, in chunks, broken off, nonsense, slow."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow

PLACE = "/studio/uploads"
MEGABYTE = 1 << 20


class Sender:
    """Speaks tus by hand, with a token."""

    def __init__(self, url: str, token: str) -> None:
        self._where = (urlsplit(url).hostname, urlsplit(url).port)
        self._always = ["Host: here", "Tus-Resumable: 1.0.0", f"Authorization: Bearer {token}", "Accept-Language: en"]

    @contextmanager
    def ask(self, line: str, *headers: str) -> Iterator[socket.socket]:
        with socket.create_connection(self._where, timeout=30) as sock:
            sock.sendall("\r\n".join([f"{line} HTTP/1.1", *self._always, *headers, "", ""]).encode())
            yield sock

    def patch(self, path: str, at: int, *headers: str) -> Any:
        return self.ask(
            f"PATCH {path}", "Content-Type: application/offset+octet-stream", f"Upload-Offset: {at}", *headers
        )

    def announce(self, length: int) -> str:
        with self.ask(f"POST {PLACE}", f"Upload-Length: {length}", "Content-Length: 0") as sock:
            return header(answer(sock), "location")

    def offset(self, path: str) -> int:
        with self.ask(f"HEAD {path}") as sock:
            return int(header(sock.recv(1 << 16).decode(), "upload-offset"))


def answer(sock: socket.socket) -> str:
    """An answer: its status, its head and its body."""
    response = http.client.HTTPResponse(sock)
    response.begin()
    return f"HTTP/1.1 {response.status} \r\n{response.headers}{response.read().decode()}"


def header(said: str, name: str) -> str:
    return next(line.partition(": ")[2] for line in said.splitlines() if line.lower().startswith(f"{name}: "))


@pytest.fixture(scope="module")
def sender(make_house_for_module: Callable[[Path], Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sender]:
    house = make_house_for_module(tmp_path_factory.mktemp("uploads") / "house").init()
    token = house.run("token", "create", "camera", check=0).stdout.strip().splitlines()[-1]
    house.serve()
    yield Sender(house.url, token)
    house.stop()
    assert "Traceback" not in house.log(), house.log()
    assert "not foreseen" not in house.log(), house.log()


def test_what_came_counts_at_once(sender: Sender, kit: Any) -> None:
    """However slowly it comes: a kilobyte is not held back until there is a larger piece."""
    path = sender.announce(MEGABYTE)
    with sender.patch(path, 0, f"Content-Length: {MEGABYTE}") as sock:
        for number in range(1, 4):
            sock.sendall(b"x" * 1000)
            kit.wait_for(lambda here=number * 1000: sender.offset(path) == here)
    # and what a broken connection had brought
    assert sender.offset(path) == 3000


def test_the_next_request_stands_behind_the_body(sender: Sender) -> None:
    """Two pieces and a question in one breath, on one connection: each takes what is its own."""
    path = sender.announce(10)
    head = "\r\n".join([f"PATCH {path} HTTP/1.1", *sender._always, "Content-Type: application/offset+octet-stream"])
    pieces = [
        f"{head}\r\nUpload-Offset: {at}\r\nContent-Length: 5\r\n\r\n{text}" for at, text in ((0, "PATCH"), (5, "GET /"))
    ]
    ask = "\r\n".join([f"HEAD {path} HTTP/1.1", *sender._always, "Connection: close", "", ""])
    with socket.create_connection(sender._where, timeout=30) as sock:
        sock.sendall("".join([*pieces, ask]).encode())
        said = b""
        while data := sock.recv(1 << 16):
            said += data
    answers = said.decode().split("HTTP/1.1 ")[1:]
    assert [(each[:3], header(each, "upload-offset")) for each in answers] == [
        ("204", "5"),
        ("204", "10"),
        ("200", "10"),
    ]


@pytest.mark.parametrize("more", [1, 2 * MEGABYTE])
def test_more_than_was_announced(sender: Sender, more: int) -> None:
    path = sender.announce(MEGABYTE)
    with sender.patch(path, 0, f"Content-Length: {MEGABYTE + more}") as sock:
        sock.sendall(b"x" * (MEGABYTE + more))
        said = answer(sock)
    assert " 400 " in said.splitlines()[0]
    assert "More bytes were sent" in said
    assert sender.offset(path) <= MEGABYTE


def test_a_body_in_chunks(sender: Sender) -> None:
    path = sender.announce(200_000)
    with sender.patch(path, 0, "Transfer-Encoding: chunked") as sock:
        for _ in range(2):
            sock.sendall(b"%x\r\n" % 50_000 + b"x" * 50_000 + b"\r\n")
        sock.sendall(b"0\r\n\r\n")
        assert header(answer(sock), "upload-offset") == "100000"
    assert sender.offset(path) == 100_000


@pytest.mark.parametrize(("body", "said"), [(b"zz\r\n", "cannot be understood"), (b"ff\r\nhalf", "connection broke")])
def test_chunks_that_break_off_or_make_no_sense(sender: Sender, body: bytes, said: str) -> None:
    path = sender.announce(200_000)
    with sender.patch(path, 0, "Transfer-Encoding: chunked") as sock:
        sock.sendall(body)
        sock.shutdown(socket.SHUT_WR)
        told = answer(sock)
    assert said in told
    assert "text/plain" in told
    assert sender.offset(path) < 10
