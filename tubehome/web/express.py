"""The short way: a stranger's page that is in memory is sent before Flask is asked.

A popular page costs one small query and a copy. Everything else goes on to the application: the owner (any
request with the session's cookie), other methods, unknown parameters, a database that does not answer.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from peewee import InterfaceError, OperationalError
from playhouse.pool import MaxConnectionsExceeded

from tubehome.web.cache import Kept, PageCache, is_current, key_of
from tubehome.web.moment import Moments
from tubehome.web.security import fill, fill_headers, fresh_nonce

_NEVER = "/media/"  # the busiest addresses, and never in memory
_PAGE = re.compile(r"page=([1-9][0-9]{0,5})")
_TO_304 = frozenset({"Cache-Control", "Vary", "ETag", "Last-Modified", "Access-Control-Allow-Origin"})


class Express:
    def __init__(self, application: Callable[..., Any], pages: PageCache, moments: Moments, cookie: str) -> None:
        self._application, self._pages, self._moments, self._cookie = application, pages, moments, cookie

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        kept = self._find(environ)
        if kept is None:
            return self._application(environ, start_response)
        if is_current(environ, kept.tag, kept.changed):
            start_response("304 NOT MODIFIED", [pair for pair in kept.headers if pair[0] in _TO_304])
            return []
        nonce = fresh_nonce()
        start_response("200 OK", fill_headers(kept.headers, nonce))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [fill(kept.content, nonce)]

    def _find(self, environ: dict[str, Any]) -> Kept | None:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or self._cookie in environ.get("HTTP_COOKIE", ""):
            return None
        query = environ.get("QUERY_STRING", "")
        page = _PAGE.fullmatch(query)
        if (query and not page) or environ["PATH_INFO"].startswith(_NEVER):
            return None
        try:
            with self._moments.connected():
                version = self._moments.version()
        except (OperationalError, InterfaceError, MaxConnectionsExceeded):
            return None  # the application says it properly
        return self._pages.get(key_of(environ, int(page[1]) if page else 1, version))
