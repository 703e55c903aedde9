"""The studio's videos: the list, a video's page, saving what is said, the bin."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from flask import Blueprint, Response, jsonify, redirect, request

from tubehome.base import i18n, ids, text, urls
from tubehome.base.errors import NotFound, Refused, ToolFailed, TubehomeError
from tubehome.base.i18n import mark
from tubehome.flows import thumbnail
from tubehome.flows.discard import discard
from tubehome.flows.edit import Conflict, Invalid, edit
from tubehome.flows.erase import erase
from tubehome.flows.retry import retry
from tubehome.flows.skip import skip
from tubehome.flows.undelete import undelete
from tubehome.library.models import Video
from tubehome.media.pictures import MOST_BYTES
from tubehome.pages.studio_video import find, studio_video, version
from tubehome.pages.studio_videos import StudioRow, states, studio_videos, wanted
from tubehome.site import Site
from tubehome.web import languages, media, rooms
from tubehome.web.bodies import stored, takes
from tubehome.web.engine import engine
from tubehome.web.templating import page
from tubehome.web.views import nothing_on, page_number
from tubehome.web.wording import progress_words

blueprint: Blueprint = rooms.room("videos")
ONE = f"{urls.STUDIO_VIDEOS}/<name>"
# what the page calls a field, and its column
FIELDS = {"title": "title", "description": "description", "tags": "tags", "language": "language",
          "licence": "licence", "privacy": "visibility", "channel": "channel"}  # fmt: skip
_PREVIEWED = 40_000  # characters of Markdown that are shown at once
_DONE = {
    "discard": mark("« {title} » is in the bin, for 30 days."),
    "undelete": mark("« {title} » is back."),
    "erase": mark("« {title} » is erased."),
    "retry": mark("The preparation of « {title} » goes on."),
    "skip": mark("« {title} » goes on without what is damaged."),
}


@blueprint.get(urls.STUDIO_VIDEOS)
def listed() -> Response:
    number = page_number()
    found = studio_videos(replace(wanted(request.args), page=number))
    if number > 1 and not found.rows:
        raise nothing_on(number)
    return rooms.show("studio_videos.html", "videos", page=found)


@blueprint.get(f"{urls.STUDIO_VIDEOS}/states")
def live() -> Response:
    """How the videos that are being shown are doing (JSON): `?v=<short>&v=…`."""
    uuids = [_uuid(short) for short in request.args.getlist("v")[:50]]
    found = states([uuid for uuid in uuids if uuid])
    return _json({row.film.path.rsplit("/", 1)[1]: _state(row) for row in found})


def _uuid(short: str) -> str:
    try:
        return ids.parse(short)
    except ValueError:
        return ""


def _state(row: StudioRow) -> dict[str, object]:
    now = row.progress
    held = "held" if row.held else "full" if now and now.no_room else row.processing
    return {
        "state": "bin" if row.removed else held,
        "percent": now.percent if now else 100,
        "text": progress_words(now, languages.language()) if now else "",
        "picture": row.film.still is not None,
    }


def _json(said: object, status: int = 200) -> Response:
    response = jsonify(said)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get(ONE)
def one(name: str) -> Response:
    return _shown(name, just_saved=request.args.get("saved") == "1")


def _shown(
    name: str, status: int = 200, errors: Mapping[str, str] = MappingProxyType({}), *, conflict: bool = False,
    saved: Mapping[str, str] | None = None, just_saved: bool = False,
) -> Response:  # fmt: skip
    """`errors` by field; `conflict`: somebody was quicker; `saved`: the form as it was sent and not taken."""
    shown, words = studio_video(engine().site, name), {"conflict": conflict, "saved": saved, "just_saved": just_saved}
    return rooms.show("studio_video.html", "videos", status, page=shown, errors=errors, **words)


@blueprint.post(f"{ONE}/save")
def save(name: str) -> Response:
    """What a script sends while the owner writes: JSON {field: value, "version": …}; only what has changed."""
    video, said = find(name), request.get_json(silent=True)
    if not isinstance(said, dict) or set(said) - set(FIELDS) - {"version"}:
        return _json({"error": _sentence(Refused("This request cannot be understood."))}, 400)
    since = said.pop("version", None)
    try:
        after = edit(engine().site, video, {FIELDS[key]: value for key, value in said.items()}, _number(since))
    except Conflict as error:  # with what a second try would replace
        now = find(name)
        return _json({"error": _sentence(error), "version": version(now), "stored": _stored(now)}, error.status)
    except TubehomeError as error:
        return _json({"error": _sentence(error), "errors": _by_field(error)}, error.status)
    return _json({"saved": True, "version": version(after), "title": after.title})


def _stored(video: Video) -> dict[str, str]:
    """As the form shows it."""
    said = {field: str(getattr(video, column)) for field, column in FIELDS.items() if field not in ("tags", "channel")}
    return said | {"tags": ", ".join(json.loads(video.tags)), "channel": video.channel.name}


def _number(said: object) -> float | None:
    try:
        return float(said) if isinstance(said, str | int | float) else None
    except ValueError:
        return None


def _by_field(error: TubehomeError) -> dict[str, str]:
    named = {column: field for field, column in FIELDS.items()}
    errors = error.errors if isinstance(error, Invalid) else {}
    return {named[column]: _sentence(each) for column, each in errors.items()}


def _sentence(error: TubehomeError) -> str:
    return error.sentence(languages.language())


@blueprint.post(ONE)
def save_form(name: str) -> Response:
    """The whole form, without a script."""
    video = find(name)
    said = {FIELDS[key]: value for key, value in request.form.items() if key in FIELDS}
    try:
        edit(engine().site, video, said, _number(request.form.get("version")))
    except TubehomeError as error:
        if error.status not in (400, 404, 409):
            raise
        conflict = isinstance(error, Conflict)
        errors = {} if conflict else _by_field(error) or {"": _sentence(error)}
        return _shown(name, error.status, errors, saved=request.form, conflict=conflict)
    return redirect(page(urls.studio_video(video.uuid)) + "?saved=1", 303)  # type: ignore[return-value]


@blueprint.post(f"{urls.STUDIO_VIDEOS}/preview")
def preview() -> Response:
    """The description as visitors will see it."""
    said = request.get_json(silent=True)
    source = said.get("text", "") if isinstance(said, dict) else ""
    if not isinstance(source, str) or len(source) > _PREVIEWED:
        return _json({"error": _sentence(Refused("This text is too long to be shown."))}, 400)
    return _json({"html": text.render_markdown(source)})


@blueprint.get(f"{ONE}/candidates/<int:number>")
def candidate(name: str, number: int) -> Response:
    """A picture that may be chosen: for the owner alone."""
    path = engine().site.files.candidates(find(name).uuid) / f"candidate-{number}.jpg"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound("There is no such picture.") from error
    return Response(data, mimetype="image/jpeg", headers={"Cache-Control": "private, no-cache"})


@blueprint.post(f"{ONE}/picture")
@takes(MOST_BYTES)
def picture(name: str) -> Response:
    """The video's picture: a candidate, a moment (1:09:15 or seconds), or a file."""
    site, video = engine().site, find(name)
    try:
        if "candidate" in request.form:
            number = request.form["candidate"]
            thumbnail.candidate(site, video, int(number) if number.isdecimal() else 0)
        elif "at" in request.form:
            thumbnail.moment(site, video, _moment(request.form["at"]))
        else:
            with stored(request.files.get("file"), site.files.cache) as source:
                thumbnail.own(site, video, source)
    except TubehomeError as error:
        if error.status == 404 or (error.status >= 500 and not isinstance(error, ToolFailed)):
            raise
        return _shown(name, 400, {"picture": _sentence(error)})
    return redirect(page(urls.studio_video(video.uuid)) + "?saved=1#picture", 303)  # type: ignore[return-value]


