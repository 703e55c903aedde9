"""The files of a video: playlists, film, pictures, by name and by byte ranges.

Only names that the pipeline makes are looked for, only below the video's own `public` folder, and no symbolic
link is followed. `library.access.may_see` is asked for every request; what a stranger may not see answers
exactly as what is not there. A film file goes out by one `sendfile` from where its range begins.

Behind nginx (`[server] accel = "/_media"`) the answer names the file and nginx sends it:

    location /_media/ { internal; alias DATA_FOLDER/videos/; add_header Access-Control-Allow-Origin *; }

(nginx keeps only some of our headers across X-Accel-Redirect; those for other origins it must add itself.)
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from werkzeug.http import http_date, is_resource_modified, parse_date

from tubehome.base import text
from tubehome.base.errors import NotFound
from tubehome.library import access
from tubehome.library.models import Video
from tubehome.web import sessions
from tubehome.web.engine import engine
from tubehome.web.ranges import Part, Unsatisfiable, wanted
from tubehome.web.transfers import RETRY_SECONDS, UNCOUNTED_BYTES, Full, MovingFile, places

blueprint = Blueprint("media", __name__)

_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_VIDEO = re.compile(_UUID)
# written out: building this statement anew was a third of what a range costs
_BY_UUID = "SELECT title, visibility, removed, wait_transcoding, ready_at FROM video WHERE uuid = ?"
_YEAR = 365 * 24 * 3600
_READ_BYTES = 65_536  # where the server gives us no sendfile


@dataclass(frozen=True)
class Kind:
    """What files of a name are. `final`: other bytes would have another name. `film`: large, so it is counted."""

    mimetype: str
    final: bool = False
    film: bool = False


_PLAYLIST = Kind("application/vnd.apple.mpegurl")
_KINDS = (
    (re.compile(rf"{_UUID}-\d{{1,5}}-fragmented\.mp4"), Kind("video/mp4", final=True, film=True)),
    (re.compile(rf"{_UUID}-\d{{1,5}}\.m3u8"), _PLAYLIST),
    (re.compile(r"master\.m3u8"), _PLAYLIST),
    (re.compile(r"thumbnail-\d{1,5}\.webp"), Kind("image/webp")),
    (re.compile(r"thumbnail-\d{1,5}\.jpg"), Kind("image/jpeg")),
    (re.compile(r"storyboard\.jpg"), Kind("image/jpeg")),
    (re.compile(r"storyboard\.vtt"), Kind("text/vtt")),
    (re.compile(r"\d{1,5}p\.mp4"), Kind("video/mp4", film=True)),
    (re.compile(r"segments-sha256\.json"), Kind("application/json")),
)

_CROSS_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Accept-Ranges, Content-Length, Content-Range, ETag, Last-Modified",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range, If-Range, If-None-Match, If-Modified-Since, Cache-Control",
    "Access-Control-Max-Age": "86400",
}


def kind_of(name: str) -> Kind | None:
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(name)), None)


@blueprint.route("/media/<uuid>/<name>", methods=["GET", "HEAD"], provide_automatic_options=False)
def file(uuid: str, name: str) -> Response:
    kind, video = kind_of(name), _visible(uuid)
    if kind is None or video is None:
        raise _nothing()
    fd = _open(uuid, name)
    try:
        answer = _Answer(video, uuid, name, kind, os.fstat(fd))
        response = answer.by_proxy() or answer.without_body() or answer.with_body(fd)
    finally:
        os.close(fd)
    response.headers.extend(_CROSS_ORIGIN)
    return response


@blueprint.route("/media/<uuid>/<name>", methods=["OPTIONS"], provide_automatic_options=False)
def preflight(uuid: str, name: str) -> Response:
    """The same for every address, so it tells nothing about what is there."""
    return Response(status=204, headers={**_CROSS_ORIGIN, **_PREFLIGHT, "Allow": "GET, HEAD, OPTIONS"})


def _nothing() -> NotFound:
    return NotFound("There is nothing at this address.")


def _visible(uuid: str) -> Video | None:
    if not _VIDEO.fullmatch(uuid):
        return None
    video: Video | None = next(iter(Video.raw(_BY_UUID, uuid)), None)
    return video if video and access.may_see(video, sessions.viewer()) else None


def _open(uuid: str, name: str) -> int:
    """A descriptor of a plain file in the video's public folder; NotFound for anything else."""
    careful = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        folder = os.open(engine().site.files.public(uuid), careful | os.O_DIRECTORY)
        try:
            fd = os.open(name, careful | os.O_NONBLOCK, dir_fd=folder)  # a pipe must not make us wait
        finally:
            os.close(folder)
    except OSError as error:
        raise _nothing() from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise _nothing()
    return fd


