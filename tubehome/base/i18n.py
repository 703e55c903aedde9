"""Languages: message catalogues, and dates, numbers, sizes and durations in the reader's way.

French is the default and comes first; English message ids are the source text. Catalogues are gettext's
(`web/locale/<language>/LC_MESSAGES/tubehome.mo`), part of this package and read once.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

LANGUAGES = ("fr", "en")
NAMES = {"fr": "Français", "en": "English"}
_NBSP = "\N{NO-BREAK SPACE}"
_MONTHS = {
    "fr": [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ],
    "en": [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
}
_SHORT_MONTHS = {
    "fr": ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."],
    "en": ["Jan.", "Feb.", "March", "April", "May", "June", "July", "Aug.", "Sept.", "Oct.", "Nov.", "Dec."],
}
_UNITS = {"fr": ("octets", "ko", "Mo", "Go", "To"), "en": ("bytes", "kB", "MB", "GB", "TB")}


@dataclass(frozen=True)
class Bytes:
    """A size in bytes, to be written as the reader writes sizes."""

    count: int


@dataclass(frozen=True)
class Seconds:
    """A duration in seconds, to be written as the reader writes durations."""

    count: float


Value = str | int | float | Bytes | Seconds


@cache
def catalogue(language: str) -> gettext.NullTranslations:
    """The translations of one language; English is the source text and needs none."""
    folder = Path(__file__).parent.parent / "web" / "locale"
    return gettext.translation("tubehome", folder, [language], fallback=True)


def mark(text: str) -> str:
    """Marks a message id for extraction where it is not translated on the spot (tables, constants)."""
    return text


def translate(language: str, text: str, values: Mapping[str, Value] | None = None) -> str:
    """The sentence in that language, with its values written in the reader's way."""
    said = catalogue(language).gettext(text)
    return said.format(**{k: show(v, language) for k, v in values.items()}) if values else said


def plural(language: str, one: str, many: str, count: int, **values: Value) -> str:
    """`one` or `many` by count, with `{n}` written in the reader's way."""
    said = catalogue(language).ngettext(one, many, count)
    return said.format(n=number(count, language), **{k: show(v, language) for k, v in values.items()})


def show(value: Value, language: str) -> str:
    if isinstance(value, Bytes):
        return size(value.count, language)
    if isinstance(value, Seconds):
        return duration(value.count, language)
    return value if isinstance(value, str) else number(value, language)


def pack(value: Value) -> object:
    """A value as JSON can hold it; `unpack` gives it back."""
    if isinstance(value, Bytes):
        return {"bytes": value.count}
    return {"seconds": value.count} if isinstance(value, Seconds) else value


def unpack(stored: object) -> Value:
    if isinstance(stored, dict):
        return Bytes(int(stored["bytes"])) if "bytes" in stored else Seconds(float(stored["seconds"]))
    return stored if isinstance(stored, str | int | float) else str(stored)


def number(value: int | float, language: str) -> str:
    """1234.5 → « 1 234,5 » or "1,234.5"; at most one decimal."""
    plain = f"{value:,.1f}".removesuffix(".0") if isinstance(value, float) else f"{value:,}"
    if language == "en":
        return plain
    return plain.replace(",", "\N{NARROW NO-BREAK SPACE}").replace(".", ",")


def size(count: int, language: str) -> str:
    """Bytes in decimal units: « 1,4 Go », "1.4 GB"."""
    units = _UNITS[language]
    if count < 1000:
        return f"{count}{_NBSP}{units[0]}"
    value, step = float(count), 0
    while value >= 999.5 and step < len(units) - 1:
        value, step = value / 1000, step + 1
    return f"{number(round(value, 1) if value < 10 else round(value), language)}{_NBSP}{units[step]}"


def duration(seconds: float, language: str) -> str:
    """A length as one says it: « 3 h 12 », « 6 min 12 », « 48 min », « 20 s »; "3 h 12 min" in English."""
    total = max(0, round(seconds))
    hours, minutes, rest = total // 3600, total % 3600 // 60, total % 60
    if hours:
        tail = "" if language == "fr" else f"{_NBSP}min"
        return f"{hours}{_NBSP}h{_NBSP}{minutes:02d}{tail}"
    if minutes >= 10 or (minutes and not rest):
        return f"{minutes}{_NBSP}min"
    if minutes:
        tail = "" if language == "fr" else f"{_NBSP}s"
        return f"{minutes}{_NBSP}min{_NBSP}{rest:02d}{tail}"
    return f"{rest}{_NBSP}s"


def clock(seconds: float) -> str:
    """A moment of a film: 1:09:15, 4:10."""
    total = max(0, int(seconds))
    hours, minutes, rest = total // 3600, total % 3600 // 60, total % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def date(when: datetime, language: str, short: bool = False) -> str:
    """« 17 novembre 2026 », « 1er mai 2026 », "17 November 2026"; short: « 17 nov. 2026 »."""
    month = (_SHORT_MONTHS if short else _MONTHS)[language][when.month - 1]
    day = "1er" if language == "fr" and when.day == 1 else str(when.day)
    return f"{day}{_NBSP}{month}{_NBSP}{when.year}"


def date_time(when: datetime, language: str) -> str:
    """« 17 novembre 2026, 9 h 05 », "17 November 2026, 9:05"."""
    hour = f"{when.hour}{_NBSP}h{_NBSP}{when.minute:02d}" if language == "fr" else f"{when.hour}:{when.minute:02d}"
    return f"{date(when, language)}, {hour}"


def time_of_day(when: datetime, language: str) -> str:
    """« 14 h 32 », "14:32"."""
    return f"{when.hour}{_NBSP}h{_NBSP}{when.minute:02d}" if language == "fr" else f"{when.hour}:{when.minute:02d}"