def _moment(said: str) -> float:
    parts = said.strip().replace(",", ".").split(":")
    try:
        numbers = [float(part) for part in parts]
    except ValueError as error:
        raise Refused("Write the moment like 1:09:15.") from error
    if len(numbers) > 3 or not all(0 <= number < 1e6 for number in numbers):
        raise Refused("Write the moment like 1:09:15.")
    return float(sum(number * 60**power for power, number in enumerate(reversed(numbers))))


@blueprint.get(f"{ONE}/original")
def original(name: str) -> Response:
    """The file as it was given, for its owner."""
    video = find(name)
    path = engine().site.files.original(video.uuid)
    if path is None:
        raise NotFound("There is nothing at this address.")
    return media.download(path, video.source_name)


ACTS: dict[str, Callable[[Site, Video], None]] = {
    "discard": discard,
    "undelete": undelete,
    "erase": erase,
    "retry": retry,
    "skip": skip,
}


@blueprint.post(f"{ONE}/<any(discard, undelete, erase, retry, skip):act>")
def act(name: str, act: str) -> Response:
    """Into the bin, out of it, away for good, once more. A script gets JSON, a form the page that it came from."""
    video = find(name)
    if act == "erase" and not video.removed:
        raise Refused("Put « {title} » into the bin first.", title=video.title)
    ACTS[act](engine().site, video)
    told = i18n.translate(languages.language(), _DONE[act], {"title": video.title})
    if request.accept_mimetypes.best == "application/json":
        return _json({"done": told})
    back = page(urls.STUDIO_VIDEOS) + ("?state=bin" if act in ("undelete", "erase") else "")
    if act in ("retry", "skip"):
        back = page(urls.studio_video(video.uuid))
    return redirect(f"{back}{'&' if '?' in back else '?'}did={act}", 303)  # type: ignore[return-value]
