"""The owner's rooms; for now the list of videos."""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, redirect, request

from tubehome.base import urls
from tubehome.pages.studio import studio_home
from tubehome.web import sessions
from tubehome.web.templating import page
from tubehome.web.views import fresh, nothing_on, page_number

blueprint = Blueprint("studio", __name__)


@blueprint.before_request
def only_the_owner() -> Response | None:
    if sessions.is_owner():
        return None
    wanted = quote(request.full_path.rstrip("?"), safe="/")
    answer = redirect(f"{page(urls.LOGIN)}?next={wanted}", 303)
    answer.headers["Cache-Control"] = "no-store"
    return answer  # type: ignore[return-value]


@blueprint.get(urls.STUDIO)
def home() -> Response:
    number = page_number()
    found = studio_home(number)
    if number > 1 and not found.rows:
        raise nothing_on(number)
    return fresh("studio.html", page=found)
