"""The templates' world: strict, escaped, in the visitor's language. Templates decide nothing and fetch nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import flask
from flask import Flask
from jinja2 import StrictUndefined

from tubehome.base import i18n, urls
from tubehome.web import languages
from tubehome.web.chrome import chrome, site_url
from tubehome.web.engine import engine_of
from tubehome.web.wording import progress_words, remaining_words, visitor_words


def install(app: Flask) -> None:
    env = app.jinja_env
    env.undefined = StrictUndefined
    env.trim_blocks = env.lstrip_blocks = True
    env.add_extension("jinja2.ext.i18n")
    env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    env.globals.update(page=page, to=page, static=engine_of(app).statics.address, absolute=absolute)
    env.filters.update(FILTERS)


def render(template: str, **values: object) -> str:
    return flask.render_template(template, chrome=chrome(), **values)


def _gettext(text: str) -> str:
    return i18n.catalogue(languages.language()).gettext(text)


def _ngettext(one: str, many: str, count: int) -> str:
    return i18n.catalogue(languages.language()).ngettext(one, many, count)


def page(path: str) -> str:
    """A page's path in the visitor's language."""
    return urls.localised(path, languages.language(), languages.main_language())


def absolute(path: str) -> str:
    return urls.absolute(site_url(), path)


def iso_duration(seconds: float) -> str:
    """11560 → PT3H12M40S (ISO 8601)."""
    total = max(0, round(seconds))
    parts = ((total // 3600, "H"), (total % 3600 // 60, "M"), (total % 60, "S"))
    return "PT" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0S")


def iso(when: datetime) -> str:
    """In UTC, to the second: 2026-11-17T20:30:00Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _spoken(written: Callable[..., str]) -> Callable[[Any], str]:
    """A filter that writes in the visitor's language."""
    return lambda value: written(value, languages.language())


# people read dates by the clock on their wall: the server's own time zone (TZ)
FILTERS: dict[str, Callable[..., str]] = {
    "date": _spoken(lambda when, language: i18n.date(when.astimezone(), language)),
    "date_short": _spoken(lambda when, language: i18n.date(when.astimezone(), language, short=True)),
    "date_time": _spoken(lambda when, language: i18n.date_time(when.astimezone(), language)),
    "duration": _spoken(i18n.duration),
    "size": _spoken(i18n.size),
    "number": _spoken(i18n.number),
    "time_of_day": _spoken(lambda when, language: i18n.time_of_day(when.astimezone(), language)),
    "progress_words": _spoken(progress_words),
    "remaining_words": _spoken(remaining_words),
    "visitor_words": _spoken(visitor_words),
    "clock": i18n.clock,
    "iso": iso,
    "iso_duration": iso_duration,
}
