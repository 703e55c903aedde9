"""How many threads may move media at once, and the open file that gives its place back.

A thread sends one file until its last byte has gone into the socket. Seven eighths of the threads may do
that; the others are left for pages, so that a crowd of slow readers never closes the site. Counted are film
files alone: pages, pictures and playlists are short, and `pace` bounds how long a client may take for them.
"""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable

from flask import current_app

from tubehome.web.engine import engine

RETRY_SECONDS = 10  # what a refused client is told to wait
UNCOUNTED_BYTES = 32_768  # an answer up to this size fits into the socket's buffer: it holds no thread


class Full(Exception):
    """Every place is taken; `status` is 503, or 429 when only this address has had its share."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class Transfers:
    """The places; each is given back once."""

    def __init__(self, threads: int, per_address: int) -> None:
        self.most = threads * 7 // 8
        self._per_address = per_address
        self._running = 0
        self._by_address: Counter[str] = Counter()
        self._lock = threading.Lock()

    def begin(self, address: str) -> Callable[[], None]:
        """Takes a place; the function gives it back (a second call does nothing). Full when there is none."""
        with self._lock:
            if self._running >= self.most:
                raise Full(503)
            if self._per_address and self._by_address[address] >= self._per_address:
                raise Full(429)
            self._running += 1
            if self._per_address:
                self._by_address[address] += 1
        return _Once(lambda: self._end(address))

    def _end(self, address: str) -> None:
        with self._lock:
            self._running -= 1
            if self._per_address:
                self._by_address[address] -= 1
                if not self._by_address[address]:
                    del self._by_address[address]  # no address is kept longer than its transfers


class _Once:
    def __init__(self, act: Callable[[], None]) -> None:
        self._act: Callable[[], None] | None = act

    def __call__(self) -> None:
        act, self._act = self._act, None
        if act:
            act()


class MovingFile(io.FileIO):
    """A file being sent: the server closes it after the last byte, or when the client has gone."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd, "rb")
        self.ended: Callable[[], None] | None = None  # gives the place back

    def close(self) -> None:
        try:
            super().close()
        finally:
            if self.ended:
                self.ended()


def places() -> Transfers:
    """The places of this application."""
    held = current_app.extensions
    server = engine().site.config.server
    found: Transfers = held.get("transfers") or held.setdefault(
        "transfers", Transfers(server.threads, server.per_address)
    )
    return found
