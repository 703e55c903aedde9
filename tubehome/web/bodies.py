"""How much a request may bring: little for forms, more for the few that bring files, and only for the owner.

Whoever needs more says so at the view, by `takes(…)`. The body is read before the view runs (the CSRF token is in it),
so the limit is raised before that, and only in a browser in which the owner is logged in.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, TypeVar

from flask import Flask, request
from werkzeug.datastructures import FileStorage

from tubehome.base.errors import Refused
from tubehome.web import sessions

View = TypeVar("View", bound=Callable[..., Any])
MORE = 64 * 1024  # bytes of a form beside its file


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


@contextmanager
def stored(sent: FileStorage | None, folder: Path):  # type: ignore[no-untyped-def]
    """A sent file, on the disk for this block. Refused when none was chosen."""
    if sent is None or not sent.filename:
        raise Refused("Choose a file first.")
    with NamedTemporaryFile(dir=folder, prefix="sent-", suffix=".part") as kept:
        sent.save(kept)
        kept.flush()
        yield Path(kept.name)
