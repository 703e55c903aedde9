"""Finished pages and feeds for strangers, kept in memory until the content changes.

The key is the request (path, page, host) and the content version, so nothing is ever invalidated: changed
content has other keys, and old entries are pushed out. A page is kept with the place of its nonce open (see
`security`); everything else of the answer is kept as it is sent.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from werkzeug.http import parse_date

from tubehome import __version__
from tubehome.web.moment import Version

LIMIT = 8_000_000  # bytes kept in memory
_OVERHEAD = 2000  # what an entry costs besides its body, about
_FEEDS = (".xml", ".atom")

_REFUSED = re.compile(r";q=0(\.0*)?$")
Key = tuple[str | int | float | bool, ...]


@dataclass(frozen=True)
class Body:
    """What a view made. `keep`: may others be answered with it as long as the content version is the same?"""

    content: bytes
    mimetype: str = "text/html"
    keep: bool = True
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Kept:
    """A finished answer. `changed`: for those that readers ask for by date, seconds since 1970."""

    content: bytes
    headers: tuple[tuple[str, str], ...]
    tag: str
    changed: int | None

    @property
    def size(self) -> int:
        return len(self.content) + _OVERHEAD


@dataclass
class PageCache:
    """The least recently used go first, when there is no more room. Safe for threads."""

    seal: str  # of the program and its static files: pages of another version have other validators
    limit: int = LIMIT
    _held: OrderedDict[Key, Kept] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Key) -> Kept | None:
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
            return found

    def put(self, key: Key, made: Kept) -> None:
        if made.size > self.limit // 4:  # one giant must not push out everything
            return
        with self._lock:
            old = self._held.pop(key, None)
            self._bytes += made.size - (old.size if old else 0)
            self._held[key] = made
            while self._bytes > self.limit:
                _, gone = self._held.popitem(last=False)
                self._bytes -= gone.size

    def clear(self) -> None:
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def tag(self, key: Key) -> str:
        """The validator of a key: weak, as the nonce differs each time."""
        said = repr((__version__, self.seal, key))
        return f'W/"{hashlib.blake2b(said.encode(), digest_size=12).hexdigest()}"'

    @property
    def bytes(self) -> int:
        return self._bytes

    def __len__(self) -> int:
        return len(self._held)


def key_of(environ: dict[str, Any], page: int, version: Version) -> Key:
    """What an answer depends on. (Its language stands in the path.)"""
    path = environ["PATH_INFO"]
    small = path.endswith(_FEEDS) and takes_gzip(environ)
    return (path, page, environ["wsgi.url_scheme"], environ.get("HTTP_HOST", ""), small, *version)


def takes_gzip(environ: dict[str, Any]) -> bool:
    asked = environ.get("HTTP_ACCEPT_ENCODING", "").replace(" ", "").lower().split(",")
    return any(one.partition(";")[0] == "gzip" and not _REFUSED.search(one) for one in asked)


def is_current(environ: dict[str, Any], tag: str, changed: int | None) -> bool:
    """Has the asker this very answer? RFC 9110, 13.2.2: If-None-Match decides alone when it is there."""
    asked = environ.get("HTTP_IF_NONE_MATCH")
    if asked:
        return any(one.strip().removeprefix("W/") == tag[2:] for one in asked.split(","))
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    if since and changed is not None:
        date = parse_date(since)
        return date is not None and changed <= date.timestamp()
    return False


def compressed(body: Body) -> Body:
    """The same, gzipped: for feeds, whose readers come back all day."""
    return Body(gzip.compress(body.content, 6, mtime=0), body.mimetype, body.keep,
                (*body.headers, ("Content-Encoding", "gzip")))  # fmt: skip
