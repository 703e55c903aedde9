"""Where videos are added. The files themselves come in by `uploads`, or by the plain form's POST."""

from __future__ import annotations

from flask import Response

from tubehome.base import urls
from tubehome.pages.add import add_page
from tubehome.uploads import desk
from tubehome.web import rooms, uploads
from tubehome.web.engine import engine

blueprint = rooms.room("add")


@blueprint.get(urls.STUDIO_ADD)
def add() -> Response:
    known = [uploads.shape(row) for row in desk.shown()]
    return rooms.show("studio_add.html", "add", page=add_page(engine().site), uploads=known)
