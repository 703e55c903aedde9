"""The home page."""

from __future__ import annotations

from flask import Blueprint, Response

from tubehome.base import urls
from tubehome.pages.home import home as home_page
from tubehome.web.views import Shown, nothing_on, page_number, show

blueprint = Blueprint("home", __name__)


@blueprint.get(urls.HOME)
def home() -> Response:
    number = page_number()

    def make() -> Shown:
        page = home_page(number)
        if number > 1 and not page.films:
            raise nothing_on(number)
        return Shown(page)

    return show("home.html", make)
