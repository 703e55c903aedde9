"""Resumable uploads: tus 1.0 (creation, creation-with-upload, termination, checksum, expiration).

https://tus.io/protocols/resumable-upload. Whoever sends is the owner in the studio (session, CSRF header, our own
origin) or a program with a token. The bytes go straight into the file; no connection to the database is held
meanwhile, and no more than 7/8 of the threads may be at it.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, jsonify, request
from flask_wtf.csrf import CSRFError, validate_csrf
from werkzeug.http import http_date
from wtforms.validators import ValidationError

from tubehome.base import clock, ids, text, urls
from tubehome.base.errors import NotFound, Refused, TooMany, TubehomeError
from tubehome.base.i18n import LANGUAGES
from tubehome.flows import give_up, watched
from tubehome.flows.announce import announce
from tubehome.flows.intake import left_behind
from tubehome.flows.say import say
from tubehome.jobs import Job, rows
from tubehome.library.models import Video
from tubehome.library.room import waits_for_room
from tubehome.owner import tokens
from tubehome.pages.progress import progress
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import RECEIVING, Upload
from tubehome.web import languages, sessions
from tubehome.web.bodies import as_it_comes
from tubehome.web.connection import put_down
from tubehome.web.engine import engine
from tubehome.web.templating import iso, page
from tubehome.web.transfers import RETRY_SECONDS, Full, places
from tubehome.web.wording import progress_words
from tubehome.web.writers import writers

log = logging.getLogger(__name__)
blueprint = Blueprint("uploads", __name__)
VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,checksum,expiration"
OFFSET_TYPE = "application/offset+octet-stream"
METADATA_MAX = 8_000  # characters: no server takes a longer line; more can be said later, in the studio
SAID = {"title": "title", "description": "description", "channel": "channel", "privacy": "visibility",
        "language": "language"}  # fmt: skip
_KEY = re.compile(r"[!-+\--~]+")


class Unauthorized(Refused):
    """Neither a session with its token, nor a token of ours."""

    status = 401


def sender() -> str:
    """The name of the token that sends, "" for the owner in the studio. Unauthorized otherwise."""
    said = request.headers.get("Authorization", "")
    if said:
        kind, _, token = said.partition(" ")
        try:
            if kind.lower() != "bearer":
                raise Refused("Uploads are sent with « Authorization: Bearer TOKEN ».")
            return str(tokens.check(token.strip()).name)
        except Refused as error:
            raise Unauthorized(error.text, **error.values) from error  # type: ignore[arg-type]
    if not sessions.is_owner() or not _ours():
        raise Unauthorized("Only the owner uploads here: log in, or send a token.")
    if request.method not in ("GET", "HEAD"):
        try:
            validate_csrf(request.headers.get("X-CSRFToken", ""))
        except (ValidationError, CSRFError) as error:
            raise Unauthorized("The page has been open for too long: load it anew; nothing is lost.") from error
    return ""


def _ours() -> bool:
    """Does a page of ours ask? (A browser says so; what says nothing is no browser.)"""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host


def _told(error: TubehomeError) -> Response:
    """One plain line, in the shape that programs show."""
    language = languages.language()
    if request.accept_mimetypes.best == "application/json":
        response = jsonify(error=error.sentence(language), errors=_by_field(error, language))
    else:
        response = Response(error.sentence(language) + "\n", mimetype="text/plain")
    response.status_code = error.status
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="tubehome"'
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    g.failed = True
    return _dressed(response)


def _by_field(error: TubehomeError, language: str) -> dict[str, str]:
    names = {column: name for name, column in SAID.items()}
    return {names.get(name, name): each.sentence(language) for name, each in getattr(error, "errors", {}).items()}


def _dressed(response: Response) -> Response:
    response.headers["Tus-Resumable"] = VERSION
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.errorhandler(TubehomeError)
def told(error: TubehomeError) -> Response:
    return _told(error)


@blueprint.before_request
def speak() -> None:
    """No language in these addresses: the one that is asked for."""
    g.language = request.accept_languages.best_match(LANGUAGES) or languages.main_language()


@blueprint.before_request
def version() -> Response | None:
    """412 for another version of the protocol; the JSON of the studio and OPTIONS need none."""
    said = request.headers.get("Tus-Resumable")
    if said is not None and said != VERSION and request.method != "OPTIONS":
        response = _dressed(Response(status=412))
        response.headers["Tus-Version"] = VERSION
        return response
    override = request.headers.get("X-HTTP-Method-Override")
    if override and request.method == "POST" and override.upper() in ("PATCH", "DELETE"):
        uuid = (request.view_args or {}).get("uuid")
        if uuid:
            return patch(uuid) if override.upper() == "PATCH" else delete(uuid)
    return None


@blueprint.route(urls.STUDIO_UPLOADS, methods=["OPTIONS"], provide_automatic_options=False)
@blueprint.route(f"{urls.STUDIO_UPLOADS}/<uuid>", methods=["OPTIONS"], provide_automatic_options=False)
def speaks(uuid: str = "") -> Response:
    """What is spoken here."""
    response = _dressed(Response(status=204))
    response.headers.update(
        {
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(engine().site.config.limits.upload_bytes),
            "Tus-Checksum-Algorithm": ",".join(incoming.ALGORITHMS),
            "Allow": "OPTIONS, GET, POST, HEAD, PATCH, DELETE",
        }
    )
    return response


@blueprint.post(urls.STUDIO_UPLOADS)
def create() -> Response:
    token = sender()
    if "Upload-Defer-Length" in request.headers:
        raise Refused("Say how long the file is (Upload-Length): room is kept for it before the first byte.")
    row = announce(engine().site, _said(token))
    response = _dressed(Response(status=201))
    response.headers["Location"] = urls.studio_upload(row.uuid)
    if request.headers.get("Content-Type", "") == OFFSET_TYPE and request.content_length:
        offset = _first(row)
        response.headers["Upload-Offset"] = str(offset)
    response.headers["Upload-Expires"] = http_date(int(row.expires_at))
    return response


def _first(row: Upload) -> int:
    """The piece that comes with the announcement. Refused, it leaves nothing: nobody was told the address."""
    try:
        return _receive(row, 0)
    except TubehomeError:
        desk.give_up(engine().site, row)
        raise


def _said(token: str) -> desk.Said:
    raw = request.headers.get("Upload-Metadata", "")
    if len(raw) > METADATA_MAX:
        raise Refused("What is said of this file (Upload-Metadata) is too long.")
    said = metadata(raw)
    fields = {column: said.get(name, "") for name, column in SAID.items()}
    return desk.Said(
        name=said.get("filename") or said.get("name") or "", length=_number("Upload-Length"), metadata=raw,
        token=token, **fields,
    )  # fmt: skip


def metadata(raw: str) -> dict[str, str]:
    """`key base64,key base64` → texts. Refused when it cannot be read; bytes that are not UTF-8 become signs."""
    found: dict[str, str] = {}
    for pair in filter(None, (part.strip() for part in raw.split(","))):
        key, _, value = pair.partition(" ")
        try:
            if not _KEY.fullmatch(key):
                raise ValueError(key)
            found[key] = base64.b64decode(value, validate=True).decode("utf-8", "replace")
        except (ValueError, binascii.Error) as error:
            raise Refused("What is said of this file (Upload-Metadata) cannot be read.") from error
    return found


def _number(header: str) -> int:
    said = request.headers.get(header, "")
    if not re.fullmatch(r"[0-9]{1,15}", said):
        raise Refused("The header {name} must be a number of bytes.", name=header)
    return int(said)


@blueprint.route(f"{urls.STUDIO_UPLOADS}/<uuid>", methods=["HEAD"], provide_automatic_options=False)
def head(uuid: str) -> Response:
    row = desk.find(uuid, sender())
    desk.check_alive(engine().site, row)
    offset = _offset(row)
    if row.state == RECEIVING and offset == row.length:
        _whole(row)
    response = _dressed(Response(status=200))
    response.headers["Upload-Offset"] = str(offset)
    response.headers["Upload-Length"] = str(row.length)
    if row.metadata:
        response.headers["Upload-Metadata"] = row.metadata
    if row.state == RECEIVING:
        response.headers["Upload-Expires"] = http_date(int(row.expires_at))
    return response


def _whole(row: Upload) -> None:
    """Whoever hears that all is here sends nothing more: then it must be work."""
    if desk.arrived(engine().site, row):
        engine().site.jobs.later(Job.ACCEPT, row.id)


def _offset(row: Upload) -> int:
    if row.state != RECEIVING:
        return int(row.length)
    try:
        return incoming.offset(engine().site, row.uuid)
    except FileNotFoundError as error:
        raise NotFound("There is no upload at this address: send the file again.") from error


@blueprint.route(f"{urls.STUDIO_UPLOADS}/<uuid>", methods=["PATCH"], provide_automatic_options=False)
def patch(uuid: str) -> Response:
    row = desk.find(uuid, sender())
    desk.check_alive(engine().site, row)
    if request.headers.get("Content-Type", "") != OFFSET_TYPE:
        error = Refused("The content type of a piece is application/offset+octet-stream.")
        error.status = 415
        raise error
    at = _number("Upload-Offset")
    if row.state != RECEIVING and at != row.length:
        raise incoming.WrongOffset("All of this file is here already.")
    offset = _receive(row, at) if row.state == RECEIVING else int(row.length)
    response = _dressed(Response(status=204))
    response.headers["Upload-Offset"] = str(offset)
    if offset < row.length:
        response.headers["Upload-Expires"] = http_date(int(row.expires_at))
    return response


def _checksum() -> incoming.Checksum | None:
    said = request.headers.get("Upload-Checksum")
    if said is None:
        return None
    algorithm, _, value = said.partition(" ")
    if algorithm not in incoming.ALGORITHMS:
        raise Refused("There is no checksum {name} here: use {known}.", name=algorithm[:40],
                      known=", ".join(incoming.ALGORITHMS))  # fmt: skip
    try:
        return incoming.Checksum(algorithm, base64.b64decode(value, validate=True))
    except (ValueError, binascii.Error) as error:
        raise Refused("The checksum of this piece cannot be read: it is written in base64.") from error


def _receive(row: Upload, at: int) -> int:
    """Takes the body in; the offset then. The last byte makes it work for the worker."""
    site, checksum = engine().site, _checksum()
    done = place()
    try:
        with put_down(), writers().writing(site, row.uuid) as (fd, moved):
            offset = incoming.receive(site, row.uuid, fd, at, row.length, as_it_comes(), checksum, moved)
    except FileNotFoundError as error:  # given up meanwhile, by another connection
        raise NotFound("There is no upload at this address: send the file again.") from error
    except OSError as error:
        raise TubehomeError("The connection broke; what came is kept.", cause=str(error)) from error
    except incoming.Unwritable as error:
        log.error("an upload cannot be written: %s", error.cause)
        raise
    finally:
        done()
    row.expires_at = desk.touched(site, row)
    if offset == row.length and desk.whole(row):
        site.jobs.later(Job.ACCEPT, row.id)
    return offset


def place() -> Callable[[], None]:
    """One of the places of those who move bytes; what it returns gives it back. TooMany when there is none."""
    try:
        return places().begin(request.remote_addr or "")
    except Full as full:
        raise TooMany(
            "Too many transfers at the same time: try again in a moment.", retry_after=RETRY_SECONDS
        ) from full


@blueprint.route(f"{urls.STUDIO_UPLOADS}/<uuid>", methods=["DELETE"], provide_automatic_options=False)
def delete(uuid: str) -> Response:
    """Termination: given up, with what came of it."""
    give_up.give_up(engine().site, desk.find(uuid, sender()))
    return _dressed(Response(status=204))


@blueprint.get(urls.STUDIO_UPLOADS)
def listed() -> Response:
    """What the studio shows: every upload that is not finished and seen."""
    _from_the_studio()
    return _dressed(jsonify(uploads=[shape(row) for row in desk.shown()], free=desk.free_bytes(engine().site)))


def _from_the_studio() -> None:
    if sender():
        raise Unauthorized("A token sends files, and sees nothing else.")


def shape(row: Upload) -> dict[str, object]:
    """An upload as scripts of the studio know it; times ISO 8601, sizes bytes."""
    language, video = languages.language(), row.video
    return {
        "id": row.uuid,
        "name": row.name,
        "length": row.length,
        "offset": _offset_or_none(row),
        "state": _STATES.get(row.state, "checking"),
        "title": video.title if video else row.title,
        "guess": text.title_from_filename(row.name),  # the title, if none is given
        "description": video.description if video else row.description,
        "channel": video.channel.name if video else row.channel,
        "privacy": video.visibility if video else row.visibility,
        "language": video.language if video else row.language,
        "message": row.error.sentence(language) if row.error else None,
        "waits": _waits(row),
        "again": row.state == rows.FAILED and _is_here(row),
        "video": _video(video) if video else None,
        "created": iso(clock.from_timestamp(row.created_at)),
        "expires": iso(clock.from_timestamp(row.expires_at)),
    }


def _waits(row: Upload) -> str:
    """What it waits for though it is all here: "room" on the disk, to be tried "again"; "" when it does not wait."""
    if row.error is None or row.state != rows.WAITING:
        return ""
    return "room" if waits_for_room(row.error) else "again"


_STATES = {RECEIVING: "receiving", rows.FAILED: "refused", rows.DONE: "done"}


def _video(video: Video) -> dict[str, object]:
    now = progress(video)
    return {
        "short": ids.shorten(video.uuid),
        "path": page(urls.watch(video.uuid)),
        "edit": page(urls.studio_video(video.uuid)),
        "state": now.state,
        "percent": now.percent,
        "text": progress_words(now, languages.language()),
    }


def _is_here(row: Upload) -> bool:
    site = engine().site
    return incoming.path(site, row.uuid).exists() or left_behind(site, row.uuid)


def _offset_or_none(row: Upload) -> int:
    try:
        return _offset(row)
    except Refused:
        return 0


@blueprint.post(f"{urls.STUDIO_UPLOADS}/<uuid>/details")
def details(uuid: str) -> Response:
    """What is said of the file while its bytes travel; of the video, once it is one."""
    _from_the_studio()
    desk.find(uuid)
    said = request.get_json(silent=True)
    if not isinstance(said, dict) or set(said) - set(SAID):
        raise Refused("This request cannot be understood.")
    row = say(engine().site, uuid, {SAID[name]: value for name, value in said.items()})
    return _dressed(jsonify(shape(row)))


@blueprint.post(f"{urls.STUDIO_UPLOADS}/<uuid>/dismiss")
def dismiss(uuid: str) -> Response:
    """A refused or finished upload leaves the list; what is left of its file goes."""
    _from_the_studio()
    give_up.dismiss(engine().site, desk.find(uuid))
    return _dressed(Response(status=204))


@blueprint.post(f"{urls.STUDIO_UPLOADS}/<uuid>/retry")
def retry(uuid: str) -> Response:
    """A file that could not be looked at (not one that was refused) is looked at again."""
    _from_the_studio()
    row = desk.find(uuid)
    if row.state != rows.FAILED or not _is_here(row):
        raise Refused("The file of this upload is not here any more: send it again.")
    watched.remember(row, None)
    desk.again(row)
    engine().site.jobs.later(Job.ACCEPT, row.id)
    return _dressed(jsonify(shape(desk.find(uuid))))
