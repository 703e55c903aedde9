"""Passwords and attempts. Argon2id by `cryptography`; the delay grows with each wrong password."""

from __future__ import annotations

import os

from tubehome.base import clock, ids
from tubehome.base.errors import Refused, TooMany
from tubehome.base.i18n import Seconds
from tubehome.owner import devices, sessions
from tubehome.owner.models import KnownDevice, Owner
from tubehome.store.db import db

SHORTEST = 10  # characters
LONGEST = 1000
FREE_FAILURES = 4  # wrong passwords before the first pause
LONGEST_PAUSE = 600.0  # seconds
_MEMORY_KIB, _PASSES = 19 * 1024, 2  # OWASP's floor: 22 ms on a small machine


def the_owner() -> Owner | None:
    owner: Owner | None = Owner.select().first()
    return owner


def check_new_password(password: str) -> None:
    if len(password) < SHORTEST:
        raise Refused("This password is too short: give at least {n} characters.", n=SHORTEST)
    if len(password) > LONGEST:
        raise Refused("This password is too long: give at most {n} characters.", n=LONGEST)


def hash_password(password: str) -> str:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # heavy: at the first login only

    kdf = Argon2id(salt=os.urandom(16), length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(password.encode())


def set_password(owner: Owner, password: str, keep: str = "") -> None:
    """A new password ends every session, but the one of the key `keep`."""
    check_new_password(password)
    hashed = hash_password(password)
    with db.atomic():
        Owner.update(password=hashed, epoch=ids.new_token(), failures=0, retry_at=0).where(
            Owner.id == owner.id
        ).execute()
        sessions.end_all(keep)


def change_password(present: str, password: str, keep: str, device: str = "") -> None:
    """The owner, who knows the present one, chooses another. Refused, TooMany as at the door."""
    owner = log_in(present, device)
    if password == present:
        raise Refused("This is the password that you have now: choose another one.")
    set_password(owner, password, keep)


def _matches(password: str, hashed: str) -> bool:
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id.verify_phc_encoded(password.encode(), hashed)
    except InvalidKey:
        return False
    return True


def pause(failures: int) -> float:
    """Seconds to wait after so many wrong passwords in a row: 0 … 0, 2, 4, 8 … 600."""
    return 0.0 if failures < FREE_FAILURES else min(LONGEST_PAUSE, 2.0 ** (failures - FREE_FAILURES + 1))


def log_in(password: str, device: str = "") -> Owner:
    """The owner, if the password is right. TooMany during a pause; Refused otherwise, whatever was wrong.

    `device`: the key of a browser that was logged in before; a known one is counted by itself.
    """
    owner = the_owner()
    if owner is None or owner.password is None:
        raise Refused("There is no password yet: use the link that the server printed, or run « tubehome owner link ».")
    counted = devices.find(device) or owner
    left = count_attempt(counted)
    if len(password) > LONGEST or not _matches(password, owner.password):
        if left:
            raise Refused("This password is not the right one. Tries left before a pause: {n}.", n=left)
        raise Refused("This password is not the right one.")
    forgive(counted)
    return owner


def forgive(counted: Owner | KnownDevice) -> None:
    """The right one came: the count begins anew."""
    kind = type(counted)
    kind.update(failures=0, retry_at=0).where(kind.id == counted.id).execute()


def count_attempt(counted: Owner | KnownDevice) -> int:
    """Counts an attempt before it is looked at, so that parallel guesses cannot outrun the count; TooMany in a pause.

    How many are left before a pause. A pause longer than any that we give was written by a clock that was wrong: it
    is over.
    """
    kind = type(counted)
    with db.atomic():
        fresh, now = kind.get_by_id(counted.id), clock.timestamp()
        wait = fresh.retry_at - now
        if 0 < wait <= LONGEST_PAUSE:
            raise TooMany(
                "Too many wrong passwords: try again in {wait}.", wait=Seconds(max(1, wait)), retry_after=int(wait) + 1
            )
        failures = fresh.failures + 1
        kind.update(failures=failures, retry_at=now + pause(failures)).where(kind.id == counted.id).execute()
    return max(0, FREE_FAILURES - failures)
