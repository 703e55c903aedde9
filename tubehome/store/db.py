"""The database: one SQLite file, WAL, a small pool of connections.

A thread borrows a connection for the length of a request or of a job and gives it back: 256 threads must
not mean 256 page caches, and a thread that only streams bytes holds none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from peewee import FloatField, IntegerField, OperationalError
from peewee import Model as PeeweeModel
from playhouse.pool import PooledSqliteDatabase

from tubehome.base import clock, text

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",  # what was said to be saved survives a power cut
    "foreign_keys": 1,
    "cache_size": -2000,  # 2 MB a connection
    "temp_store": "memory",
}

CONNECTIONS = 24
WAIT_SECONDS = 20
FOLDED = 10_000  # titles that are remembered as searches want them: 2 MB, once there are so many


class _Database(PooledSqliteDatabase):
    def atomic(self, *how: Any, **more: Any) -> Any:
        """A transaction has the right to write from its beginning, and waits for it (WAIT_SECONDS).

        SQLite's own default asks for it at the first write. When somebody else has committed since our first read,
        there is no waiting then, only « database is locked » at once.
        """
        return super().atomic(*(how or ("IMMEDIATE",)), **more)


db: Any = _Database(None)


@db.func("fold", 1)  # type: ignore[untyped-decorator]
@lru_cache(FOLDED)
def _fold(said: object) -> str:
    """For searches that do not mind accents and capitals."""
    return text.fold(str(said or ""))


class Model(PeeweeModel):
    """The base of every room's models."""

    if TYPE_CHECKING:
        id: Any  # peewee adds it

    class Meta:
        database = db
        legacy_table_names = False


class ContentVersion(Model):
    """One row: a number that grows in the transaction of each public change. Caches are keyed on it.

    (`PRAGMA data_version` would ignore our own commits and move with every progress row.)
    """

    id = IntegerField(primary_key=True)
    version = IntegerField()
    changed_at = FloatField()


def open_database(path: Path) -> None:
    """Points the global database at a file; connections are opened when first asked for."""
    db.init(str(path), pragmas=PRAGMAS, max_connections=CONNECTIONS, timeout=WAIT_SECONDS, check_same_thread=False)
    db.timeout = WAIT_SECONDS  # another process may be writing


def found_no_room(error: BaseException) -> bool:
    """Is it SQLite saying that the disk is full? (Taking back a transaction that is gone by it fails as well.)"""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OperationalError | sqlite3.OperationalError) and "disk is full" in str(cause):
            return True
        cause = cause.__context__
    return False


@contextmanager
def borrowed() -> Iterator[None]:
    """A connection for this block, in a thread that may have none: one that ended with it would never give it back."""
    opened = db.connect() if db.is_closed() else False
    try:
        yield
    finally:
        if opened:
            db.close()


def bump() -> None:
    """Says, inside the transaction that makes it, that something visible changed."""
    if not db.in_transaction():
        raise RuntimeError("bump() belongs inside the transaction of the change")
    ContentVersion.update(version=ContentVersion.version + 1, changed_at=clock.timestamp()).execute()


def content_version() -> tuple[int, float]:
    """(version, when it last changed in seconds since 1970)."""
    row = ContentVersion.get_by_id(1)
    return row.version, row.changed_at
