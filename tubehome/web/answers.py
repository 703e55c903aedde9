"""The answers to a stranger's GET of a page or a feed: 304, from memory, or made now.

The validator (ETag) is made of the same key as the cache entry, so a browser that comes back with it is
answered without looking anything up. `express` sends what is in memory before Flask is even asked.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import Response, g, request
from werkzeug.http import http_date

from tubehome.web.cache import Body, Kept, Key, is_current, key_of
from tubehome.web.engine import engine


def answer(make: Callable[[], Body], vary: str = "Cookie", dated: bool = False) -> Response:
    """`dated` adds Last-Modified, for feeds: their readers ask by date."""
    moment, pages = engine().moments.of_request(), engine().pages
    key = key_of(request.environ, g.get("page", 1), moment.version)
    tag, changed = pages.tag(key), int(moment.changed_at) if dated else None
    headers = {"Cache-Control": "no-cache", "Vary": vary, "ETag": tag}
    if is_current(request.environ, tag, changed):
        return Response(status=304, headers=headers)
    kept = pages.get(key)
    if kept is not None:
        return Response(kept.content, headers=list(kept.headers))
    body = make()
    response = Response(body.content, mimetype=body.mimetype, headers=headers)
    response.headers.extend(body.headers)
    if changed is not None:
        response.headers["Last-Modified"] = http_date(changed)
    if body.keep:
        g.keep = (key, tag, changed)
    else:
        del response.headers["ETag"]
    return response


def keep(response: Response) -> None:
    """Puts a finished answer (its nonce still open) into memory, if `answer` marked it."""
    marked: tuple[Key, str, int | None] | None = g.get("keep")
    if marked is None or response.status_code != 200:
        return
    key, tag, changed = marked
    engine().pages.put(key, Kept(response.get_data(), tuple(response.headers.items()), tag, changed))
