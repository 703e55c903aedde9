"""No client may hold a thread for ever: a deadline for request heads, a least pace for bodies and answers.

gunicorn's threads read and write blocking sockets. One watcher thread looks at the kernel's own counters
(TCP_INFO) of every connection that occupies a thread, and shuts the socket of a client that keeps still: the
blocked call ends at once and the thread is free. Only time during which the client owes us something counts,
so that our own slow work is never taken for theirs.
"""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from dataclasses import dataclass, field

HEAD_SECONDS = 15.0  # to send a whole request head
STILL_SECONDS = 20.0  # without one byte of progress
WINDOW_SECONDS = 60.0  # over which the pace is measured
LEAST_PACE = 8000.0  # bytes a second
TICK_SECONDS = 2.0

# linux/tcp.h, struct tcp_info: tcpi_unacked, tcpi_bytes_acked, tcpi_bytes_received, tcpi_notsent_bytes
_UNACKED, _ACKED, _RECEIVED, _NOTSENT = 24, 120, 128, 144
_INFO_BYTES = 148

_log = logging.getLogger(__name__)


@dataclass
class Flow:
    """One direction of one connection: bytes so far, and when they last moved."""

    count: int = -1
    moved_at: float = 0.0
    window_count: int = 0
    window_at: float = 0.0

    def restart(self, count: int, now: float) -> None:
        self.count, self.moved_at = count, now
        self.window_count, self.window_at = count, now

    def too_slow(self, count: int, now: float, owed: bool) -> bool:
        """`owed`: is it the other side's turn? Its time does not run otherwise."""
        if not owed or self.count < 0:
            self.restart(count, now)
            return False
        if count != self.count:
            self.count, self.moved_at = count, now
        if now - self.moved_at >= STILL_SECONDS:
            return True
        elapsed = now - self.window_at
        if elapsed < WINDOW_SECONDS:
            return False
        slow = (count - self.window_count) / elapsed < LEAST_PACE
        self.window_count, self.window_at = count, now
        return slow


@dataclass(eq=False)
class Watched:
    """A connection while it occupies a thread."""

    sock: socket.socket
    since: float
    answering: bool = False
    reads_body: bool = False
    sent: Flow = field(default_factory=Flow)
    received: Flow = field(default_factory=Flow)

    def answer(self, has_body: bool) -> None:
        """The head has been read."""
        self.reads_body = has_body
        self.answering = True

    def check(self, now: float) -> None:
        """Shuts the socket when the client keeps still; OSError when it is gone already."""
        if not self.answering:
            if now - self.since >= HEAD_SECONDS:
                self.sock.shutdown(socket.SHUT_RDWR)
            return
        info = self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        if len(info) < _INFO_BYTES:  # a kernel that does not tell: then nobody is cut
            return
        unacked, unsent = _u32(info, _UNACKED), _u32(info, _NOTSENT)
        if self.sent.too_slow(_u64(info, _ACKED), now, owed=bool(unacked or unsent)):
            self.sock.shutdown(socket.SHUT_RDWR)
        elif self.reads_body and self.received.too_slow(_u64(info, _RECEIVED), now, owed=True):
            # reading alone is ended: when the body had come whole, the answer can still go out
            self.sock.shutdown(socket.SHUT_RD)
            self.reads_body = False


class Pace:
    """The connections that occupy a thread, and the thread that looks at them while there are any."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._lock = threading.Lock()
        self._busy = threading.Event()
        self._watcher: threading.Thread | None = None

    def watch(self, sock: socket.socket) -> Watched:
        """From now on the client has HEAD_SECONDS for the head of its request."""
        new = Watched(sock, time.monotonic())
        with self._lock:
            self._watched.add(new)
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._look, name="pace", daemon=True)
                self._watcher.start()
        if not self._busy.is_set():
            self._busy.set()
        return new

    def forget(self, one: Watched) -> None:
        with self._lock:
            self._watched.discard(one)

    def _look(self) -> None:
        while self._busy.wait():
            time.sleep(TICK_SECONDS)
            with self._lock:  # held while looking: a socket must not be closed, and its number reused, meanwhile
                if not self._watched:
                    self._busy.clear()
                now = time.monotonic()
                for one in self._watched:
                    try:
                        one.check(now)
                    except OSError as error:
                        _log.debug("a connection went away while it was looked at: %s", error)


def _u32(info: bytes, at: int) -> int:
    return int(struct.unpack_from("=I", info, at)[0])


def _u64(info: bytes, at: int) -> int:
    return int(struct.unpack_from("=Q", info, at)[0])
