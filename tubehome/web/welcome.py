"""The first run, after the password: the site and its channel, its colour, codes to print. Each step can be left out.

The owner is logged in from the first step on, so a closed window loses nothing: what is stored is stored, and all of
it is in the settings.
"""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from tubehome import settings
from tubehome.base.errors import TubehomeError
from tubehome.flows.edit_channel import edit_channel
from tubehome.library import queries
from tubehome.owner import recovery
from tubehome.web import rooms
from tubehome.web import settings as choices
from tubehome.web.channels import by_field
from tubehome.web.engine import engine
from tubehome.web.templating import page
from tubehome.web.views import fresh

blueprint: Blueprint = rooms.room("welcome")
SITE, COLOUR, CODES = "/studio/welcome/site", "/studio/welcome/colour", "/studio/welcome/codes"
TOLD = ("description", "language")


def _to(path: str) -> Response:
    return redirect(page(path), 303)  # type: ignore[return-value]


@blueprint.get(SITE)
def site() -> Response:
    return _site({}, {})


@blueprint.post(SITE)
def store_site() -> Response:
    channel = queries.channels()[0]
    typed = {name: request.form.get(name, "") for name in ("description", "channel", "language")}
    said, before = choices.typed(), settings.read().language
    errors = choices.store({"description": "", **{name: said[name] for name in TOLD if name in said}})
    if typed["channel"].strip():
        try:
            edit_channel(engine().site, channel, {"title": typed["channel"]})
        except TubehomeError as error:
            errors["channel"] = by_field(error, "title")["title"]
    if errors:
        return _site(errors, typed, 400)
    changed = settings.read().language != before
    return redirect(COLOUR, 303) if changed else _to(COLOUR)  # type: ignore[return-value]  # goes on in the new one


def _site(errors: dict[str, str], typed: dict[str, str], status: int = 200) -> Response:
    channel = queries.channels()[0]
    now = settings.read()
    values = {"description": now.description, "channel": channel.title, "language": now.language, **typed}
    return fresh("welcome_site.html", status, values=values, errors=errors, address=channel.name)


@blueprint.get(COLOUR)
def colour() -> Response:
    return fresh("welcome_colour.html", now=settings.read(), errors={})


@blueprint.post(COLOUR)
def store_colour() -> Response:
    said = {name: value for name, value in choices.typed().items() if name in ("accent", "corner")}
    errors = choices.store(said)
    if errors:
        return fresh("welcome_colour.html", 400, now=settings.read(), errors=errors)
    return _to(CODES)


@blueprint.get(CODES)
def codes() -> Response:
    """Looking makes none: a page that is loaded twice must not void what was printed."""
    return fresh("welcome_codes.html", codes=None, left=recovery.left())


@blueprint.post(CODES)
def make_codes() -> Response:
    return fresh("welcome_codes.html", codes=recovery.new_codes(), left=recovery.COUNT)
