"""The owner's first page."""

from __future__ import annotations

from flask import Response

from tubehome.base import urls
from tubehome.pages.studio import today
from tubehome.web import rooms
from tubehome.web.engine import engine

blueprint = rooms.room("today")


@blueprint.get(urls.STUDIO)
def home() -> Response:
    return rooms.show("studio.html", "today", page=today(engine().site))
