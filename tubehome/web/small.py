"""Small answers: the owner's colour, robots, the sign in the browser's tab."""

from __future__ import annotations

import re

from flask import Blueprint, Response, redirect, request

from tubehome.base import urls
from tubehome.settings import Settings
from tubehome.web.engine import engine

blueprint = Blueprint("small", __name__)
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})")
_FOR_EVER = "public, max-age=31536000, immutable"


@blueprint.get(urls.THEME)
def theme() -> Response:
    """What the owner chose, over the tokens of the style sheets. Nothing that is not a colour gets in."""
    chosen = engine().moments.of_request().settings
    accent, corner = chosen.accent, min(12, max(0, chosen.corner))
    if not _COLOUR.fullmatch(accent):
        accent = Settings.accent
    wordmark = engine().statics.address("img/wordmark.svg")
    sheet = f':root {{ --accent: {accent}; --corner: {corner}px; --wordmark: url("{wordmark}"); }}\n'
    answer = Response(sheet, mimetype="text/css")
    current = request.args.get("v") == f"{accent.lstrip('#')}-{corner}"
    answer.headers["Cache-Control"] = _FOR_EVER if current else "no-cache"
    answer.add_etag()
    return answer.make_conditional(request)  # type: ignore[return-value]


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Search engines are welcome in public; private and unlisted pages say noindex themselves."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in ("/studio/", "/login", "/setup/", "/w/*/state")), ""]
    return Response("\n".join(lines), mimetype="text/plain", headers={"Cache-Control": "public, max-age=3600"})


@blueprint.get("/favicon.ico")
def favicon() -> Response:
    answer = redirect(engine().statics.address("img/icon.svg"), 302)
    answer.headers["Cache-Control"] = "public, max-age=3600"
    return answer  # type: ignore[return-value]
