"""Browsers that were once logged in: known, and named in words.

A known one has its own count of wrong passwords: a stranger who guesses slows strangers, never the owner.
"""

from __future__ import annotations

import hashlib

from tubehome.base import clock, ids
from tubehome.base.i18n import mark
from tubehome.owner.models import KnownDevice
from tubehome.store.db import db

MOST = 50  # known at the same time
# the first that is found counts: many say that they are others as well
_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
             ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chromium", "Chromium"), ("Chrome", "Chrome"),
             ("Safari", "Safari"), ("curl", "curl"))  # fmt: skip
_SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
            ("Mac OS X", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip
UNKNOWN = mark("an unknown browser")


def describe(user_agent: str) -> str:
    """« Firefox, Windows »; "" when nothing is recognised."""
    found = [next((name for sign, name in table if sign in user_agent), "") for table in (_BROWSERS, _SYSTEMS)]
    return ", ".join(filter(None, found))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def find(key: str) -> KnownDevice | None:
    found: KnownDevice | None = KnownDevice.get_or_none(KnownDevice.key_sha256 == _hash(key)) if key else None
    return found


def remember(key: str = "") -> str:
    """A right password came from here: the key that this browser is known by from now on."""
    known, now = find(key), clock.timestamp()
    if known is not None:
        KnownDevice.update(failures=0, retry_at=0, seen_at=now).where(KnownDevice.id == known.id).execute()
        return key
    fresh = ids.new_token()
    with db.atomic():
        KnownDevice.create(key_sha256=_hash(fresh), seen_at=now)
        old = KnownDevice.select(KnownDevice.id).order_by(KnownDevice.seen_at.desc()).offset(MOST).limit(1000)
        KnownDevice.delete().where(KnownDevice.id << [row.id for row in old]).execute()
    return fresh
