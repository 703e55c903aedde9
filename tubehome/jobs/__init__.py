"""Work that must happen: the Job names, the bell that wakes the worker, and rows that remember.

Rules: what must happen is a row (`rows.WorkRow`), never only a message: the queue hands a message out at
most once. `Bell.later` is called after the commit. A task takes ids, reloads, and is idempotent.
"""

from __future__ import annotations

from enum import StrEnum


class Job(StrEnum):
    """What the worker can be asked to do; `tasks.py` says what each one calls."""

    ADVANCE = "advance"  # (): there is something to prepare; a video's id may be given, and is not minded
    ORDER = "order"  # (): the order of the work has changed, or something may not go on
    ACCEPT = "accept"  # (upload id): the last byte is here
    SWEEP = "sweep"  # (): put back every row that waits, tidy up
