"""For the machine that watches: does it answer, and a few numbers."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, Response, abort, request
from peewee import fn

from tubehome import __version__
from tubehome.base import urls
from tubehome.library.models import Step, Video
from tubehome.web import visitor
from tubehome.web.engine import engine

blueprint = Blueprint("health", __name__)
PLAIN = {"Cache-Control": "no-store"}


@blueprint.get(urls.HEALTH)
def healthz() -> Response:
    """200 when the database answers."""
    engine().moments.of_request()
    return Response("ok\n", mimetype="text/plain", headers=PLAIN)


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus text; this machine may read it, or whoever has the token. To everybody else it does not exist."""
    if not (_is_local() or _has_token()):
        abort(404)
    return Response("".join(_lines()), mimetype="text/plain", headers=PLAIN)


def _is_local() -> bool:
    """A peer on this machine that speaks for itself, not for somebody behind a proxy."""
    environ = request.environ
    return visitor.is_loopback(environ[visitor.PEER]) and not environ[visitor.FORWARDED]


def _has_token() -> bool:
    token = engine().site.config.server.metrics_token
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    return bool(token) and kind.lower() == "bearer" and secrets.compare_digest(given.strip().encode(), token.encode())


def _lines() -> list[str]:
    site = engine().site
    kept = Video.select(Video.processing, fn.COUNT(Video.id)).where(Video.removed.is_null())
    videos = _counts("processing", kept.group_by(Video.processing))
    steps = _counts("state", Step.select(Step.state, fn.COUNT(Step.id)).group_by(Step.state))
    return [
        _family("info", "The program.", {f'{{version="{__version__}"}}': 1}),
        _family("videos", "Videos by where their preparation is.", videos),
        _family("steps", "Steps of preparation by state.", steps),
        _family("disk_free_bytes", "Room on the disk of the data folder.", {"": site.files.free_bytes()}),
        _family("content_version", "Grows with each public change.", {"": engine().moments.of_request().version[0]}),
    ]


def _counts(label: str, query: Any) -> dict[str, int]:
    return {f'{{{label}="{value}"}}': count for value, count in query.tuples()}


def _family(name: str, about: str, samples: dict[str, int]) -> str:
    head = f"# HELP tubehome_{name} {about}\n# TYPE tubehome_{name} gauge\n"
    return head + "".join(f"tubehome_{name}{labels} {value}\n" for labels, value in samples.items())
