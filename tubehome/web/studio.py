"""The owner's rooms; for now the list of videos."""

from __future__ import annotations

from flask import Response

from tubehome.base import urls
from tubehome.pages.studio import studio_home
from tubehome.web import rooms
from tubehome.web.views import nothing_on, page_number

blueprint = rooms.room("today")


@blueprint.get(urls.STUDIO)
def home() -> Response:
    number = page_number()
    found = studio_home(number)
    if number > 1 and not found.rows:
        raise nothing_on(number)
    return rooms.show("studio.html", "today", page=found)
