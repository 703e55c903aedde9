"""The studio's channels: make one, say what it is, give it pictures, take it away."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from tubehome.base import urls
from tubehome.base.errors import TubehomeError
from tubehome.flows.draw_channel import draw_channel
from tubehome.flows.edit import Invalid
from tubehome.flows.edit_channel import FIELDS, edit_channel, remove_channel
from tubehome.flows.make_channel import make_channel
from tubehome.library import queries
from tubehome.media.pictures import MOST_BYTES
from tubehome.pages.studio_channels import studio_channel, studio_channels
from tubehome.web import languages, rooms
from tubehome.web.bodies import stored, takes
from tubehome.web.engine import engine
from tubehome.web.templating import page

blueprint: Blueprint = rooms.room("channels")
ONE = f"{urls.STUDIO_CHANNELS}/<name>"


def by_field(error: TubehomeError, field: str = "") -> dict[str, str]:
    """The sentences of what is wrong; of an error without fields, at `field`."""
    errors = error.errors if isinstance(error, Invalid) else {field: error}
    return {name: each.sentence(languages.language()) for name, each in errors.items()}


@blueprint.get(urls.STUDIO_CHANNELS)
def listed() -> Response:
    return rooms.show("studio_channels.html", "channels", page=studio_channels(), errors={}, typed={})


@blueprint.post(urls.STUDIO_CHANNELS)
def make() -> Response:
    typed = {name: request.form.get(name, "") for name in ("title", "name")}
    try:
        made = make_channel(engine().site, **typed)
    except Invalid as error:
        return rooms.show(
            "studio_channels.html", "channels", 400, page=studio_channels(), errors=by_field(error), typed=typed
        )
    return redirect(page(urls.studio_channel(made.name)), 303)  # type: ignore[return-value]


def _show(name: str, status: int = 200, **more: object) -> Response:
    said = {"errors": {}, "typed": {}, "done": request.args.get("saved") == "1", **more}
    return rooms.show(
        "studio_channel.html",
        "channels",
        status,
        page=studio_channel(name, engine().site.config.media.keep_originals),
        **said,
    )


def _back(name: str) -> Response:
    return redirect(page(urls.studio_channel(name)) + "?saved=1", 303)  # type: ignore[return-value]


@blueprint.get(ONE)
def one(name: str) -> Response:
    return _show(name)


@blueprint.post(ONE)
def save(name: str) -> Response:
    typed = {key: request.form[key] for key in FIELDS if key in request.form}
    try:
        edit_channel(engine().site, queries.channel(name), typed)
    except Invalid as error:
        return _show(name, 400, errors=by_field(error), typed=typed)
    return _back(name)


@blueprint.post(f"{ONE}/<any(avatar, banner):kind>")
@takes(MOST_BYTES)
def draw(name: str, kind: str) -> Response:
    site, channel = engine().site, queries.channel(name)
    try:
        if "remove" in request.form:
            draw_channel(site, channel, kind, None)
        else:
            with stored(request.files.get("file"), site.files.cache) as source:
                draw_channel(site, channel, kind, source)
    except TubehomeError as error:
        if error.status >= 500:
            raise
        return _show(name, error.status, errors=by_field(error, kind))
    return _back(name)


@blueprint.post(f"{ONE}/remove")
def remove(name: str) -> Response:
    try:
        remove_channel(engine().site, queries.channel(name), request.form.get("into", ""))
    except TubehomeError as error:
        if error.status >= 500:
            raise
        return _show(name, error.status, errors=by_field(error, "into"))
    return redirect(page(urls.STUDIO_CHANNELS), 303)  # type: ignore[return-value]
