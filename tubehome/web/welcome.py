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


def _to(path: str) -> Response:
    return redirect(page(path), 303)  # type: ignore[return-value]


@blueprint.get(SITE)
def site() -> Response:
    return _site({}, {})


@blueprint.post(SITE)
def store_site() -> Response:
    channel = queries.channels()[0]
    typed = {name: request.form.get(name, "") for name in ("description", "channel")}
    errors = choices.store({"description": choices.typed().get("description", "")})
    if typed["channel"].strip():
        try:
            edit_channel(engine().site, channel, {"title": typed["channel"]})
        except TubehomeError as error:
            errors["channel"] = by_field(error, "title")["title"]
    return _site(errors, typed, 400) if errors else _to(COLOUR)


def _site(errors: dict[str, str], typed: dict[str, str], status: int = 200) -> Response:
    channel = queries.channels()[0]
    values = {"description": settings.read().description, "channel": channel.title, **typed}
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
