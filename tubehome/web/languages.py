"""Which language a page speaks: its address says so, never a cookie.

The site's main language has no prefix; the other one stands under `/en/…` or `/fr/…`. Media, feeds and
static files have no language.
"""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Flask, Response, g, redirect, request

from tubehome.base.i18n import LANGUAGES
from tubehome.web.engine import engine


def register(app: Flask, blueprint: Blueprint) -> None:
    """The pages of a blueprint, bare and under the prefix of each language."""
    app.register_blueprint(blueprint)
    for language in LANGUAGES:
        app.register_blueprint(blueprint, url_prefix=f"/{language}", name=f"{blueprint.name}_{language}")


def prefix(path: str) -> str | None:
    """The language that a path begins with, if it does."""
    first = path[1:3]
    return first if first in LANGUAGES and path[3:4] in ("", "/") else None


def main_language() -> str:
    """The site's own; known even when the database is not."""
    if "main_language" not in g:
        g.main_language = engine().moments.last.settings.language
    known: str = g.main_language
    return known


def language() -> str:
    """Of the page that is being answered. (A page asks a hundred times.)"""
    if "language" not in g:
        g.language = prefix(request.path) or main_language()
    known: str = g.language
    return known


def bare(path: str) -> str:
    """A path without its language, written for an address; always one slash first, so never another host."""
    rest = path[3:] if prefix(path) else path
    return "/" + quote(rest.lstrip("/"), safe="/@:+,;=~")


def other_language(spoken: str) -> str:
    return next(language for language in LANGUAGES if language != spoken)


def to_main() -> Response | None:
    """Before a request: a page under the main language's prefix is at home without it."""
    found = prefix(request.path)
    if found is None or request.url_rule is None or found != main_language():
        return None
    if request.method not in ("GET", "HEAD"):
        return None
    query = request.query_string.decode("ascii", "replace")
    answer = redirect(bare(request.path) + (f"?{query}" if query else ""), 301)
    answer.headers["Cache-Control"] = "no-cache"  # the owner may choose the other language tomorrow
    g.plain = True
    return answer  # type: ignore[return-value]
