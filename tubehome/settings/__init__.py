"""What the owner edits: one table of keys; each key has its default in one place.

Rules: a change bumps the content version (pages show settings); readers get a frozen `Settings`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from peewee import TextField

from tubehome.base import text
from tubehome.base.errors import Refused
from tubehome.base.i18n import LANGUAGES
from tubehome.store.db import Model, bump, db


@dataclass(frozen=True)
class Settings:
    """Everything the owner chose, with the defaults for the rest."""

    site_name: str = "tubehome"
    language: str = "fr"  # the site's main language: its pages have no prefix
    description: str = ""  # one line under the name, and in the feeds
    about: str = ""  # Markdown; "" for no such page
    footer: str = ""  # a line or two at the foot of every page, Markdown
    support: str = ""  # an address where the site can be supported
    accent: str = "#0b7a55"
    corner: int = 2  # pixels
    wait_transcoding: bool = False  # new videos stay hidden until every size is ready


def _language(said: str) -> None:
    if said not in LANGUAGES:
        raise Refused("There is no language {language}; choose fr or en.", language=str(said)[:40])


def _accent(said: str) -> None:
    if not COLOUR.fullmatch(said):
        raise Refused("This is not a colour: write it like #0b7a55.")


def _corner(said: int) -> None:
    if type(said) is not int or not 0 <= said <= CORNER_MAX:
        raise Refused("The corners may be round by 0 to {most} pixels.", most=CORNER_MAX)


def _support(said: str) -> None:
    if said and not text.is_web_address(said):
        raise Refused("This is not an address: it begins with https://.")


def _at_most(most: int) -> Callable[[str], None]:
    def check(said: str) -> None:
        if len(said) > most:
            raise Refused("This text is too long: {most} characters at most, it has {n}.", most=most, n=len(said))

    return check


def _site_name(said: str) -> None:
    if not said:
        raise Refused("Give the site a name.")
    _at_most(120)(said)


COLOUR = re.compile(r"#[0-9a-f]{6}")
CORNER_MAX = 12
CHECKS: dict[str, Callable[[Any], None]] = {
    "site_name": _site_name,
    "language": _language,
    "description": _at_most(200),
    "about": _at_most(20_000),
    "footer": _at_most(1_000),
    "support": _support,
    "accent": _accent,
    "corner": _corner,
}


class Setting(Model):
    """One chosen value, as JSON."""

    key = TextField(primary_key=True)
    content = TextField()


def read() -> Settings:
    known = {f.name for f in fields(Settings)}
    rows = {row.key: json.loads(row.content) for row in Setting.select() if row.key in known}
    return Settings(**rows)


def change(**values: Any) -> Settings:
    """Stores choices, checked; the settings as they then are."""
    for key, value in values.items():
        if key in CHECKS:
            CHECKS[key](value)
    known = {f.name for f in fields(Settings)}
    unknown = set(values) - known
    if unknown:
        raise ValueError(f"no such setting: {unknown}")
    with db.atomic():
        for key, value in values.items():
            Setting.insert(key=key, content=json.dumps(value)).on_conflict_replace().execute()
        bump()
    return read()
