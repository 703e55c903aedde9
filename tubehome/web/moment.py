"""The content as it is now: its version, the owner's settings, whether there is an owner.

Read once for each content version and kept: a cached page costs one small SELECT. Everything that pages show
bumps the version in its own transaction (`store.db.bump`), settings and the owner's arrival included.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import g

from tubehome import settings
from tubehome.owner import login
from tubehome.settings import Settings

Version = tuple[int, float]  # the number, and when it changed: a restored backup counts anew


@dataclass(frozen=True)
class Moment:
    version: Version
    settings: Settings
    has_owner: bool

    @property
    def changed_at(self) -> float:
        """Seconds since 1970."""
        return self.version[1]


@dataclass
class Moments:
    """Asks the database for the version, and for the rest only when the version is new."""

    db: Any
    last: Moment = field(default_factory=lambda: Moment((0, 0.0), Settings(), False))

    @contextmanager
    def connected(self) -> Iterator[None]:
        """A connection of this thread's: one that it has, or one borrowed for as long as this lasts."""
        borrowed = self.db.is_closed()
        if borrowed:
            self.db.connect()
        try:
            yield
        finally:
            if borrowed:
                self.db.close()

    def version(self) -> Version:
        # below the ORM: this one query is most of what a cached page costs
        found: Version = self.db.connection().execute(_VERSION).fetchone()
        return found

    def now(self) -> Moment:
        version, kept = self.version(), self.last
        if kept.has_owner and kept.version == version:
            return kept
        fresh = Moment(version, settings.read(), login.the_owner() is not None)
        self.last = fresh
        return fresh

    def of_request(self) -> Moment:
        """The same moment all through one request."""
        if "moment" not in g:
            g.moment = self.now()
        found: Moment = g.moment
        return found


_VERSION = "SELECT version, changed_at FROM content_version WHERE id = 1"
