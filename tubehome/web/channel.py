"""A channel's page."""

from __future__ import annotations

from flask import Blueprint, Response

from tubehome.pages.channel import channel as channel_page
from tubehome.web.views import Shown, nothing_on, page_number, show

blueprint = Blueprint("channel", __name__)


@blueprint.get("/c/<name>")
def channel(name: str) -> Response:
    number = page_number()

    def make() -> Shown:
        page = channel_page(name, number)
        if number > 1 and not page.years:
            raise nothing_on(number)
        return Shown(page, channel=page.link)

    return show("channel.html", make)
