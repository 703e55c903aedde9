"""Bringing the database to the schema of this program.

Migrations are numbered files beside this one, applied by `playhouse.migrations`, each in one transaction
with its history row. The runner accepts a newer database, so we look first and refuse.
"""

from __future__ import annotations

import os
from pathlib import Path

from peewee import OperationalError

from tubehome.base import clock
from tubehome.base.errors import Misconfigured, Unavailable
from tubehome.store import lock
from tubehome.store.db import db
from tubehome.store.files import Files, sync_folder

FOLDER = Path(__file__).parent / "migrations"
KEPT_COPIES = 3


def _known() -> list[str]:
    return sorted(f.stem for f in FOLDER.glob("[0-9]*.py"))


def applied() -> list[str]:
    """Names in the database's history; read directly, since every command asks and the runner is heavy to import."""
    try:
        return [name for (name,) in db.execute_sql("SELECT name FROM schema_migration ORDER BY name")]
    except OperationalError:
        return []


def pending() -> list[str]:
    """Names not applied yet. Misconfigured when the database was made by a newer program."""
    done, known = applied(), _known()
    newer = sorted(set(done) - set(known))
    if newer:
        raise Misconfigured(
            "This data folder was made by a newer tubehome (it knows {name}); install that version or a later one.",
            name=newer[-1],
        )
    return [name for name in known if name not in done]


def migrate(files: Files, wait_seconds: float = 10) -> list[str]:
    """Applies what is pending, alone in the folder; the names applied. A copy of the database is kept before."""
    if not pending():
        return []
    with _alone(files, wait_seconds):
        todo = pending()  # another process may just have done it
        if not todo:
            return []
        if applied():
            _keep_copy(files)
        from playhouse.migrations import Runner  # heavy: only when there is something to do

        return list(Runner(db, str(FOLDER)).up())


def _alone(files: Files, seconds: float) -> lock.Lock:
    held = lock.wait(files.lock, exclusive=True, seconds=seconds)
    if held is None:
        raise Unavailable(
            "The data folder {folder} is in use by an older tubehome; stop it, then start this one.",
            folder=str(files.root),
        )
    return held


def _keep_copy(files: Files) -> None:
    folder = files.root / "before-upgrade"
    folder.mkdir(mode=0o700, exist_ok=True)
    copy = folder / f"tubehome-{clock.now():%Y%m%d-%H%M%S}.db"
    db.execute_sql("VACUUM INTO ?", (str(copy),))
    fd = os.open(copy, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    sync_folder(folder)
    for old in sorted(folder.glob("tubehome-*.db"))[:-KEPT_COPIES]:
        old.unlink()
