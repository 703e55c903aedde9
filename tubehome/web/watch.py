"""A video's page, what it asks while the video is being prepared, and its other addresses."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify, redirect, request

from tubehome.base import ids, urls
from tubehome.base.errors import NotFound
from tubehome.library import access, queries
from tubehome.library.models import Video
from tubehome.pages import watch as pages
from tubehome.pages.progress import progress
from tubehome.web import languages, sessions
from tubehome.web.templating import page as localised
from tubehome.web.views import Shown, show
from tubehome.web.wording import visitor_words

blueprint = Blueprint("watch", __name__)


@blueprint.get("/w/<name>")
def watch(name: str) -> Response:
    if len(name) != ids.SHORT_LENGTH:
        return _to_short(name)

    def make() -> Shown:
        page = pages.watch(name, sessions.seen_as())
        unlisted = page.visibility != access.PUBLIC
        headers = (("X-Robots-Tag", "noindex"),) if unlisted else ()
        # progress moves without a new content version
        return Shown(page, channel=page.film.channel, keep=page.progress is None, headers=headers)

    return show("watch.html", make)


@blueprint.get("/videos/watch/<name>")
def peertube(name: str) -> Response:
    """PeerTube's older address, and the video's id for other servers."""
    return _to_short(name)


@blueprint.get("/w/<name>/state")
def state(name: str) -> Response:
    video = _visible(name)
    now = progress(video)
    answer = jsonify(
        state=now.state,
        percent=now.percent,
        remaining=now.remaining,
        text=visitor_words(now, languages.language()),
        playable=now.playable,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _visible(name: str) -> Video:
    video = queries.video(name)
    if not access.may_see(video, sessions.viewer()):
        raise NotFound("There is no video {id}.", id=name[:60])
    return video


def _to_short(name: str) -> Response:
    """301 to the one address of a video; its query (`?t=`) goes along."""
    path = localised(urls.watch(_visible(name).uuid))
    query = request.query_string.decode("ascii", "replace")
    answer = redirect(path + (f"?{query}" if query else ""), 301)
    answer.headers["Cache-Control"] = "no-cache"
    return answer  # type: ignore[return-value]
