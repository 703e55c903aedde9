"""Setting the owner up: by a one-time link in the browser, or by `tubehome init`."""

from __future__ import annotations

import hashlib

from tubehome.base import clock, ids, text
from tubehome.base.errors import Gone, Refused
from tubehome.owner import login
from tubehome.owner.models import Owner, SetupLink
from tubehome.store.db import db

LINK_SECONDS = 24 * 3600
# one space of names for owner, channels and instance (acct:), PeerTube's reserved ones included
RESERVED = frozenset(
    {"peertube", "instance", "tubehome", "admin", "administrator", "root", "relay", "actor", "inbox", "outbox"}
)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def new_link() -> str:
    """A token for `/setup/<token>`: valid once, for 24 hours; earlier ones are void."""
    token = ids.new_token()
    with db.atomic():
        SetupLink.delete().execute()
        SetupLink.create(token_sha256=_hash(token), expires_at=clock.timestamp() + LINK_SECONDS)
    return token


def check_link(token: str) -> None:
    """Raises Gone when the link is unknown, used or too old. Looking does not use it up."""
    row = SetupLink.get_or_none(SetupLink.token_sha256 == _hash(token))
    if row is None or row.expires_at < clock.timestamp():
        raise Gone("This link is no longer valid: run « tubehome owner link » on the server for a new one.")


def use_link(token: str) -> None:
    """Consumes the link, inside the caller's transaction."""
    check_link(token)
    SetupLink.delete().execute()


def check_name(name: str) -> None:
    if not text.HANDLE.fullmatch(name):
        raise Refused("{name} cannot be a name: use small letters, digits, dots, hyphens and underscores.", name=name)
    if name in RESERVED:
        raise Refused("The name {name} is reserved: choose another one.", name=name)


def create(name: str, password_hash: str | None) -> Owner:
    """The one owner, inside the caller's transaction. Refused when there is one."""
    check_name(name)
    if login.the_owner() is not None:
        raise Refused("This site has its owner already.")
    owner: Owner = Owner.create(name=name, password=password_hash, epoch=ids.new_token(), created_at=clock.timestamp())
    return owner
