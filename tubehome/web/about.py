"""About the site, and how to follow it."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, request

from tubehome import settings
from tubehome.base import text, urls
from tubehome.base.errors import NotFound
from tubehome.pages.subscribe import subscribe as subscribe_page
from tubehome.web.templating import page
from tubehome.web.views import Shown, show

blueprint = Blueprint("about", __name__)


@blueprint.get(urls.ABOUT)
def about() -> Response:
    return show("about.html", _about)


def _about() -> Shown:
    chosen = settings.read()
    if not chosen.about:
        raise NotFound("There is nothing at this address.")
    return Shown({"html": text.render_markdown(chosen.about), "support": chosen.support})


@blueprint.get(urls.SUBSCRIBE)
def subscribe() -> Response:
    """The whole site's; `?channel=name`, as the form sends it, leads to that channel's address."""
    chosen = request.args.get("channel", "")[:60]
    if chosen:
        answer = redirect(page(urls.subscribe(chosen)), 302)
        answer.headers["Cache-Control"] = "no-cache"
        return answer  # type: ignore[return-value]
    return show("subscribe.html", lambda: Shown(subscribe_page()))


@blueprint.get(f"{urls.SUBSCRIBE}/<name>")
def subscribe_to(name: str) -> Response:
    def make() -> Shown:
        found = subscribe_page(name)
        return Shown(found, channel=found.chosen)

    return show("subscribe.html", make)
