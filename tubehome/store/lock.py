"""Locks between processes: flock on small files.

A lock belongs to the open file, so the kernel gives it back when its process dies, however it dies; it is
not inherited by programs we start (close-on-exec).
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType


class Lock:
    """A held lock; `release()` or leaving the `with` gives it back."""

    def __init__(self, fd: int, path: Path) -> None:
        self._fd: int | None = fd
        self.path = path

    def release(self, *, remove: bool = False) -> None:
        """Gives the lock back; `remove` also deletes its file (only sound for locks taken by `try_exclusive`)."""
        if self._fd is None:
            return
        if remove:
            self.path.unlink(missing_ok=True)
        os.close(self._fd)
        self._fd = None

    def downgrade(self) -> None:
        """From exclusive to shared, in place."""
        if self._fd is not None:
            fcntl.flock(self._fd, fcntl.LOCK_SH)

    def __enter__(self) -> Lock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def try_exclusive(path: Path) -> Lock | None:
    """The lock, or None when somebody holds it."""
    return _take(path, fcntl.LOCK_EX | fcntl.LOCK_NB)


def try_shared(path: Path) -> Lock | None:
    return _take(path, fcntl.LOCK_SH | fcntl.LOCK_NB)


def wait(path: Path, *, exclusive: bool, seconds: float) -> Lock | None:
    """The lock, or None when it could not be had in that time."""
    deadline = time.monotonic() + seconds
    while True:
        got = try_exclusive(path) if exclusive else try_shared(path)
        if got or time.monotonic() > deadline:
            return got
        time.sleep(0.05)


def is_held(path: Path) -> bool:
    """Does anyone hold it exclusively now? (Asks without creating the file.)"""
    if not path.exists():
        return False
    got = try_shared(path)
    if got:
        got.release()
    return got is None


def _take(path: Path, how: int) -> Lock | None:
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, how)
        except BlockingIOError:
            os.close(fd)
            return None
        try:  # the holder before us may have removed the file: then we locked a ghost, and try again
            if os.fstat(fd).st_ino == os.stat(path).st_ino:
                return Lock(fd, path)
        except FileNotFoundError:
            pass
        os.close(fd)
