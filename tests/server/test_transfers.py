"""Places for transfers, and the least pace of clients."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tubehome.web import pace
from tubehome.web.transfers import Full, MovingFile, Transfers


def test_seven_eighths_of_the_threads() -> None:
    places = Transfers(256, 0)
    ended = [places.begin("a") for _ in range(224)]
    with pytest.raises(Full) as full:
        places.begin("b")
    assert full.value.status == 503
    ended[0]()
    ended[0]()  # twice is once
    places.begin("b")
    with pytest.raises(Full):
        places.begin("b")


def test_a_cap_for_one_address() -> None:
    places = Transfers(256, 2)
    end = places.begin("a")
    places.begin("a")
    with pytest.raises(Full) as full:
        places.begin("a")
    assert full.value.status == 429
    places.begin("b")
    end()
    places.begin("a")


def test_closing_the_file_gives_the_place_back(tmp_path: Path) -> None:
    (tmp_path / "film").write_bytes(b"abc")
    places = Transfers(8, 0)
    moving = MovingFile(os.open(tmp_path / "film", os.O_RDONLY))
    moving.ended = places.begin("a")
    with moving:
        assert moving.read() == b"abc"
    moving.close()
    assert [places.begin("a") for _ in range(7)]


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """(ours, the client's), over TCP."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        client = socket.create_connection(door.getsockname())
        ours, _ = door.accept()
        with client, ours:
            yield ours, client


def ended(sock: socket.socket) -> bool:
    """Has our side been shut?"""
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    finally:
        sock.setblocking(True)


def fill(sock: socket.socket) -> None:
    """Writes until the client's window and our buffer are full."""
    sock.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(b"x" * 65536)
    sock.setblocking(True)


def test_a_head_has_a_deadline(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, client = pair
    watched = pace.Watched(ours, since=100.0)
    client.sendall(b"GET / HT")
    assert ours.recv(100)
    watched.check(100.0 + pace.HEAD_SECONDS - 1)
    assert not ended(ours)
    watched.check(100.0 + pace.HEAD_SECONDS)
    assert ended(ours)


def test_who_takes_nothing_is_cut(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _client = pair
    watched = pace.Watched(ours, since=0.0)
    watched.answer(has_body=False)
    watched.check(0.0)
    fill(ours)
    watched.check(2.0)
    watched.check(2.0 + pace.STILL_SECONDS - 0.1)
    assert not ended(ours)
    watched.check(2.0 + pace.STILL_SECONDS)
    assert ended(ours)


def test_our_own_slow_work_is_not_the_clients_fault(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _client = pair
    watched = pace.Watched(ours, since=0.0)
    watched.answer(has_body=False)
    for now in range(0, 600, 2):
        watched.check(float(now))
    assert not ended(ours)


def test_a_pace_below_the_least_is_cut_after_a_minute() -> None:
    flow = pace.Flow()
    slow = [flow.too_slow(now * 4000, float(now), owed=True) for now in range(70)]
    assert slow.index(True) == pace.WINDOW_SECONDS
    flow = pace.Flow()
    assert not any(flow.too_slow(now * 9000, float(now), owed=True) for now in range(600))


def test_a_body_that_trickles_ends_reading_alone(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, client = pair
    watched = pace.Watched(ours, since=0.0)
    watched.answer(has_body=True)
    for now in range(0, int(pace.STILL_SECONDS) + 1, 2):
        watched.check(float(now))
    assert ended(ours)
    ours.sendall(b"HTTP/1.1 408\r\n")  # the answer still goes out
    assert client.recv(100)


def test_the_watcher_forgets(pair: tuple[socket.socket, socket.socket]) -> None:
    ours, _client = pair
    watcher = pace.Pace()
    one = watcher.watch(ours)
    watcher.forget(one)
    assert not ended(ours)
