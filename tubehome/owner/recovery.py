"""Codes to print: each opens the door once, when the password is lost, and leads straight to a new one."""

from __future__ import annotations

import hashlib
import secrets

from tubehome.base import clock
from tubehome.base.errors import Refused
from tubehome.owner.models import RecoveryCode
from tubehome.store.db import db

COUNT = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that paper confuses
_GROUPS, _LENGTH = 3, 4  # 59 bits


def new_codes() -> list[str]:
    """Fresh codes, for their only showing; those from before are void."""
    codes = ["-".join(_group() for _ in range(_GROUPS)) for _ in range(COUNT)]
    with db.atomic():
        RecoveryCode.delete().execute()
        for code in codes:
            RecoveryCode.create(code_sha256=_hash(code))
    return codes


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def _hash(code: str) -> str:
    plain = "".join(letter for letter in code.lower() if letter in _LETTERS)
    return hashlib.sha256(plain.encode()).hexdigest()


def left() -> int:
    return int(RecoveryCode.select().where(RecoveryCode.used_at.is_null()).count())


def use(code: str) -> None:
    """Uses a code up, inside the caller's transaction. Refused for one that is wrong or was used."""
    fresh = (RecoveryCode.code_sha256 == _hash(code)) & RecoveryCode.used_at.is_null()
    if not RecoveryCode.update(used_at=clock.timestamp()).where(fresh).execute():
        raise Refused("This code is not the right one, or was used already.")
