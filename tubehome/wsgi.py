"""The web entry: gunicorn with threads, as little of it as we need.

One process with many threads (`[server] threads`), on a socket that the caller has bound. gunicorn's own
extras are off (control socket, forwarding headers, temporary files on the disk). The thread worker is mended
in four places, each said below; found in gunicorn 27.0.1.
"""

from __future__ import annotations

import logging
import os
import re
import resource
import socket
import sys
import time
from collections.abc import Callable
from typing import Any

from gunicorn import util
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger
from gunicorn.sock import TCP6Socket, TCPSocket
from gunicorn.workers.gthread import ThreadWorker

from tubehome.site import Site
from tubehome.web import create_app
from tubehome.web.pace import Pace
from tubehome.web.visitor import truncated

KEEP_ALIVE_SECONDS = 10  # an idle connection costs a descriptor, no thread
STOP_SECONDS = 2  # for answers under way when we stop; longer ones are cut, and players come back by range
LINGER_SECONDS = 1.0  # after the last byte, for the client to close first
SPARE_CONNECTIONS = 1024  # idle ones, beside those that occupy a thread
_SECRET_PATH = re.compile(r"(/setup/|/g/)[^/ ?]+")


class Log(Logger):
    """Addresses lose their last part, secret addresses their secret; a fault is one line unless debugging."""

    def atoms(self, resp: Any, req: Any, environ: Any, request_time: Any) -> Any:
        atoms = super().atoms(resp, req, environ, request_time)
        atoms["h"] = truncated(str(atoms["h"]))
        for key in ("r", "U", "f"):
            atoms[key] = _SECRET_PATH.sub(r"\1…", atoms[key] or "-")
        return atoms

    def _set_handler(self, log: Any, output: Any, fmt: Any, stream: Any = None) -> None:
        super()._set_handler(log, output, fmt, sys.stderr)  # stdout is for results

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        if self.error_log.isEnabledFor(logging.INFO):
            super().exception(msg, *args, **kwargs)
            return
        fault = sys.exc_info()[1]
        said = _SECRET_PATH.sub(r"\1…", str(msg) % args if args else str(msg))
        self.error_log.error("%s (%s: %s)", said, type(fault).__name__, fault)


class Worker(ThreadWorker):
    """gunicorn's thread worker, mended."""

    def init_process(self) -> None:
        self.pace = Pace()
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """A client that trickles its head would hold this thread for ever, and closing would hold the main one.

        gunicorn waits up to two seconds for the client to close, for every connection, in the thread that
        accepts all others; here the thread that served it waits.
        """
        conn.watched = self.pace.watch(conn.sock)
        try:
            answer = super().handle(conn)
        finally:
            self.pace.forget(conn.watched)
        if answer is False:
            util.close_graceful(conn.sock, timeout=LINGER_SECONDS)
            conn.is_closed = True
        return answer

    def handle_request(self, req: Any, conn: Any) -> Any:
        """The head is here; from now on body and answer must keep a least pace."""
        names = {name for name, _ in req.headers}
        conn.watched.answer(has_body=bool(names & {"CONTENT-LENGTH", "TRANSFER-ENCODING"}))
        return super().handle_request(req, conn)

    def finish_request(self, conn: Any, fs: Any) -> None:
        if getattr(conn, "is_closed", False):
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """gunicorn would log the whole address of who sent nonsense."""
        super().handle_error(req, client, (truncated(addr[0]), addr[1]) if addr else addr, exc)

    def _cap_keepalive(self, deadline: float) -> None:
        super()._cap_keepalive(min(deadline, time.monotonic() + 0.3))


class Application(BaseApplication):
    """Our settings for gunicorn; its environment variables and files are not read."""

    def __init__(self, site: Site, hooks: dict[str, Any], debug: bool) -> None:
        self._site, self._hooks, self._debug = site, hooks, debug
        super().__init__()

    def load(self) -> Any:
        """In the serving process: after every fork, before any thread."""
        return create_app(self._site)

    def load_config(self) -> None:
        threads = self._site.config.server.threads
        os.environ.pop("SENDFILE", None)  # sendfile is on unless something is said: saying True turns it off as well
        memory = "/dev/shm"  # noqa: S108 - gunicorn's sign of life, once a second: not on an SD card
        chosen = {
            "workers": 1,
            "worker_class": Worker,
            "threads": threads,
            "worker_connections": _connections(threads),
            "keepalive": KEEP_ALIVE_SECONDS,
            "timeout": 60,
            "graceful_timeout": STOP_SECONDS + 1,  # of the arbiter; the worker's own is shorter, see `_born`
            "preload_app": False,
            "chdir": "/",  # where a command was typed may be closed to the user that serves
            "worker_tmp_dir": memory if os.access(memory, os.W_OK) else str(self._site.files.run),
            "control_socket_disable": True,
            # forwarding headers are for web.visitor to believe or not
            "forwarded_allow_ips": "",
            "secure_scheme_headers": {},
            "forwarder_headers": "",
            "logger_class": Log,
            "loglevel": "info" if self._debug else "warning",
            "errorlog": "-",
            "accesslog": "-" if self._debug else None,
            "access_log_format": '%(h)s "%(r)s" %(s)s %(B)s %(M)sms',
            **self._hooks,
        }
        for name, value in chosen.items():
            self.cfg.set(name, value)


def _connections(threads: int) -> int:
    """As many as descriptors allow: gunicorn's worker dies when accept() finds none left."""
    wanted = 2 * threads + SPARE_CONNECTIONS + 256
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    room = wanted if soft == resource.RLIM_INFINITY else soft
    return max(threads + 32, min(threads + SPARE_CONNECTIONS, room - threads - 256))


def run(
    site: Site,
    listener: socket.socket,
    *,
    after_fork: Callable[[int], None],
    ready: Callable[[], None] | None = None,
    debug: bool = False,
) -> int:
    """Serves until SIGTERM or SIGINT; the exit code.

    `after_fork(parent)` is called in the serving process with its parent's id (to die with it); `ready` when
    the application is loaded there.
    """

    def born(arbiter: Any, worker: Worker) -> None:
        after_fork(arbiter.pid)
        worker.cfg.set("graceful_timeout", STOP_SECONDS)

    def loaded(worker: Worker) -> None:
        if ready:
            ready()

    hooks = {"post_fork": born, "post_worker_init": loaded}
    starter = os.getpid()
    code = 0
    try:
        arbiter = Arbiter(Application(site, hooks, debug))
        kind = TCP6Socket if listener.family == socket.AF_INET6 else TCPSocket
        arbiter.LISTENERS = [kind(listener.getsockname(), arbiter.cfg, arbiter.log, fd=listener.detach())]
        arbiter.run()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    if os.getpid() != starter:
        # the serving process, forked in there, ends here: our caller's frames are its parent's business, and a
        # thread that feeds a slow reader is not waited for
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
