"""The one place where an error becomes an answer.

People get a page with a sentence in their language, programs JSON or one plain line; nobody gets a traceback
(the log does; `--debug` shows it). An error page renders with what was last known, so also when the
database does not answer.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import dataclass, field

from flask import Flask, Response, current_app, g, jsonify, request
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateError
from peewee import InterfaceError, OperationalError
from playhouse.pool import MaxConnectionsExceeded
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from tubehome.base import i18n, urls
from tubehome.base.errors import TooMany, TubehomeError, Unavailable
from tubehome.base.i18n import mark
from tubehome.web import languages
from tubehome.web.templating import render

log = logging.getLogger("tubehome.web")
METRICS = "/metrics"
AGAIN_SECONDS = 30  # when we do not know better

_TITLES = {
    400: mark("This request cannot be understood"),
    404: mark("There is nothing at this address"),
    405: mark("This address cannot be used in this way"),
    408: mark("The request took too long"),
    410: mark("There is nothing here any more"),
    413: mark("This is too large"),
    416: mark("This part of the file does not exist"),
    421: mark("This address belongs to another server"),
    429: mark("Too many attempts"),
    500: mark("Something broke here"),
    503: mark("The site cannot answer now"),
    507: mark("The disk is full"),
}
_EXPIRED = mark(
    "This page had been open for too long, or cookies are refused: go back, load it anew and try once more."
)
_BUSY = mark("The site is very busy, or its disk does not answer: try again in a minute.")


@dataclass(frozen=True)
class Problem:
    code: int
    sentence: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        known = _TITLES.get(self.code) or _TITLES[500 if self.code >= 500 else 400]
        return i18n.translate(languages.language(), known)


def install(app: Flask) -> None:
    app.register_error_handler(TubehomeError, _told)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _crashed)
    for kind in (OperationalError, InterfaceError, MaxConnectionsExceeded):
        app.register_error_handler(kind, _database)


def _told(error: TubehomeError) -> Response:
    if error.status >= 500:
        log.error("%s: %s (%s)", _where(), error, error.cause or "no other cause", exc_info=error)
    return _sentence(error)


def _sentence(error: TubehomeError) -> Response:
    return answer(Problem(_shown(error.status), error.sentence(languages.language()), _later(error)))


def _http(error: HTTPException) -> Response | HTTPException:
    if isinstance(error, RequestRedirect):  # an address with a slash too few: not an error
        return error
    if isinstance(error, CSRFError):
        return answer(Problem(400, i18n.translate(languages.language(), _EXPIRED)))
    code = _shown(error.code or 500)
    made = error.get_response()
    kept = {name: made.headers[name] for name in ("Allow", "Retry-After", "Content-Range") if name in made.headers}
    if code == 503:
        kept.setdefault("Retry-After", str(AGAIN_SECONDS))
    return answer(Problem(code, None, kept))


def _database(error: Exception) -> Response:
    log.error("%s: the database does not answer", _where(), exc_info=error)
    g.crashed = True
    return _sentence(Unavailable(_BUSY))


def _crashed(error: Exception) -> Response:
    log.error("%s: not foreseen", _where(), exc_info=error)
    g.crashed = True
    if current_app.debug:
        trace = "".join(traceback.format_exception(error))
        return Response(trace, status=500, mimetype="text/plain", headers={"Cache-Control": "no-store"})
    return answer(Problem(500))


def _where() -> str:
    """For the log: the rule, not the address, which may hold a secret."""
    return f"{request.method} {request.url_rule or 'no such address'}"


def _shown(status: int) -> int:
    """What is forbidden does not exist, for those who may not know."""
    return 404 if status in (401, 403) else status


def _later(error: TubehomeError) -> dict[str, str]:
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after)}
    return {"Retry-After": str(AGAIN_SECONDS)} if error.status == 503 else {}


def answer(problem: Problem) -> Response:
    """The problem in the shape that this address speaks."""
    g.failed = True
    kind = _shape(request.path)
    if kind == "json":
        response = jsonify(error=problem.sentence or problem.title)
    elif kind == "line":
        response = Response((problem.sentence or problem.title) + "\n", mimetype="text/plain")
    else:
        response = _page(problem)
    response.status_code = problem.code
    response.headers["Cache-Control"] = "no-store"
    response.headers.extend(problem.headers)
    return response


def _shape(path: str) -> str:
    plain = languages.bare(path)
    if plain.startswith("/api/") or (plain.startswith("/w/") and plain.endswith("/state")):
        return "json"
    if plain.startswith(urls.STUDIO_UPLOADS):  # scripts of the studio, and programs
        return "json" if request.accept_mimetypes.best == "application/json" else "line"
    lines = ("/media/", "/static/", urls.HEALTH, METRICS, urls.THEME)
    return "line" if plain.startswith(lines) or plain.endswith(("/feed.xml", "/feed.atom")) else "page"


def _page(problem: Problem) -> Response:
    values = {"code": problem.code, "title": problem.title, "error": problem.sentence}
    try:
        return Response(render("error.html", **values))
    except (TemplateError, TubehomeError, OperationalError, InterfaceError, LookupError, MaxConnectionsExceeded):
        log.exception("the error page itself cannot be shown")
        return Response(f"{problem.sentence or problem.title}\n", mimetype="text/plain")
