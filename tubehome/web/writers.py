"""Who writes into which upload now: one connection at a time, and a dead one makes way for its successor.

A laptop that wakes up on another network comes back while the connection that it left is still open here. That one
has not moved for seconds: its socket is shut, which ends its blocked read, and the new one goes on.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from flask import current_app, request

from tubehome.site import Site
from tubehome.uploads import incoming

STALE_SECONDS = 3.0  # without a byte, from which on a writer makes way
MAKING_WAY_SECONDS = 5.0  # that the successor waits for it


@dataclass
class Writer:
    """One connection that sends. `moved_at`: monotonic seconds."""

    sock: socket.socket | None
    moved_at: float = field(default_factory=time.monotonic)

    def moved(self, offset: int) -> None:
        self.moved_at = time.monotonic()

    def end(self) -> None:
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RD)


class Writers:
    """Of one application."""

    def __init__(self) -> None:
        self._writers: dict[str, Writer] = {}
        self._lock = threading.Lock()

    @contextmanager
    def writing(self, site: Site, uuid: str) -> Iterator[tuple[int, Callable[[int], None]]]:
        """The held descriptor, and what to call when bytes came. Busy when a living connection has it."""
        self._make_way(site, uuid)
        mine = Writer(request.environ.get("gunicorn.socket"))
        with incoming.held(site, uuid) as fd:
            with self._lock:
                self._writers[uuid] = mine
            try:
                yield fd, mine.moved
            finally:
                with self._lock:
                    self._writers.pop(uuid, None)

    def _make_way(self, site: Site, uuid: str) -> None:
        with self._lock:
            before = self._writers.get(uuid)
        if before is None or time.monotonic() - before.moved_at < STALE_SECONDS:
            return
        before.end()
        deadline = time.monotonic() + MAKING_WAY_SECONDS
        while time.monotonic() < deadline:
            with self._lock:
                if uuid not in self._writers:
                    return
            time.sleep(0.02)


def writers() -> Writers:
    """The writers of this application."""
    held = current_app.extensions
    found: Writers = held.get("writers") or held.setdefault("writers", Writers())
    return found
