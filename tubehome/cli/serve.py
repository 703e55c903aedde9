"""tubehome serve: web and worker together."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tubehome.base import urls
from tubehome.base.errors import Unavailable
from tubehome.cli.frame import _, options, where

if TYPE_CHECKING:
    from tubehome.boot import Where
    from tubehome.site import Site
    from tubehome.store.lock import Lock

PATIENCE = 6.0  # seconds for a site that was just killed to let its port and its locks go


def at_address(command: Callable[..., int]) -> Callable[..., int]:
    """--host and --port, for the commands that listen."""
    host = click.option(
        "--host", metavar="HOST", help=_("The address to listen on; 0.0.0.0 for all (default: 127.0.0.1).")
    )
    port = click.option(
        "--port", type=click.IntRange(0, 65535), metavar="N", help=_("The port; 0: any free one (default: 8000).")
    )
    return host(port(command))


@contextmanager
def at_the_door(host: str | None, port: int | None) -> Iterator[tuple[Site, socket.socket, Lock]]:
    """The site, its listening socket and the right to serve it, for the life of a process that serves."""
    from tubehome import boot
    from tubehome.cli import journal, libc, listening

    place = listening.chosen(where(), host, port)
    boot.check_folder(place)
    libc.few_arenas()
    journal.to_stderr(debugging())
    alone, listener = take_address(place)
    try:
        site, held = boot.open_site(place, may_migrate=True)
        with held:
            yield site, listener, alone
    finally:
        place.files.address.unlink(missing_ok=True)
        alone.release(remove=True)


@click.command("serve", help=_("Run the site: web and worker together. Prints « ready » when it answers."))
@at_address
@click.option("--announce", is_flag=True, help=_("Print the addresses in the local network."))
@options
def command(host: str | None, port: int | None, announce: bool) -> int:
    """The parent: imports, binds, opens, forks, watches."""
    with at_the_door(host, port) as (site, listener, alone):
        return _serve(site, listener, alone, announce)


def _serve(site: Site, listener: socket.socket, alone: Lock, announce: bool) -> int:
    from tubehome import worker, wsgi
    from tubehome.cli import libc
    from tubehome.cli.supervisor import Knock, Part, Supervisor

    debug = debugging()
    tell_address(site, listener)
    lines = greeting(site, listener, announce)

    def web() -> int:
        alone.release()  # the parent's: a web that outlives it must not hold the door
        try:
            return wsgi.run(site, listener, after_fork=libc.die_with, debug=debug)
        finally:
            forget_address(site)

    def work() -> int:
        alone.release()
        listener.close()
        return worker.run(site, patience=PATIENCE)

    def ready() -> None:
        for line in lines:
            click.echo(line)

    code = Supervisor([Part("web", web), Part("worker", work)], Knock(listener, site.config.server.url), ready).run()
    _clear_after_worker(site)
    with site.db.connection_context():
        site.db.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")  # a copy of tubehome.db alone is then whole
    return code


def _clear_after_worker(site: Site) -> None:
    """What a worker that had to be killed left in `run/`."""
    from tubehome.store import lock

    left = lock.try_exclusive(site.files.worker_lock)
    if left:
        site.files.doorbell.unlink(missing_ok=True)
        left.release(remove=True)


def take_address(place: Where) -> tuple[Lock, socket.socket]:
    """The right to serve this folder, and the socket; before root becomes the folder's owner (ports below 1024)."""
    from tubehome.cli import listening
    from tubehome.store import lock

    server, known = place.config.server, place.files
    known.run.mkdir(mode=0o700, exist_ok=True)
    left = known.address.exists()  # somebody serves here, or was killed
    alone = lock.wait(known.run / "serve.lock", exclusive=True, seconds=0.5)
    if alone is None:
        raise Unavailable(
            "This folder is served already, at {address}.",
            address=known.address.read_text().strip() if known.address.exists() else str(known.root),
        )
    try:
        if os.geteuid() == 0:  # root becomes the folder's owner, who must find these its own
            owner = known.root.stat()
            for made in (known.run, alone.path):
                os.chown(made, owner.st_uid, owner.st_gid)
        return alone, listening.listen(server.host, server.port, PATIENCE if left else 0)
    except BaseException:
        alone.release(remove=True)
        raise


def tell_address(site: Site, listener: socket.socket) -> None:
    """Writes where we answer, for commands and for feeds of a site without a configured url."""
    from tubehome.cli import listening
    from tubehome.store import files

    files.write(site.files.address, listening.address(listener, site.config.server.host) + "\n")


def forget_address(site: Site) -> None:
    """At web's end: the parent does it as a rule, but a parent that was killed cannot."""
    from tubehome.store import lock

    if not lock.is_held(site.files.run / "serve.lock"):
        site.files.address.unlink(missing_ok=True)


def greeting(site: Site, listener: socket.socket, announce: bool) -> list[str]:
    """What is printed once the site answers: ready, the local network, the set-up link while there is no owner."""
    from tubehome.cli import listening

    here = listening.address(listener, site.config.server.host)
    around = listening.local_network(listener, site.config.server.host) if announce else []
    lines = [f"ready {here}"]
    if announce:
        lines.append(_("On this machine: {address}", address=here))
    lines += [_("In the local network: {address}", address=one) for one in around]
    token = None if _under_systemd() else _setup_token(site)
    if token:
        lines.append(_("Set the site up here (this link works once, for 24 hours):"))
        lines += [f"  {urls.absolute(base, urls.setup(token))}" for base in _bases(site, here, around)]
    return lines


def _bases(site: Site, here: str, around: list[str]) -> list[str]:
    """Where the link may be opened: the public address when there is one, else here and from the next machine."""
    return [site.config.server.url] if site.config.server.url else [here, *around[:1]]


def _setup_token(site: Site) -> str | None:
    """A fresh link at each start without an owner (only its hash is kept); no connection stays open."""
    from tubehome.owner import login, setup

    with site.db.connection_context():
        token = None if login.the_owner() else setup.new_link()
    site.db.close_all()
    return token


def _under_systemd() -> bool:
    """Then what we print is kept in the journal, which is no place for a link that gives the site away."""
    return "INVOCATION_ID" in os.environ or "JOURNAL_STREAM" in os.environ


def debugging() -> bool:
    return bool(click.get_current_context().find_root().ensure_object(dict).get("debug"))
