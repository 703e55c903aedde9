"""For migrations: a table gets columns by being made anew, so that its text is that of a fresh one.

SQLite's own ALTER TABLE puts a new column behind the constraints and cannot add one that must not be NULL without
storing a default in the table; ours belong to the models. The way is SQLite's (lang_altertable, section 7): make,
copy, drop, rename, with foreign keys off, as the migrations' runner has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rebuild(db: Any, model: Any, new: Mapping[str, object]) -> None:
    """Makes the table of `model` (a frozen copy with all columns, by name `Meta.table_name`) anew.

    `new`: the value of each column that existing rows lack. Inside the migration's transaction. RuntimeError when
    foreign keys are on: dropping the old table would take the rows of others with it.
    """
    if db.pragma("foreign_keys"):
        raise RuntimeError("foreign keys must be off while a table is made anew")
    table = model._meta.table_name
    temporary = f"{table}__new"
    kept = [column.name for column in db.get_columns(table)]
    last_id = _last_id(db, table)
    model._meta.set_table_name(temporary)
    model._schema.create_table(safe=False)
    names = ", ".join(f'"{name}"' for name in (*kept, *new))
    values = ", ".join((*(f'"{name}"' for name in kept), *("?" for _ in new)))
    db.execute_sql(f'INSERT INTO "{temporary}" ({names}) SELECT {values} FROM "{table}"', list(new.values()))  # noqa: S608
    db.execute_sql(f'DROP TABLE "{table}"')
    db.execute_sql(f'ALTER TABLE "{temporary}" RENAME TO "{table}"')
    model._meta.set_table_name(table)
    model._schema.create_indexes(safe=False)
    if last_id is not None:  # ids of erased rows are never used again
        db.execute_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table,))
        db.execute_sql("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, last_id))
    broken = db.execute_sql(f'PRAGMA foreign_key_check("{table}")').fetchall()
    if broken:
        raise RuntimeError(f"rows of {table} name rows that are not there: {broken[:3]}")


def _last_id(db: Any, table: str) -> int | None:
    if not db.execute_sql("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return None
    row = db.execute_sql("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
    return row[0] if row else None
