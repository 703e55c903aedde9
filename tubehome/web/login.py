"""The owner comes in and goes out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request

from tubehome.base import i18n, urls
from tubehome.base.errors import Refused, TooMany, TubehomeError
from tubehome.base.i18n import mark
from tubehome.flows.recover import recover
from tubehome.owner import devices
from tubehome.owner.login import check_new_password, log_in
from tubehome.web import languages, sessions, visitor
from tubehome.web.engine import engine
from tubehome.web.templating import page
from tubehome.web.views import fresh

blueprint = Blueprint("login", __name__)
_DIFFERENT = mark("The two passwords are not the same.")


@blueprint.get(urls.LOGIN)
def login() -> Response:
    if sessions.is_owner():
        return redirect(_next(), 303)  # type: ignore[return-value]
    return fresh("login.html", error=None)


@blueprint.post(urls.LOGIN)
def enter() -> Response:
    address, device = visitor.truncated(request.remote_addr or ""), sessions.device()
    try:
        if not devices.find(device):
            engine().attempts.begin(address)
        log_in(request.form.get("password", ""), device)
    except TooMany as error:
        answer = _again(error)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    except Refused as error:
        return _again(error)
    engine().attempts.succeeded(address)
    sessions.begin()
    return redirect(_next(), 303)  # type: ignore[return-value]


@blueprint.post(urls.LOGOUT)
def leave() -> Response:
    sessions.end()
    return redirect(page(urls.HOME), 303)  # type: ignore[return-value]


@blueprint.get(urls.RECOVER)
def lost() -> Response:
    return fresh("recover.html", errors={})


@blueprint.post(urls.RECOVER)
def found() -> Response:
    """A printed code, and the new password: both are right, or nothing is used up."""
    address, device = visitor.truncated(request.remote_addr or ""), sessions.device()
    password = request.form.get("password", "")
    errors = {}
    if password != request.form.get("password_again", ""):
        errors["password_again"] = i18n.translate(languages.language(), _DIFFERENT)
    try:
        check_new_password(password)
    except Refused as error:
        errors["password"] = error.sentence(languages.language())
    if errors:
        return fresh("recover.html", 400, errors=errors)
    try:
        if not devices.find(device):
            engine().attempts.begin(address)
        recover(engine().site, request.form.get("code", ""), password, device)
    except Refused as error:
        answer = fresh("recover.html", error.status, errors={"code": error.sentence(languages.language())})
        if isinstance(error, TooMany):
            answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    engine().attempts.succeeded(address)
    sessions.begin()
    return redirect(page(urls.STUDIO_ACCOUNT), 303)  # type: ignore[return-value]


def _again(error: TubehomeError) -> Response:
    return fresh("login.html", error.status, error=error.sentence(languages.language()))


def _next() -> str:
    """Where the owner wanted to go: a path of this site, or the studio."""
    wanted = request.args.get("next", "")
    return wanted if is_local(wanted) else page(urls.STUDIO)


def is_local(path: str) -> bool:
    """Can this only be a path on this site? (`//host`, `/\\host` and control characters would lead elsewhere.)"""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or not path.isprintable() or "\\" in path:
        return False
    parts = urlsplit(path)
    return not parts.scheme and not parts.netloc
