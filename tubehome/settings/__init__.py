"""What the owner edits: one table of keys; each key has its default in one place.

Rules: a change bumps the content version (pages show settings); readers get a frozen `Settings`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any

from peewee import TextField

from tubehome.base.errors import Refused
from tubehome.base.i18n import LANGUAGES
from tubehome.store.db import Model, bump, db


@dataclass(frozen=True)
class Settings:
    """Everything the owner chose, with the defaults for the rest."""

    site_name: str = "tubehome"
    language: str = "fr"  # the site's main language: its pages have no prefix
    description: str = ""  # one line under the name, and in the feeds
    accent: str = "#0b7a55"
    wait_transcoding: bool = False  # new videos stay hidden until every size is ready


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
    if values.get("language", "fr") not in LANGUAGES:
        raise Refused("There is no language {language}; choose fr or en.", language=str(values["language"]))
    known = {f.name for f in fields(Settings)}
    unknown = set(values) - known
    if unknown:
        raise ValueError(f"no such setting: {unknown}")
    with db.atomic():
        for key, value in values.items():
            Setting.insert(key=key, content=json.dumps(value)).on_conflict_replace().execute()
        bump()
    return read()
