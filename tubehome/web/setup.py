"""The one-time link: a new site gets its owner, a known owner a new password.

Looking (GET, HEAD, a link preview) uses nothing up; only the form does, and only when all of it is right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, Response, redirect, request

from tubehome.base import text, urls
from tubehome.base.errors import Gone, Refused
from tubehome.base.i18n import mark, translate
from tubehome.flows.new_password import new_password
from tubehome.flows.set_up import set_up
from tubehome.owner import login, setup
from tubehome.web import languages, sessions, welcome
from tubehome.web.engine import engine
from tubehome.web.templating import page
from tubehome.web.views import fresh

blueprint = Blueprint("setup", __name__)
_DIFFERENT = mark("The two passwords are not the same.")
_NO_SITE_NAME = mark("Give the site a name.")
_SITE_NAME_MAX = 120  # characters


@dataclass(frozen=True)
class Form:
    """What was typed (never the password) and what is wrong with it, by field; "" is the form itself."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/setup/<token>")
def ask(token: str) -> Response:
    setup.check_link(token)
    return _show(Form())


@blueprint.post("/setup/<token>")
def create(token: str) -> Response:
    setup.check_link(token)
    typed = {name: request.form.get(name, "") for name in ("name", "site_name")}
    values = {"name": typed["name"].strip()[:100], "site_name": text.clean_line(typed["site_name"])[:_SITE_NAME_MAX]}
    passwords = request.form.get("password", ""), request.form.get("password_again", "")
    errors = _errors(values, *passwords)
    if errors:
        return _show(Form(values, errors), 400)
    new = login.the_owner() is None
    try:
        _act(token, values, passwords[0])
    except Gone:
        raise
    except Refused as error:
        return _show(Form(values, {"": error.sentence(languages.language())}), 400)
    sessions.begin()
    return redirect(page(welcome.SITE if new else urls.STUDIO), 303)  # type: ignore[return-value]


def _act(token: str, values: dict[str, str], password: str) -> None:
    site = engine().site
    if login.the_owner() is not None:
        new_password(site, token=token, password=password)
        return
    language = languages.language()
    set_up(site, token=token, password=password, language=language, **values)


def _errors(values: dict[str, str], password: str, again: str) -> dict[str, str]:
    """Everything that is wrong at once, so that the form is not a staircase."""
    checks: list[tuple[str, Callable[[], None]]] = [("password", lambda: login.check_new_password(password))]
    if login.the_owner() is None:
        checks = [("name", lambda: setup.check_name(values["name"])), *checks]
    language = languages.language()
    errors = {}
    for name, check in checks:
        try:
            check()
        except Refused as error:
            errors[name] = error.sentence(language)
    if "password" not in errors and password != again:
        errors["password_again"] = translate(language, _DIFFERENT)
    if login.the_owner() is None and not values["site_name"]:
        errors["site_name"] = translate(language, _NO_SITE_NAME)
    return errors


def _show(form: Form, status: int = 200) -> Response:
    answer = fresh("setup.html", status, form=form, has_owner=login.the_owner() is not None)
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address is a secret
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer
