"""The queue is a doorbell: huey with its own SQLite file, JSON messages, woken by a datagram.

A worker with nothing to do sleeps in `recv`; ringing costs one insert and one datagram. No fast polling,
so that an idle machine sleeps. Losing a message is harmless: rows decide (see `rows`), the sweep re-rings.
"""

from __future__ import annotations

import contextlib
import heapq
import json
import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

from huey.api import Huey
from huey.registry import Message
from huey.serializer import Serializer
from huey.storage import SqliteStorage

from tubehome.base import ids
from tubehome.jobs import Job
from tubehome.store.db import db

TASK = "tubehome.tasks.run"  # the one task there is: its name stands in queued messages, so it never moves
NAP_SECONDS = 30.0  # a lost datagram delays a job by this much at most
SLACK_SECONDS = 0.1  # what waits is handed out so much later: the clock that its row goes by may be slewed meanwhile


class _Json(Serializer):
    """Messages as JSON: a queue file from an older or newer version can be read, and can't run code."""

    def _serialize(self, data: Any) -> bytes:
        return json.dumps(list(data)).encode()

    def _deserialize(self, data: bytes) -> Any:
        return Message(*json.loads(data))


class _Storage(SqliteStorage):
    """SQLite, with a dequeue that waits for the bell instead of polling."""

    blocking = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.woken = threading.Condition()
        self.rings = 0
        self.waiting: list[tuple[float, bytes]] = []  # a heap: when, on the monotonic clock, and a message
        super().__init__(*args, **kwargs)

    def wake(self) -> None:
        """Every thread of this process that waits for a message looks again."""
        with self.woken:
            self.rings += 1
            self.woken.notify_all()

    def enqueue(self, data: bytes, priority: float | None = None) -> None:
        super().enqueue(data, priority)
        self.wake()  # the scheduler's own messages ring no bell

    def hold(self, data: bytes, seconds: float) -> None:
        """A message for later; nothing is written, as it may be a full disk that is waited for."""
        with self.woken:
            heapq.heappush(self.waiting, (time.monotonic() + seconds + SLACK_SECONDS, data))
            self.rings += 1
            self.woken.notify_all()  # who sleeps already would sleep too long

    def dequeue(self) -> Any:
        with self.woken:
            heard = self.rings
        data = self._next()
        if data is not None:
            return data
        with self.woken:
            if self.rings == heard:
                self.woken.wait(self._nap())
        return self._next()

    def _next(self) -> Any:
        with self.woken:
            if self.waiting and self._nap() <= 0:
                return heapq.heappop(self.waiting)[1]
        return super().dequeue()

    def _nap(self) -> float:
        """Seconds until a message may be there without a ring."""
        return min(NAP_SECONDS, self.waiting[0][0] - time.monotonic()) if self.waiting else NAP_SECONDS


class Bell:
    """The queue of one data folder. `later` rings; the worker `listen`s."""

    def __init__(self, queue: Path, socket_path: Path) -> None:
        self._queue, self._path = queue, socket_path
        self._huey: Huey | None = None
        self._making = threading.Lock()
        self._address = _address(socket_path)

    @property
    def huey(self) -> Huey:
        """Made at first use: opening the queue is not for a process that never rings (and never before a fork)."""
        with self._making:
            if self._huey is None:
                self._huey = Huey(
                    "tubehome",
                    results=False,
                    serializer=_Json(),
                    storage_class=_Storage,
                    filename=str(self._queue),
                    cache_mb=1,
                    fsync=False,
                )
        return self._huey

    def later(self, job: Job, *args: int, after: float = 0.0) -> None:
        """Asks the worker to do it soon. Only after commit: a task must find the row that it is told of.

        `after`: seconds to wait first; for the worker alone, which remembers it as long as it lives.
        """
        if db.in_transaction():
            raise RuntimeError(f"{job} was enqueued inside a transaction")
        message = Message(
            ids.new_uuid(), TASK, None, 0, 0, None, [str(job), list(args)], {}, None, None, None, None, None, None, None
        )
        data = self.huey.serializer.serialize(message)
        if after > 0:
            self.huey.storage.hold(data, after)
            return
        self.huey.storage.enqueue(data)
        self.ring()

    def ring(self) -> None:
        """Wakes the worker if there is one."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
            bell.setblocking(False)
            with contextlib.suppress(OSError):  # no worker, or its buffer is full and so it is awake
                bell.sendto(b"!", self._address)

    def listen(self, stop: threading.Event) -> threading.Thread:
        """Starts the thread that hears the bell. Only the one worker of a data folder may (it holds worker.lock)."""
        self._path.unlink(missing_ok=True)
        bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        bell.bind(self._address)
        storage = self.huey.storage

        def hear() -> None:
            with bell:
                while not stop.is_set():
                    try:
                        bell.recv(16)
                    except OSError:
                        time.sleep(1)
                    storage.wake()

        ear = threading.Thread(target=hear, name="doorbell", daemon=True)
        ear.start()
        return ear


def _address(path: Path) -> str:
    """A socket's path may have 107 bytes; a longer folder goes through its open descriptor."""
    text = str(path)
    if len(text.encode()) <= 100:
        return text
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # kept, one for each Bell
    return f"/proc/self/fd/{fd}/{path.name}"
