"""The rooms of the studio: each file makes its blueprint here, behind the one door, and shows its pages here."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, redirect, request

from tubehome.base import urls
from tubehome.pages.studio_frame import studio_frame
from tubehome.web import sessions
from tubehome.web.templating import page
from tubehome.web.views import fresh


def room(name: str) -> Blueprint:
    """A blueprint that only the owner enters. Others are sent to log in; a script of ours is told 401."""
    made = Blueprint(f"studio-{name}", __name__)
    made.before_request(only_the_owner)
    return made


def only_the_owner() -> Response | None:
    if sessions.is_owner():
        return None
    if request.method not in ("GET", "HEAD") or request.accept_mimetypes.best == "application/json":
        return Response(status=401, headers={"Cache-Control": "no-store"})
    wanted = quote(request.full_path.rstrip("?"), safe="/?=&")
    answer = redirect(f"{page(urls.LOGIN)}?next={quote(wanted, safe='/')}", 303)
    answer.headers["Cache-Control"] = "no-store"
    return answer  # type: ignore[return-value]


def show(template: str, here: str, status: int = 200, **values: object) -> Response:
    """A page of the studio. `here`: which entry of its navigation it belongs to (see `studio_layout.html`)."""
    return fresh(template, status, here=here, studio_frame=studio_frame(), **values)
