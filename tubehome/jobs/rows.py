"""Rows of work: state, attempts, next try, last error; claims that tell "running" from "its worker died".

A claim holds an flock on `<data>/run/<table>-<id>`: the kernel gives it back the moment its process dies, so
a row that says "running" and whose lock is free is workable again at once. A worker's death is not an
attempt (the file is innocent of a power cut), nor is that of a program that it had started, but ten deaths on one row
are taken for "out of memory".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peewee import FloatField, IntegerField, TextField

from tubehome.base import clock
from tubehome.base.errors import ToolFailed, TubehomeError
from tubehome.base.i18n import mark
from tubehome.store import lock
from tubehome.store.db import Model, db

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
ATTEMPTS = 3
DEATHS = 10
BACK_OFF = (5, 60, 300)  # seconds before the second, third … attempt
OUT_OF_MEMORY = mark("This work was killed {n} times in a row: the machine probably runs out of memory.")


class WorkRow(Model):
    """The columns of work; a room's own model adds what the work is about."""

    state = TextField(default=WAITING)
    attempts = IntegerField(default=0)
    deaths = IntegerField(default=0)
    next_try = FloatField(default=0)  # seconds since 1970
    last_error = TextField(null=True)  # TubehomeError.to_json
    detail = TextField(null=True)  # the last lines of the tool that failed; for the owner only
    started_at = FloatField(null=True)
    finished_at = FloatField(null=True)

    @property
    def error(self) -> TubehomeError | None:
        return TubehomeError.from_json(self.last_error) if self.last_error else None


@dataclass
class Claim:
    """One row, being worked on by this process alone. End it with done, retry, postpone or release."""

    row: Any
    lock: lock.Lock
    wait: float = 0.0  # once it is ended: seconds until the row is worth another ring

    def _end(self, **values: object) -> bool:
        """False when the row is not ours any more: somebody began it anew, or did away with it."""
        kind = type(self.row)
        return bool(kind.update(**values).where(kind.id == self.row.id, kind.state == RUNNING).execute())

    def done(self) -> None:
        """Inside the caller's transaction, with what the work produced; then `let_go`."""
        self._end(state=DONE, finished_at=clock.timestamp(), last_error=None, detail=None, deaths=0)

    def retry(self, error: TubehomeError) -> bool:
        """Counts an attempt that failed; False when it was the last, and the row says so."""
        attempts = self.row.attempts + 1
        last = attempts >= ATTEMPTS
        wait = BACK_OFF[min(attempts, len(BACK_OFF)) - 1]
        said = self._end(state=FAILED if last else WAITING, attempts=attempts, deaths=0, last_error=error.to_json(),
                         next_try=clock.timestamp() + wait, detail=error.cause)  # fmt: skip
        self.wait = 0.0 if last else wait
        return not (last and said)

    def died(self, error: TubehomeError) -> bool:
        """What worked for us was killed: counted as our own death would be, no attempt. False when it was too often."""
        died = self.row.deaths + 1
        if died >= DEATHS:
            return not self._end(state=FAILED, deaths=0, last_error=ToolFailed(OUT_OF_MEMORY, n=died).to_json())
        wait = BACK_OFF[0] * (died - 1)  # the first time it was most likely chance
        self._end(state=WAITING, deaths=died, next_try=clock.timestamp() + wait, last_error=error.to_json())
        self.wait = wait
        return True

    def fail(self, error: TubehomeError) -> None:
        """No further attempt: trying again cannot help."""
        self._end(state=FAILED, attempts=self.row.attempts + 1, last_error=error.to_json(), detail=error.cause)

    def postpone(self, error: TubehomeError, seconds: float) -> None:
        """Waits for something outside (room on the disk): not an attempt; the sentence says for what."""
        self._end(state=WAITING, next_try=clock.timestamp() + seconds, last_error=error.to_json(), deaths=0)
        self.wait = seconds

    def release(self) -> None:
        """Stopped on purpose: workable again at once, as if it had not been begun."""
        self._end(state=WAITING, deaths=self.row.deaths)

    def let_go(self) -> None:
        self.lock.release(remove=True)


def lock_path(run: Path, row: Any) -> Path:
    return run / f"{type(row)._meta.table_name}-{row.id}"


FARTHEST_TRY = 3600.0  # seconds; a next try beyond it was written by a clock that was wrong


def _time_has_come(next_try: Any, now: float) -> Any:
    """For a value or, in a query, a column."""
    return (next_try <= now) | (next_try > now + FARTHEST_TRY)


def claim(row: Any, run: Path) -> Claim | None:
    """The claim on a row, or None when it is not workable now or somebody works on it."""
    held = lock.wait(lock_path(run, row), exclusive=True, seconds=0.1)  # `workable` asks with a lock, for an instant
    if held is None:
        return None
    fresh = None
    try:
        fresh = _begin(row)
    finally:
        if fresh is None:  # not workable, or the database could not be written: nobody else must wait for us
            held.release(remove=True)
    return Claim(fresh, held) if fresh else None


def _begin(row: Any) -> Any:
    """The row as it is now, said to be running; None when it is not workable."""
    kind, now = type(row), clock.timestamp()
    with db.atomic():
        fresh = kind.get_or_none(kind.id == row.id)
        if fresh is None or not (
            fresh.state == RUNNING or (fresh.state == WAITING and _time_has_come(fresh.next_try, now))
        ):
            return None
        died = fresh.deaths + (fresh.state == RUNNING)
        if died >= DEATHS:
            error = ToolFailed(OUT_OF_MEMORY, n=died)
            kind.update(state=FAILED, deaths=0, last_error=error.to_json()).where(kind.id == row.id).execute()
            return None
        kind.update(state=RUNNING, deaths=died, started_at=now).where(kind.id == row.id).execute()
    fresh.state, fresh.deaths, fresh.started_at = RUNNING, died, now
    return fresh


def forget_dead_claims(kind: Any, run: Path) -> None:
    """Removes the lock files of workers that died between the end of a work and letting it go."""
    for left in run.glob(f"{kind._meta.table_name}-*"):
        held = lock.try_exclusive(left)
        if held:
            held.release(remove=True)


def workable(row: Any, run: Path) -> bool:
    """Could a worker take it now?"""
    if row.state == RUNNING:
        return not lock.is_held(lock_path(run, row))
    return bool(row.state == WAITING and _time_has_come(row.next_try, clock.timestamp()))


def covered(spans: Iterable[tuple[float, float]]) -> float:
    """The seconds in which at least one of these (start, end) was under way."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def due(kind: Any, run: Path) -> list[Any]:
    """Every row that could be worked on now: waiting and its time has come, or running without a worker."""
    now = clock.timestamp()
    rows = kind.select().where(((kind.state == WAITING) & _time_has_come(kind.next_try, now)) | (kind.state == RUNNING))
    return [row for row in rows if workable(row, run)]
