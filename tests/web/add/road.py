"""A road to a server: a TCP proxy that can be made slow, cut, or closed for a while."""

from __future__ import annotations

import socket
import struct
import threading
import time
from contextlib import suppress


class Road:
    """Carries connections from a port of its own to `port`; what goes up is kept to `rate` bytes a second."""

    def __init__(self, port: int, rate: float = 0) -> None:
        self.target, self.rate = port, rate
        self.closed = False
        self.carried = 0  # bytes that went up
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Every connection ends at once, as when a cable is pulled."""
        with self._lock:
            ends, self._ends = self._ends, set()
        for end in ends:
            _reset(end)

    def close(self, seconds: float | None = None) -> None:
        """Nothing comes through any more; for some seconds, or for ever."""
        self.closed = True
        self.cut()
        if seconds is not None:
            threading.Timer(seconds, self.open).start()

    def open(self) -> None:
        self.closed = False

    def end(self) -> None:
        self.close()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._connect, args=(near,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _connect(self, near: socket.socket) -> None:
        with near:
            if self.closed:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:  # the server is away
                return
            with far:
                # small buffers: what the browser calls sent is nearly there
                near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
                with self._lock:
                    self._ends |= {near, far}
                down = threading.Thread(target=self._carry, args=(far, near, False), daemon=True)
                down.start()
                self._carry(near, far, True)
                down.join()
                with self._lock:
                    self._ends -= {near, far}

    def _carry(self, source: socket.socket, sink: socket.socket, up: bool) -> None:
        try:
            while data := source.recv(65_536):
                sink.sendall(data)
                if up:
                    self.carried += len(data)
                    if self.rate:
                        time.sleep(len(data) / self.rate)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(source)
            _reset(sink)


def _reset(end: socket.socket) -> None:
    """An end that nobody can mistake for an ordinary one; it wakes who waits for it."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.shutdown(socket.SHUT_RDWR)
