"""Where the owner is logged in: a row a browser, whose key its cookie carries.

A row that is gone ends its cookie, also a copied one; nothing about a session is in the cookie but its key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from tubehome.base import clock, ids
from tubehome.base.errors import NotFound
from tubehome.owner.models import Session
from tubehome.store.db import db

SECONDS = 30 * 86_400.0  # without a visit, a session ends
SEEN_SECONDS = 3600.0  # how exactly the last visit is known: reading must not mean writing
MOST = 100  # sessions kept; beyond, the one not seen for longest goes


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def begin(device: str) -> str:
    """A new session; its key, for the cookie."""
    key, now = ids.new_token(), clock.timestamp()
    with db.atomic():
        Session.create(key_sha256=_hash(key), device=device, created_at=now, seen_at=now)
        old = Session.select(Session.id).order_by(Session.seen_at.desc(), Session.id.desc()).offset(MOST).limit(1000)
        Session.delete().where(Session.id << [row.id for row in old]).execute()
    return key


def find(key: str) -> Session | None:
    """The session of a key, if it has not ended; its visit is noted, to the hour."""
    row: Session | None = Session.get_or_none(Session.key_sha256 == _hash(key))
    if row is None:
        return None
    age = clock.timestamp() - row.seen_at
    if age > SECONDS:
        Session.delete().where(Session.id == row.id).execute()
        return None
    if not 0 <= age < SEEN_SECONDS:
        Session.update(seen_at=clock.timestamp()).where(Session.id == row.id).execute()
    return row


def end(key: str) -> None:
    Session.delete().where(Session.key_sha256 == _hash(key)).execute()


def end_one(session_id: int) -> None:
    """NotFound when it has ended already."""
    if not Session.delete().where(Session.id == session_id).execute():
        raise NotFound("This session has ended already.")


def end_all(but: str = "") -> int:
    """Ends every session, `but` this key's; how many."""
    return int(Session.delete().where(Session.key_sha256 != _hash(but)).execute())


def open_sessions() -> Sequence[Session]:
    """The last seen first."""
    fresh = Session.seen_at > clock.timestamp() - SECONDS
    return list(Session.select().where(fresh).order_by(Session.seen_at.desc(), Session.id.desc()))


def is_of(row: Session, key: str) -> bool:
    return bool(row.key_sha256 == _hash(key))
