"""tubehome init: a data folder, and the owner if one is named."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tubehome.base import config, ids, text
from tubehome.base.errors import Refused
from tubehome.base.i18n import LANGUAGES
from tubehome.cli.frame import _, options, say, where
from tubehome.store import files

if TYPE_CHECKING:
    from tubehome.boot import Where

LOCK = "init.lock"
WELCOME = {"config.toml", "lost+found", LOCK}
OURS = {  # what an init that was killed may have left
    *("tubehome.db", "tubehome.db-wal", "tubehome.db-shm", "secret.key", "lock"),
    *("run", "incoming", "trash", "cache", "pictures", "videos"),
}


@click.command("init", help=_("Prepare a data folder, without a browser. A second init changes nothing and exits 2."))
@click.option("--owner", metavar="NAME", help=_("The owner's name: small letters, digits, dots, hyphens, underscores."))
@click.option("--password-stdin", is_flag=True, help=_("Read the owner's password from the first line of the input."))
@click.option("--site-name", metavar="NAME", help=_("The name of the site."))
@click.option("--url", metavar="URL", help=_("The public address, such as https://video.example.org."))
@click.option("--channel", metavar="NAME", help=_("The first channel (default: the owner's name and « _channel »)."))
@click.option("--language", type=click.Choice(LANGUAGES), help=_("The site's main language (default: fr)."))
@options
def command(
    owner: str | None,
    password_stdin: bool,
    site_name: str | None,
    url: str | None,
    channel: str | None,
    language: str | None,
) -> None:
    """Everything that can be refused is refused before anything is made."""
    from tubehome import boot, settings
    from tubehome.flows.set_up import set_up
    from tubehome.owner import login, setup

    if (channel or password_stdin) and not owner:
        raise Refused("--channel and --password-stdin need --owner NAME.")
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    if owner:
        setup.check_name(owner)
    if password is not None:
        login.check_new_password(password)
    place = where()
    with _alone(place), _undone_unless_finished(place):
        _make_folder(place, url)
        site, held = boot.open_site(where(), may_migrate=True, new=True)
        with held, site.db.connection_context():
            if owner:
                set_up(site, name=owner, password=password, site_name=site_name, channel=channel, language=language)
            elif site_name or language:
                chosen = {"site_name": text.clean_line(site_name or ""), "language": language}
                settings.change(**{k: v for k, v in chosen.items() if v})
        files.write(place.files.instance, ids.new_uuid() + "\n")  # last: it says that this is a tubehome
    say(_("A tubehome is ready in {folder}.", folder=str(place.files.root)))
    if not owner:
        say(_("It has no owner yet: start the server, or run « tubehome owner link », and follow the link."))
    elif password is None:
        say(_("The owner has no password yet: set one with « tubehome owner password »."))


@contextmanager
def _alone(place: Where) -> Iterator[None]:
    """One init at a time, in a folder that is not a tubehome yet."""
    from tubehome.store import lock

    root = place.files.root
    fresh = not root.exists()
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    held = lock.try_exclusive(root / LOCK)
    if held is None:
        raise Refused("Another init is at work in {folder}.", folder=str(root))
    try:
        if place.files.instance.exists():
            raise Refused("There is a tubehome in {folder} already; nothing was changed.", folder=str(root))
        yield
    finally:
        held.release(remove=True)
        if fresh:
            with suppress(OSError):
                root.rmdir()  # only where it is empty again


@contextmanager
def _undone_unless_finished(place: Where) -> Iterator[None]:
    """Takes away what a failed init made; what was in the folder before stays, but for the remains of a killed one."""
    root = place.files.root
    if any(f.name not in OURS and f.name not in WELCOME for f in root.iterdir()) or _has_videos(place):
        raise Refused("The folder {folder} is not empty: name a new one with --data.", folder=str(root))
    _remove(f for f in root.iterdir() if f.name in OURS)
    before = set(root.iterdir())
    try:
        yield
    except BaseException:
        _remove(set(root.iterdir()) - before)
        raise


def _has_videos(place: Where) -> bool:
    return place.files.videos().is_dir() and any(place.files.videos().iterdir())


def _remove(paths: Iterable[Path]) -> None:
    for path in list(paths):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _make_folder(place: Where, url: str | None) -> None:
    """Folders, what --url says, and the session key."""
    made = place.files
    written = config.with_url(made.config.read_text() if made.config.exists() else "", url) if url else ""
    config.parse(("--url", written))
    made.lay_out()
    if written:
        files.write(made.config, written, 0o600)
    files.write(made.secret, ids.new_token(), 0o600)
