"""A database connection for the length of a request: borrowed at the beginning, given back before any byte is sent.

(The request ends when the view has answered; a file or a stream is sent after that, so a thread that feeds a
slow reader holds no connection. A view that receives for long puts it down meanwhile.)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, g, request

from tubehome.web.engine import engine

# what needs no database at all
_WITHOUT = frozenset({"small.favicon"})


def install(app: Flask) -> None:
    @app.before_request
    def borrow() -> None:
        db = engine().site.db
        if request.endpoint not in _WITHOUT and db.is_closed():
            db.connect()
            g.borrowed = True

    @app.teardown_request
    def give_back(error: BaseException | None) -> None:
        if g.pop("borrowed", False):
            engine().site.db.close()


@contextmanager
def put_down() -> Iterator[None]:
    """Gives the request's connection back for the length of this block: bytes travel, and nothing is asked."""
    if not g.pop("borrowed", False):
        yield
        return
    db = engine().site.db
    db.close()
    try:
        yield
    finally:
        db.connect()
        g.borrowed = True
