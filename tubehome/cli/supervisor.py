"""One parent, two parts: web and worker are forked from a process that has imported what both need.

The parent has no thread, no connection and no key, so a fork is safe at any time and memory is shared. It
sleeps until a signal comes; what dies is started again after a short, growing pause, and the other part does
not notice. Each part leads a process group of its own (a Ctrl-C reaches the parent alone, which then stops
both) and gets SIGTERM from the kernel when the parent dies, however it dies.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tubehome.base import urls
from tubehome.cli import libc
from tubehome.cli.frame import _, say, say_error

PAUSES = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the first, second … start after a death
STEADY_SECONDS = 60.0  # a part that lived this long starts again from the shortest pause
STOP_SECONDS = 4.3  # then whatever is left is killed
HOPELESS = 4  # deaths of a part before the site has answered once


@dataclass
class Part:
    """One part of the site, and its process."""

    name: str
    run: Callable[[], int]
    pid: int = 0
    born_at: float = 0.0
    deaths: int = 0
    next_start: float = 0.0


class Supervisor:
    """Starts the parts, keeps them running, stops them. `run` returns the exit code."""

    def __init__(self, parts: list[Part], knock: Knock, ready: Callable[[], None]) -> None:
        self._parts, self._knock, self._ready = parts, knock, ready
        self._stopping_since: float | None = None
        self._code = 0

    def run(self) -> int:
        with _signals() as woken:
            while not self._finished():
                self._start_due()
                for number in self._sleep(woken):
                    self._heard(number)
                self._bury()
        return self._code

    def _finished(self) -> bool:
        if self._stopping_since is None:
            return False
        if time.monotonic() - self._stopping_since > STOP_SECONDS:
            self._signal_groups(signal.SIGKILL)
        return not any(part.pid for part in self._parts)

    def _start_due(self) -> None:
        for part in self._parts:
            if not part.pid and self._stopping_since is None and part.next_start <= time.monotonic():
                _fork(part)

    def _sleep(self, woken: socket.socket) -> list[int]:
        """Until a signal comes, a start is due, or the site answers for the first time; the signals."""
        watched: list[socket.socket] = [woken, *self._knock.sockets()]
        readable, _, _ = select.select(watched, [], [], self._until_next())
        if any(sock is not woken for sock in readable) and self._knock.answered():
            self._ready()
        return list(woken.recv(64)) if woken in readable else []

    def _until_next(self) -> float | None:
        now = time.monotonic()
        if self._stopping_since is not None:
            return max(0.0, self._stopping_since + STOP_SECONDS - now) + 0.01
        moments = [part.next_start - now for part in self._parts if not part.pid]
        if self._knock.waits:
            moments.append(0.1)
        return max(0.0, min(moments)) if moments else None

    def _heard(self, number: int) -> None:
        if number not in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            return
        if self._stopping_since is None:
            self._stop()
        elif number == signal.SIGINT:  # a second Ctrl-C: now
            self._signal_groups(signal.SIGKILL)

    def _stop(self) -> None:
        self._stopping_since = time.monotonic()
        self._knock.give_up()
        for part in self._parts:
            if part.pid:
                os.kill(part.pid, signal.SIGTERM)

    def _signal_groups(self, number: int) -> None:
        for part in self._parts:
            if part.pid:
                _signal_group(part.pid, number)

    def _bury(self) -> None:
        """Takes note of the dead; what is left of a dead part's group is told to end."""
        while ended := _one_ended():
            pid, how = ended
            _signal_group(pid, signal.SIGTERM)  # before it is reaped: until then the number is nobody else's
            os.waitpid(pid, 0)
            part = next((p for p in self._parts if p.pid == pid), None)
            if part:
                part.pid = 0
                if self._stopping_since is None:
                    self._mourn(part, how)

    def _mourn(self, part: Part, how: str) -> None:
        now = time.monotonic()
        part.deaths = 1 if now - part.born_at > STEADY_SECONDS else part.deaths + 1
        pause = PAUSES[min(part.deaths, len(PAUSES)) - 1]
        part.next_start = now + pause
        say(_("The part « {name} » ended ({how}); it is started again.", name=part.name, how=how))
        if part.deaths >= HOPELESS and self._knock.waits:
            say(_("It does not start: the lines above say why."))
            self._code = 1
            self._stop()


class Knock:
    """Asks `/healthz` until it answers, without a thread: the listening socket takes the question at once."""

    def __init__(self, listener: socket.socket, site_url: str) -> None:
        self._listener = listener
        self._host = urlsplit(site_url).netloc or "localhost"
        self._asking: socket.socket | None = None
        self.waits = True

    def sockets(self) -> list[socket.socket]:
        if self.waits and self._asking is None:
            self._asking = self._ask()
        return [self._asking] if self._asking else []

    def _ask(self) -> socket.socket | None:
        host, port, *_ = self._listener.getsockname()
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
        asking = socket.socket(self._listener.family, socket.SOCK_STREAM)
        try:
            asking.settimeout(1)
            asking.connect((host, port))
            asking.sendall(f"GET {urls.HEALTH} HTTP/1.1\r\nHost: {self._host}\r\nConnection: close\r\n\r\n".encode())
        except OSError:
            asking.close()
            return None
        return asking

    def answered(self) -> bool:
        """Was it a good answer? Called when the socket is readable."""
        try:
            said = self._asking.recv(64) if self._asking else b""
        except OSError:
            said = b""
        self._close()
        if said.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200")):
            self.waits = False
            return True
        if said:
            time.sleep(0.1)  # it answers, but not yet well
        return False

    def give_up(self) -> None:
        self.waits = False
        self._close()
        self._listener.close()

    def _close(self) -> None:
        if self._asking:
            self._asking.close()
        self._asking = None


def _fork(part: Part) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    pid = os.fork()
    if pid:
        with contextlib.suppress(OSError):  # the child does the same; whoever comes first
            os.setpgid(pid, pid)
        part.pid, part.born_at = pid, time.monotonic()
        return
    code = 1
    try:
        _become_child(parent)
        code = part.run()
    except BaseException as error:  # noqa: BLE001 - nothing may climb back into the parent's frames
        code = say_error(error) if isinstance(error, Exception) else 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)  # no thread is waited for: a slow reader must not keep a stopping site


def _become_child(parent: int) -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    os.setpgid(0, 0)
    libc.die_with(parent)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _one_ended() -> tuple[int, str] | None:
    """A child that has ended and is not reaped yet: its id, and how in a word."""
    try:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None
    if ended is None:
        return None
    how = signal.Signals(ended.si_status).name if ended.si_code != os.CLD_EXITED else f"exit {ended.si_status}"
    return ended.si_pid, how


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


@contextlib.contextmanager
def _signals() -> Iterator[socket.socket]:
    """A socket that receives the number of each signal: nothing happens inside a handler."""
    reader, writer = socket.socketpair()
    with reader, writer:
        reader.setblocking(False)
        writer.setblocking(False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup means it
                signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(writer.fileno())
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(-1)
