"""Wrong passwords by address: a growing delay, in memory, beside the account's own (`owner.login`).

Addresses are truncated before they come here and are forgotten after a while; nothing is stored. The table
is bounded: a crowd of addresses pushes out the oldest, and the account's delay still holds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from tubehome.base import clock
from tubehome.base.errors import TooMany
from tubehome.base.i18n import Seconds
from tubehome.owner.login import pause

MOST = 4096  # addresses remembered
FORGOTTEN_AFTER = 3600.0  # seconds


class Attempts:
    """Failures in a row of each address, and when the last one was."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, address: str) -> None:
        """Counts an attempt before it is looked at; TooMany during the pause after earlier ones."""
        now = clock.timestamp()
        with self._lock:
            count, last = self._failures.get(address, (0, 0.0))
            if now - last > FORGOTTEN_AFTER:
                count = 0
            wait = last + pause(count) - now
            if wait > 0:
                raise TooMany(
                    "Too many wrong passwords: try again in {wait}.",
                    wait=Seconds(max(1, wait)),
                    retry_after=int(wait) + 1,
                )
            self._failures[address] = (count + 1, now)
            self._failures.move_to_end(address)
            while len(self._failures) > MOST:
                self._failures.popitem(last=False)

    def succeeded(self, address: str) -> None:
        with self._lock:
            self._failures.pop(address, None)
