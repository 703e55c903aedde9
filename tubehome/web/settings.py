"""What the owner chooses for the whole site."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from tubehome import settings
from tubehome.base import text, urls
from tubehome.base.errors import Refused
from tubehome.web import languages, rooms

blueprint: Blueprint = rooms.room("settings")
LINES = ("site_name", "description", "support")
TEXTS = ("about", "footer")


def typed() -> dict[str, object]:
    """The form, as settings are stored; what it does not have is left out."""
    form = request.form
    said: dict[str, object] = {}
    said |= {name: text.clean_line(form[name]) for name in LINES if name in form}
    said |= {name: text.clean_text(form[name]) for name in TEXTS if name in form}
    if "language" in form:
        said["language"] = form["language"]
    if "accent" in form:
        own = form.get("accent_own", "").strip().lower()
        said["accent"] = own if form["accent"] == "own" else form["accent"].strip().lower()
    if "corner" in form:
        said["corner"] = int(form["corner"]) if form["corner"].isdecimal() else -1
    if "whole" in form:  # a box that is not ticked is not sent
        said["wait_transcoding"] = "wait_transcoding" in form
    return said


def store(said: dict[str, object]) -> dict[str, str]:
    """Stores what is right; the sentences of what is wrong, by field (then nothing is stored)."""
    errors = {}
    for name, value in said.items():
        try:
            settings.CHECKS.get(name, lambda _: None)(value)
        except Refused as error:
            errors[name] = error.sentence(languages.language())
    if not errors:
        settings.change(**said)
    return errors


@blueprint.get(urls.STUDIO_SETTINGS)
def show() -> Response:
    done = request.args.get("saved") == "1"
    return rooms.show("studio_settings.html", "settings", page=settings.read(), errors={}, done=done, typed={})


@blueprint.post(urls.STUDIO_SETTINGS)
def save() -> Response:
    said = typed()
    errors = store(said)
    if errors:
        return rooms.show(
            "studio_settings.html", "settings", 400, page=settings.read(), errors=errors, done=False, typed=said
        )
    spoken = languages.language()  # the page stays in its language, whatever the site's main one is now
    main = str(said.get("language", languages.main_language()))
    where = urls.localised(urls.STUDIO_SETTINGS, spoken, main)
    return redirect(f"{where}?saved=1", 303)  # type: ignore[return-value]
