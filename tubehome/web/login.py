"""The owner comes in and goes out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, redirect, request

from tubehome.base import urls
from tubehome.base.errors import Refused, TooMany, TubehomeError
from tubehome.owner.login import log_in
from tubehome.web import languages, sessions, visitor
from tubehome.web.engine import engine
from tubehome.web.templating import page
from tubehome.web.views import fresh

blueprint = Blueprint("login", __name__)


@blueprint.get(urls.LOGIN)
def login() -> Response:
    if sessions.is_owner():
        return redirect(_next(), 303)  # type: ignore[return-value]
    return fresh("login.html", error=None)


@blueprint.post(urls.LOGIN)
def enter() -> Response:
    address = visitor.truncated(request.remote_addr or "")
    try:
        engine().attempts.begin(address)
        owner = log_in(request.form.get("password", ""))
    except TooMany as error:
        answer = _again(error)
        answer.headers["Retry-After"] = str(error.retry_after)
        return answer
    except Refused as error:
        return _again(error)
    engine().attempts.succeeded(address)
    sessions.begin(owner)
    return redirect(_next(), 303)  # type: ignore[return-value]


@blueprint.post(urls.LOGOUT)
def leave() -> Response:
    sessions.end()
    return redirect(page(urls.HOME), 303)  # type: ignore[return-value]


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
