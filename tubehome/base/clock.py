"""The time. Everything asks here, so that a test can move the clock of real processes.

`TUBEHOME_CLOCK_OFFSET` (seconds) is obeyed only after `allow_offset()`, which the start-up calls when the
configuration says `[test] enabled = true`.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime


class _Clock:
    offset = 0.0


def allow_offset() -> None:
    """Reads the test offset from the environment; call it only on a test instance."""
    _Clock.offset = float(os.environ.get("TUBEHOME_CLOCK_OFFSET", "0"))


def now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.fromtimestamp(timestamp(), UTC)


def timestamp() -> float:
    """Seconds since 1970, as rows store them."""
    return time.time() + _Clock.offset


def from_timestamp(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
