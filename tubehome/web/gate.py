"""Before a handler runs: the page's language, its one address in it, and « not set up yet »."""

from __future__ import annotations

from flask import Flask, Response, request

from tubehome.web import languages
from tubehome.web.engine import engine
from tubehome.web.views import fresh

# what answers before there is an owner (without their language)
_OPEN = frozenset({"setup", "health", "small", "media", "pictures"})


def install(app: Flask) -> None:
    @app.before_request
    def gate() -> Response | None:
        if request.endpoint == "small.favicon":
            return None
        moment = engine().moments.of_request()
        if not moment.has_owner and not _is_open():
            return fresh("not_set_up.html")
        return languages.to_main()


def _is_open() -> bool:
    return (request.blueprint or "").partition("_")[0] in _OPEN or request.path.startswith("/static/")
