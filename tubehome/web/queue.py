"""The work queue in the studio: what is being done, what waits; pause, this first, enough."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, jsonify, redirect, request

from tubehome.base import i18n, urls
from tubehome.base.i18n import mark
from tubehome.flows.discard import discard
from tubehome.flows.enough import enough
from tubehome.flows.first import first, usual
from tubehome.flows.hold import hold
from tubehome.flows.resume import resume
from tubehome.flows.retry import retry
from tubehome.flows.skip import skip
from tubehome.library.models import Video
from tubehome.pages.queue import queue
from tubehome.pages.studio_video import find
from tubehome.site import Site
from tubehome.web import languages, rooms
from tubehome.web.engine import engine
from tubehome.web.templating import page
from tubehome.web.views import fresh

blueprint: Blueprint = rooms.room("queue")
ACTS: dict[str, tuple[Callable[[Site, Video], None], str]] = {
    "hold": (hold, mark("« {title} » is paused.")),
    "resume": (resume, mark("« {title} » goes on.")),
    "first": (first, mark("« {title} » comes first.")),
    "usual": (usual, mark("« {title} » is back in its place.")),
    "enough": (enough, mark("« {title} » keeps the sizes that are ready.")),
    "again": (retry, mark("The preparation of « {title} » goes on.")),
    "skip": (skip, mark("« {title} » goes on without what is damaged.")),
    "drop": (discard, mark("« {title} » is in the bin, for 30 days.")),
}


@blueprint.get(urls.STUDIO_QUEUE)
def show() -> Response:
    return rooms.show("studio_queue.html", "queue", page=queue())


@blueprint.get(f"{urls.STUDIO_QUEUE}/rows")
def rows() -> Response:
    """The list alone, for the page that shows it: asked every few seconds, so that no thread is held for it."""
    return fresh("parts/queue_rows.html", page=queue())


@blueprint.post(f"{urls.STUDIO_QUEUE}/<name>/<any(hold, resume, first, usual, enough, again, skip, drop):act>")
def act(name: str, act: str) -> Response:
    video = find(name)
    do, told = ACTS[act]
    do(engine().site, video)
    if request.accept_mimetypes.best == "application/json":
        said = i18n.translate(languages.language(), told, {"title": video.title})
        response = jsonify(done=said)
        response.headers["Cache-Control"] = "no-store"
        return response
    return redirect(page(urls.STUDIO_QUEUE), 303)  # type: ignore[return-value]
