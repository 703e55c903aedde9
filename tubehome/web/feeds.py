"""The feeds: RSS and Atom, of the site and of a channel. The same for everybody, the owner included."""

from __future__ import annotations

from flask import Blueprint, Response, request

from tubehome import feeds
from tubehome.web import answers
from tubehome.web.cache import Body, compressed, takes_gzip
from tubehome.web.chrome import site_url
from tubehome.web.engine import engine

blueprint = Blueprint("feeds", __name__)


@blueprint.get("/feed.<any(xml, atom):kind>")
def of_site(kind: str) -> Response:
    return _feed(kind, None)


@blueprint.get("/c/<name>/feed.<any(xml, atom):kind>")
def of_channel(name: str, kind: str) -> Response:
    return _feed(kind, name)


def _feed(kind: str, channel: str | None) -> Response:
    small = takes_gzip(request.environ)

    def make() -> Body:
        written = feeds.feed(engine().site, kind, site_url(), channel)
        body = Body(written, f"{feeds.KINDS[kind]}; charset=utf-8")
        return compressed(body) if small else body

    answer = answers.answer(make, vary="Accept-Encoding", dated=True)
    answer.headers["Access-Control-Allow-Origin"] = "*"
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer
