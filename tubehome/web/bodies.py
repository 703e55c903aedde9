"""How much a request may bring: little for forms, more for the few that bring files, and only for the owner.

Whoever needs more says so at the view, by `takes(…)`. The body is read before the view runs (the CSRF token is in it),
so the limit is raised before that, and only in a browser in which the owner is logged in.

What has no limit here, a film, is not read as a form at all: its view takes it from `as_it_comes`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

from flask import Flask, request
from gunicorn.http.body import LengthReader
from gunicorn.http.errors import ParseException
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import ClientDisconnected

from tubehome.base.errors import Refused
from tubehome.web import sessions

View = TypeVar("View", bound=Callable[..., Any])
MORE = 64 * 1024  # bytes of a form beside its file
AT_ONCE = 1 << 18  # bytes that are taken from a socket at once


def takes(most: int) -> Callable[[View], View]:
    """Marks a view whose form brings a file of at most so many bytes."""

    def marked(view: View) -> View:
        view.most_bytes = most  # type: ignore[attr-defined]
        return view

    return marked


def install(app: Flask) -> None:
    """Before the login's hooks, which read the form."""

    @app.before_request
    def widen() -> None:
        view = app.view_functions.get(request.endpoint or "")
        most = getattr(view, "most_bytes", 0)
        if most and request.method == "POST" and sessions.is_owner():
            request.max_content_length = most + MORE


def as_it_comes() -> Callable[[int], bytes | memoryview]:
    """`read(most)`: what is there of the body now, nothing at its end or when who sends has gone; of any length.

    What it gives holds until the next call: all goes through one piece of memory. gunicorn's `read` waits until it has
    all that it is asked for, and copies each byte some six times meanwhile; so its socket is asked, and its reader (of
    a body of known length) is told. Found in gunicorn 27.0.1.
    """
    request.max_content_length = 1 << 60  # the length of an upload is limited when it is announced
    body = request.environ["wsgi.input"]
    reader = getattr(body, "reader", None)
    if not isinstance(reader, LengthReader):
        return _by_chunks

    unreader, room = reader.unreader, memoryview(bytearray(AT_ONCE))

    def read(most: int) -> bytes | memoryview:
        most = min(most, reader.length, AT_ONCE)
        if not most:
            return b""
        data: bytes | memoryview = unreader.take_buffered()  # it came with the head
        if len(data) > most:
            unreader.unread(bytes(data[most:]))
            data = data[:most]
        if not data:
            try:
                data = room[: unreader.sock.recv_into(room, most)]
            except OSError:
                body.failed = True  # gunicorn must not look for another request behind it
                raise
        reader.length -= len(data)
        return data

    return read


def _by_chunks(most: int) -> bytes:
    """A body whose length is not said before. OSError when it ends before its end, Refused when it makes no sense."""
    try:
        return request.stream.read(most)
    except ClientDisconnected as error:
        raise ConnectionError("the body ends before its end") from error
    except ParseException as error:
        raise Refused("This request cannot be understood.", cause=str(error)) from error


@contextmanager
def stored(sent: FileStorage | None, folder: Path):  # type: ignore[no-untyped-def]
    """A sent file, on the disk for this block. Refused when none was chosen."""
    if sent is None or not sent.filename:
        raise Refused("Choose a file first.")
    with NamedTemporaryFile(dir=folder, prefix="sent-", suffix=".part") as kept:
        sent.save(kept)
        kept.flush()
        yield Path(kept.name)
