"""Builds the Site: finds the configuration and the data folder, checks them, opens the database.

Data folder: `--data`, else TUBEHOME_DATA, else `[data] folder` of the machine's config, else ./var.
Machine's config: `--config`, else TUBEHOME_CONFIG, else (only when no data folder is named)
/etc/tubehome/config.toml. `<data>/config.toml` is always read as well; the machine's config lies over it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tubehome.base import clock
from tubehome.base.config import Config, parse
from tubehome.base.errors import Misconfigured, Refused, Unavailable
from tubehome.jobs.bell import Bell
from tubehome.site import Site
from tubehome.store import lock, migrate
from tubehome.store.db import db, open_database
from tubehome.store.files import Files

SYSTEM_CONFIG = Path("/etc/tubehome/config.toml")


@dataclass(frozen=True)
class Where:
    """Which data folder, under which configuration."""

    files: Files
    config: Config


def locate(data: str | None, config: str | None) -> Where:
    """Reads the configuration; nothing is created and the folder need not exist."""
    named = data or os.environ.get("TUBEHOME_DATA")
    machine = _machine_config(config, bool(named))
    layer = [(str(machine), _read(machine))] if machine else []
    folder = Path(named or parse(*layer).data.folder or "var").absolute()
    files = Files(folder)
    own = [(str(files.config), _read(files.config))] if _is_there(files.config) else []
    return Where(files, parse(*own, *layer))


def _machine_config(asked: str | None, data_named: bool) -> Path | None:
    chosen = asked or os.environ.get("TUBEHOME_CONFIG")
    if chosen:
        return Path(chosen)
    return SYSTEM_CONFIG if not data_named and SYSTEM_CONFIG.exists() else None


def _is_there(path: Path) -> bool:
    """A folder that we may not look into is refused later, with the sentence for that."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(
            "The configuration {file} cannot be read: {problem}.", file=str(path), problem=str(error)
        ) from error


def check_folder(where: Where) -> None:
    """Refuses a folder that is not this instance's: an unmounted disk must not become a new, empty site."""
    files, wanted = where.files, where.config.data.instance
    try:
        found = files.instance.read_text().strip()
    except FileNotFoundError:
        if wanted:
            raise Unavailable(
                "The data folder {folder} is not there (instance {id}): is its disk mounted?",
                folder=str(files.root),
                id=wanted,
            ) from None
        raise Refused(
            "There is no tubehome in {folder}: make one with « tubehome init », or name another folder with --data.",
            folder=str(files.root),
        ) from None
    except PermissionError:
        raise Refused(
            "The data folder {folder} belongs to another user: run this as its owner, or as root.",
            folder=str(files.root),
        ) from None
    if wanted and found != wanted:
        raise Misconfigured(
            "The data folder {folder} is another instance's ({found}, not {id}): is the right disk mounted?",
            folder=str(files.root),
            found=found,
            id=wanted,
        )


def become_owner(files: Files) -> None:
    """Root becomes the folder's owner (files made later must be the server's); any other user is refused."""
    info = files.root.stat()
    if os.geteuid() == info.st_uid:
        return
    if os.geteuid() != 0:
        raise Refused(
            "The data folder {folder} belongs to another user: run this as its owner, or as root.",
            folder=str(files.root),
        )
    os.setgroups([])
    os.setresgid(info.st_gid, info.st_gid, info.st_gid)
    os.setresuid(info.st_uid, info.st_uid, info.st_uid)


def _leave_closed_folder(files: Files) -> None:
    """Where a command was typed may be closed to the folder's owner (root's home): nothing could be started there."""
    try:
        os.stat(os.getcwd())
    except OSError:
        os.chdir(files.root)


def open_site(where: Where, *, may_migrate: bool, new: bool = False) -> tuple[Site, lock.Lock]:
    """The Site and the shared lock to keep as long as it is used.

    `may_migrate`: serve, web, worker and init bring the database up to date; other commands say who does.
    `new`: init alone may begin a database; where one is lost, an empty one must not take its place.
    """
    files, config = where.files, where.config
    if not new:
        check_folder(where)
    become_owner(files)
    _leave_closed_folder(files)
    if config.test.enabled:
        clock.allow_offset()
    if not new and not (files.database.exists() and files.database.stat().st_size):
        raise Unavailable(
            "The database {file} is lost: put a copy of it back before anything else.", file=str(files.database)
        )
    open_database(files.database)
    if may_migrate:
        migrate.migrate(files)
    held = lock.wait(files.lock, exclusive=False, seconds=10)
    if held is None:
        raise Unavailable("The data folder {folder} is being upgraded; try again in a minute.", folder=str(files.root))
    if not may_migrate and migrate.pending():
        held.release()
        raise Unavailable(
            "The data folder {folder} was made by an older tubehome: start the server once to upgrade it.",
            folder=str(files.root),
        )
    db.close_all()  # a connection must not cross a fork
    return Site(config, db, files, Bell(files.queue, files.doorbell)), held
