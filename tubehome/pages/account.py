"""Who and what may come in: the sessions, the tokens, the codes that are left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from tubehome.base import clock
from tubehome.owner import recovery, sessions, tokens


@dataclass(frozen=True)
class SessionLine:
    id: int
    device: str  # "" when it is not known
    began: datetime
    seen: datetime
    here: bool  # the one that asks


@dataclass(frozen=True)
class TokenLine:
    name: str
    made: datetime
    expires: datetime | None
    expired: bool
    seen: datetime | None


@dataclass(frozen=True)
class AccountPage:
    sessions: tuple[SessionLine, ...]
    tokens: tuple[TokenLine, ...]
    codes_left: int
    codes: int  # of a full sheet


def account(key: str) -> AccountPage:
    """`key`: of the session that asks."""
    now = clock.now()

    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else clock.from_timestamp(seconds)

    lines = tuple(
        SessionLine(row.id, row.device, clock.from_timestamp(row.created_at), clock.from_timestamp(row.seen_at),
                    sessions.is_of(row, key))
        for row in sessions.open_sessions()
    )  # fmt: skip
    keys = tuple(
        TokenLine(row.name, clock.from_timestamp(row.created_at), at(row.expires_at),
                  row.expires_at is not None and clock.from_timestamp(row.expires_at) <= now, at(row.seen_at))
        for row in tokens.tokens()
    )  # fmt: skip
    return AccountPage(lines, keys, recovery.left(), recovery.COUNT)