class _Answer:
    """What is said about one file, whichever way it goes out."""

    def __init__(self, video: Video, uuid: str, name: str, kind: Kind, info: os.stat_result) -> None:
        self._video, self._uuid, self._name, self._kind = video, uuid, name, kind
        self._size = info.st_size
        self._etag = f'"{info.st_size:x}-{info.st_mtime_ns:x}"'  # strong: a published file is replaced, never rewritten
        self._modified = datetime.fromtimestamp(int(info.st_mtime), UTC)

    def by_proxy(self) -> Response | None:
        """nginx answers ranges and conditions itself; it is told where the file is, below its internal location."""
        location = engine().site.config.server.accel
        if not location:
            return None
        response = self._response(200)
        response.headers["X-Accel-Redirect"] = f"{location.rstrip('/')}/{self._uuid}/public/{quote(self._name)}"
        return response

    def without_body(self) -> Response | None:
        """HEAD, or nothing new since the browser's own copy."""
        if not is_resource_modified(request.environ, etag=self._etag, last_modified=self._modified):
            response = self._response(304)
            del response.headers["Content-Type"]
            return response
        if request.method != "HEAD":
            return None
        return self._sized(self._response(200), self._size)  # a Range is for GET alone (RFC 9110, 14.2)

    def with_body(self, fd: int) -> Response:
        try:
            part = wanted(request.headers.get("Range") if self._if_range() else None, self._size)
        except Unsatisfiable:
            response = self._sized(self._response(416), 0)
            response.headers["Content-Range"] = f"bytes */{self._size}"
            return response
        try:
            body = _stream(fd, part, counted=self._kind.film and part.length > UNCOUNTED_BYTES)
        except Full as full:
            return _busy(full.status)
        response = self._sized(self._response(200 if part.whole else 206, body), part.length)
        if not part.whole:
            response.headers["Content-Range"] = f"bytes {part.start}-{part.end}/{self._size}"
        return response

    def _if_range(self) -> bool:
        """Does the Range still speak of these bytes? (RFC 9110, 13.1.5: strong ETag, or the exact date.)"""
        condition = request.headers.get("If-Range", "").strip()
        if not condition:
            return True
        return condition == self._etag if '"' in condition else parse_date(condition) == self._modified

    def _response(self, status: int, body: Any = None) -> Response:
        response = Response(body, status, mimetype=self._kind.mimetype, direct_passthrough=body is not None)
        response.headers["Accept-Ranges"] = "bytes"
        response.headers["ETag"] = self._etag
        response.headers["Last-Modified"] = http_date(self._modified)
        response.headers["Cache-Control"] = self._caching()
        if request.args.get("download") == "1":
            response.headers["Content-Disposition"] = _disposition(self._video.title, self._name)
        return response

    def _sized(self, response: Response, length: int) -> Response:
        response.headers["Content-Length"] = str(length)
        return response

    def _caching(self) -> str:
        if self._video.visibility == access.PRIVATE or not access.may_see(self._video, access.STRANGER):
            return "private, no-store"
        if self._video.visibility != access.PUBLIC:
            return "private, no-cache"  # its address is its secret: no shared cache keeps it
        final = self._kind.final and self._video.ready_at is not None  # until then it may be growing
        return f"public, max-age={_YEAR}, immutable" if final else "public, no-cache"


def download(path: Path, name: str) -> Response:
    """A whole file that is not in a public folder, under its own name; by one `sendfile`."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        part = wanted(request.headers.get("Range"), size)
        body = _stream(fd, part, counted=part.length > UNCOUNTED_BYTES) if request.method == "GET" else None
    except Full as full:
        return _busy(full.status)
    except Unsatisfiable:
        return Response(status=416, headers={"Content-Range": f"bytes */{size}", "Cache-Control": "no-store"})
    finally:
        os.close(fd)
    response = Response(
        body, 200 if part.whole else 206, mimetype="application/octet-stream", direct_passthrough=body is not None
    )
    response.headers["Content-Length"] = str(part.length)
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["Cache-Control"] = "private, no-store"
    if not part.whole:
        response.headers["Content-Range"] = f"bytes {part.start}-{part.end}/{size}"
    kept = re.sub(r'[\\/:*?"<>|%;]+', " ", text.clean_line(name)).strip(" .")[-120:] or "video"
    plain = text.fold(kept).encode("ascii", "ignore").decode().strip() or "video"
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(kept, safe='')}"
    )
    return response


def _stream(fd: int, part: Part, counted: bool) -> Any:
    """The bytes of the part, for the server to send: by `sendfile` where it can. Full when no place is left."""
    moving = MovingFile(os.dup(fd))
    try:
        moving.seek(part.start)
        if counted:
            moving.ended = places().begin(request.remote_addr or "")
    except BaseException:
        moving.close()
        raise
    wrapper = request.environ.get("wsgi.file_wrapper")
    return wrapper(moving, _READ_BYTES) if wrapper else _read(moving, part.length)


def _read(moving: MovingFile, length: int) -> Iterator[bytes]:
    with moving:
        while length > 0 and (piece := moving.read(min(length, _READ_BYTES))):
            length -= len(piece)
            yield piece


def _busy(status: int) -> Response:
    response = Response("", status, mimetype="text/plain")
    response.headers["Retry-After"] = str(RETRY_SECONDS)
    response.headers["Cache-Control"] = "no-store"
    return response


def _disposition(title: str, name: str) -> str:
    """« Séance du 17 novembre - 720p.mp4 », and the same in ASCII for old programs."""
    kept = re.sub(r'[\\/:*?"<>|%;]+', " ", text.clean_line(title)).strip(" .")[:100].strip(" .") or "video"
    height = re.search(r"(\d{1,5})(?:p|-fragmented)?\.mp4$", name)
    full = f"{kept} - {height[1]}p.mp4" if height else f"{kept}{os.path.splitext(name)[1]}"
    plain = full.encode("ascii", "ignore").decode().strip()
    folded = text.fold(full).encode("ascii", "ignore").decode() or plain or name
    return f"attachment; filename=\"{folded}\"; filename*=UTF-8''{quote(full, safe='')}"
