"""tubehome init: a data folder, and the owner if one is named."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tubehome.base import config, ids
from tubehome.base.errors import Refused
from tubehome.base.i18n import LANGUAGES
from tubehome.cli.frame import _, options, say, where

if TYPE_CHECKING:
    from tubehome.boot import Where


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
    if place.files.instance.exists():
        raise Refused("There is a tubehome in {folder} already; nothing was changed.", folder=str(place.files.root))
    before = set(place.files.root.iterdir()) if place.files.root.exists() else None
    _make_folder(place, url)
    try:
        site, held = boot.open_site(where(), may_migrate=True)
        with held, site.db.connection_context():
            if owner:
                set_up(site, name=owner, password=password, site_name=site_name, channel=channel, language=language)
            elif site_name or language:
                settings.change(**{k: v for k, v in (("site_name", site_name), ("language", language)) if v})
    except BaseException:
        _unmake(place, before)  # half made is not made: the next init may try again
        raise
    say(_("A tubehome is ready in {folder}.", folder=str(place.files.root)))
    if not owner:
        say(_("It has no owner yet: start the server, or run « tubehome owner link », and follow the link."))
    elif password is None:
        say(_("The owner has no password yet: set one with « tubehome owner password »."))


def _make_folder(place: Where, url: str | None) -> None:
    """Folders, the session key, what --url says, and last the instance's id, which says that it is one."""
    from tubehome.store import files

    made = place.files
    written = config.with_url(made.config.read_text() if made.config.exists() else "", url) if url else ""
    config.parse(("--url", written))
    if made.root.exists() and any(f.name not in ("config.toml", "lost+found") for f in made.root.iterdir()):
        raise Refused("The folder {folder} is not empty: name a new one with --data.", folder=str(made.root))
    made.lay_out()
    if written:
        files.write(made.config, written, 0o600)
    files.write(made.secret, ids.new_token(), 0o600)
    files.write(made.instance, ids.new_uuid() + "\n")


def _unmake(place: Where, before: set[Path] | None) -> None:
    """Takes away what this init made; what was in the folder before it stays."""
    if before is None:
        shutil.rmtree(place.files.root)
        return
    for made in set(place.files.root.iterdir()) - before:
        shutil.rmtree(made) if made.is_dir() else made.unlink()
