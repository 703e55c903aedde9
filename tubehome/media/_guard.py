"""Ending a program: when we are asked to stop, when its time is up."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic

Option = str | int | Sequence[str] | None
Options = Mapping[str, Option]


def kill(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    """Ends a program and whatever it started; it writes temporary files, so it needs no time to tidy up."""
    with suppress(ProcessLookupError):
        if process.poll() is None:
            # Its group bears its id, unless it is still in the launcher's first lines.
            if os.getpgid(process.pid) == process.pid:
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()


class Watch:
    """Why a program was ended by us, if it was."""

    stopped = False
    late = False


@contextmanager
def watched(end: Callable[[], None], stop: threading.Event | None, seconds: float) -> Iterator[Watch]:
    """Calls `end` (again and again: the program may not have started yet) once asked to stop or out of time."""
    watch, over, deadline = Watch(), threading.Event(), monotonic() + seconds

    def look() -> None:
        while not over.wait(0.1):
            watch.stopped = watch.stopped or (stop is not None and stop.is_set())
            watch.late = watch.late or monotonic() > deadline
            if watch.stopped or watch.late:
                end()

    thread = threading.Thread(target=look, name="media-watch", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        over.set()
        thread.join()
