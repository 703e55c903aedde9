"""Identifiers: a video is a UUIDv4 and is written short as 22 characters of base58, as PeerTube's."""

from __future__ import annotations

import secrets
import uuid

_ALPHABET = "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ"  # flickr's base58
_VALUE = {letter: at for at, letter in enumerate(_ALPHABET)}
SHORT_LENGTH = 22


def new_uuid() -> str:
    return str(uuid.uuid4())


def new_token() -> str:
    """256 bits that nobody can guess, safe in an address."""
    return secrets.token_urlsafe(32)


def shorten(full: str) -> str:
    """A UUID in base58 (flickr alphabet), padded to 22 characters."""
    number, letters = uuid.UUID(full).int, ""
    while number:
        number, at = divmod(number, 58)
        letters = _ALPHABET[at] + letters
    return letters.rjust(SHORT_LENGTH, _ALPHABET[0])


def lengthen(short: str) -> str:
    """The UUID of a short form. ValueError when it is not one."""
    if len(short) != SHORT_LENGTH:
        raise ValueError("not a short id: wrong length")
    number = 0
    for letter in short:
        if letter not in _VALUE:
            raise ValueError("not a short id: wrong letter")
        number = number * 58 + _VALUE[letter]
    if number >> 128:
        raise ValueError("not a short id: too large")
    return str(uuid.UUID(int=number))


def parse(text: str) -> str:
    """A UUID, from its long or its short form. ValueError when it is neither."""
    return lengthen(text) if len(text) == SHORT_LENGTH else str(uuid.UUID(text))
