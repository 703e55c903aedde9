"""Keys for programs: made by the owner, shown once, stored hashed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from tubehome.base import clock, ids, text
from tubehome.base.errors import NotFound, Refused
from tubehome.base.i18n import mark
from tubehome.owner.models import Token
from tubehome.store.db import db

PREFIX = "th_"  # so that a person, and whoever looks for lost secrets, sees what it is
NAME_MAX = 60  # characters
SEEN_SECONDS = 3600.0  # how exactly the last use is known: reading must not mean writing
_SHAPE = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
_UNKNOWN = mark(
    "This token is not known here, or was revoked: make a new one in the studio, or with « tubehome token »."
)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def create(name: str, expires_at: float | None = None) -> str:
    """A new token; its only showing. `expires_at`: seconds since 1970, None: never. Refused for a name that is used."""
    line = text.clean_line(name)
    if not line:
        raise Refused("Give the token a name: what program will it be for?")
    if len(line) > NAME_MAX:
        raise Refused("This name is too long: {most} characters at most.", most=NAME_MAX)
    if expires_at is not None and expires_at <= clock.timestamp():
        raise Refused("This token would have expired already: give a day to come.")
    token = PREFIX + ids.new_token()
    with db.atomic():
        if Token.select().where(Token.name == line).exists():
            raise Refused("There is a token named {name} already: choose another name, or revoke it.", name=line)
        Token.create(name=line, token_sha256=_hash(token), created_at=clock.timestamp(), expires_at=expires_at)
    return token


def check(token: str) -> Token:
    """The row of a token that is good now. Refused otherwise; nothing tells how near a wrong one was."""
    row = Token.get_or_none(Token.token_sha256 == _hash(token)) if _SHAPE.fullmatch(token) else None
    if row is None:
        raise Refused(_UNKNOWN)
    now = clock.timestamp()
    if row.expires_at is not None and row.expires_at <= now:
        raise Refused("The token {name} has expired: make a new one.", name=row.name)
    if row.seen_at is None or not 0 <= now - row.seen_at < SEEN_SECONDS:
        Token.update(seen_at=now).where(Token.id == row.id).execute()
        row.seen_at = now
    found: Token = row
    return found


def tokens() -> Sequence[Token]:
    """The newest first."""
    return list(Token.select().order_by(Token.id.desc()))


def revoke(name: str) -> None:
    """It is refused from now on. NotFound when there is none of this name."""
    if not Token.delete().where(Token.name == name).execute():
        raise NotFound("There is no token named {name}.", name=name[:NAME_MAX])
