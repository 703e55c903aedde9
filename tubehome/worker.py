"""The worker entry: huey's threads, asleep until the bell rings.

One worker a data folder (`run/worker.lock`, held as long as it lives). huey's own main loop would wake ten
times a second; here the main thread sleeps until a signal comes. Stopping is quick: programs that run are
ended, their rows go back to workable, and whatever does not end in time is left to the kernel, which gives
back every claim.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

from huey.consumer import Consumer

from tubehome import tasks
from tubehome.base.errors import Unavailable
from tubehome.flows import machine
from tubehome.jobs import Job
from tubehome.site import Site
from tubehome.store import lock

STOP_SECONDS = 3.5
HEALTH_SECONDS = 60  # between looks at whether every thread lives

_log = logging.getLogger(__name__)


def run(site: Site, stop: threading.Event | None = None, *, patience: float = 0.0) -> int:
    """Works until SIGTERM or SIGINT, or until somebody sets `stop`; the exit code.

    `patience`: seconds to wait for a worker that is just ending. Unavailable when another one runs.
    """
    stopping = stop or threading.Event()
    late: list[str] = []
    with _signals() as woken:  # first: a stop that comes early must not find the lock taken and nobody listening
        held = lock.wait(site.files.worker_lock, exclusive=True, seconds=patience)
        if held is None:
            raise Unavailable("A worker runs already for the data folder {folder}.", folder=str(site.files.root))
        try:
            late = _work(site, stopping, woken, HEALTH_SECONDS if stop is None else 0.2)
        finally:
            site.files.doorbell.unlink(missing_ok=True)
            held.release(remove=True)
    if late and threading.current_thread() is threading.main_thread():
        _log.warning("stopped without waiting for %s", ", ".join(late))
        sys.stderr.flush()
        os._exit(0)
    return 0


def _work(site: Site, stopping: threading.Event, woken: socket.socket, nap: float) -> list[str]:
    """Until told to stop; the names of the threads that did not end in time."""
    huey = tasks.register(site, stopping, machine.places(site.config))
    ear = site.jobs.listen(stopping)
    consumer = Consumer(
        huey, workers=machine.places(site.config) + 1, periodic=True, scheduler_interval=60, check_worker_health=True
    )
    threads = [consumer.scheduler, *(thread for _, thread in consumer.worker_threads), *tasks.watch(site, stopping)]
    for thread in threads:
        thread.start()
    site.jobs.later(Job.SWEEP, 1)  # what a kill left is healed at once; thoroughly
    site.db.close()
    while not stopping.is_set():
        if select.select([woken], [], [], nap)[0]:
            break
        consumer.check_worker_health()
    stopping.set()
    consumer.stop_flag.set()
    site.jobs.ring()  # the ear, and through it every thread that sleeps at the queue
    return _join([ear, *threads])


def _join(threads: list[threading.Thread]) -> list[str]:
    deadline = time.monotonic() + STOP_SECONDS
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [thread.name for thread in threads if thread.is_alive()]


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that becomes readable at SIGTERM or SIGINT.

    A handler that set an Event could meet the main thread inside that same Event's lock; and blocked signals
    would stay blocked in every program that we start.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        if threading.current_thread() is not threading.main_thread():
            yield reader
            return
        writer.setblocking(False)
        before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
        signal.set_wakeup_fd(writer.fileno())
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
