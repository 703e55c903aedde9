"""Our own files (style, scripts, fonts, signs), prepared once and served for ever.

At start the sources in `static/` become a catalogue: sheets joined, names hashed by content, addresses inside
sheets and imports inside our modules rewritten, text compressed. It lies in `<data>/cache/static-<fingerprint>/`,
appears whole (a rename), and a second start finds it. WhiteNoise serves what is in it and nothing else;
templates know only `static('name')`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import posixpath
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from whitenoise import WhiteNoise

from tubehome.base import ids
from tubehome.store.files import sync_folder

SOURCE = Path(__file__).parent / "static"
PREFIX = "/static/"
# the fewest requests: one sheet for everybody, one more for the owner's rooms
BUNDLES = {
    "css/site.css": ("css/tokens.css", "css/base.css", "css/components.css", "css/player.css"),
    "css/studio.css": (
        "css/studio-frame.css",
        "css/studio-doors.css",
        "css/studio-upload.css",
        "css/studio-videos.css",
        "css/studio-queue.css",
        "css/studio-settings.css",
    ),
}
_UNSERVED = ("vendor.lock.json",)
_TEXT = (".css", ".js", ".mjs", ".svg", ".txt", ".md", ".json")
_CSS_URL = re.compile(r"""url\(\s*(["']?)([^"')]+)\1\s*\)""")
_CSS_WORDS = re.compile(r"/\*.*?\*/\s*", re.DOTALL)  # comments are for the source
_JS_IMPORT = re.compile(r"""((?:\bfrom|\bimport)\s*\(?\s*)(["'])(\.{1,2}/[^"']+)\2""")
_LEFT_OVER = 3600.0  # seconds: an unfinished build this old has no builder any more


@dataclass(frozen=True)
class Catalogue:
    """The prepared files: `addresses` by name, `etags` by address, all below `folder`."""

    folder: Path
    fingerprint: str
    addresses: Mapping[str, str]

    def address(self, name: str) -> str:
        """The hashed address of a file; LookupError when there is none of that name."""
        if name not in self.addresses:
            raise LookupError(f"there is no static file {name!r}")
        return self.addresses[name]


class _Press:
    """Turns sources into finished files; a file is finished after those that it names."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        self._sources = sources
        self._open: set[str] = set()
        self.finished: dict[str, bytes] = {}
        self.addresses: dict[str, str] = {}

    def address(self, name: str) -> str:
        if name in self.addresses:
            return self.addresses[name]
        if name not in self._sources:
            raise LookupError(f"there is no static file {name!r}")
        if name in self._open:
            raise LookupError(f"static files name each other in a circle: {name!r}")
        self._open.add(name)
        body = self._rewritten(name)
        stem, ending = posixpath.splitext(name)
        hashed = f"{stem}.{hashlib.sha256(body).hexdigest()[:12]}{ending}"
        self.finished[hashed] = body
        self.addresses[name] = PREFIX + quote(hashed)
        return self.addresses[name]

    def _rewritten(self, name: str) -> bytes:
        body = self._sources[name]
        if name.startswith("vendor/"):  # taken as it is: its checksum stands in the lock
            return body
        if name.endswith(".css"):
            return _CSS_URL.sub(lambda m: self._in_sheet(name, m), _CSS_WORDS.sub("", body.decode())).encode()
        if name.endswith((".js", ".mjs")):
            return _JS_IMPORT.sub(lambda m: self._in_module(name, m), body.decode()).encode()
        return body

    def _in_sheet(self, name: str, found: re.Match[str]) -> str:
        target = found[2]
        if target.startswith(("data:", "#", "/", "http:", "https:")):
            return found[0]
        path, mark, rest = target.partition("#")
        return f'url("{self.address(_beside(name, path))}{mark}{rest}")'

    def _in_module(self, name: str, found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}{self.address(_beside(name, found[3]))}{found[2]}"


def _beside(name: str, relative: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), relative))


def _read(source: Path) -> dict[str, bytes]:
    """Every file by its name; sheets that go into a bundle are only there."""
    paths = (p for p in sorted(source.rglob("*")) if p.is_file() and p.name not in _UNSERVED)
    files = {p.relative_to(source).as_posix(): p.read_bytes() for p in paths if not p.name.startswith(".")}
    for bundle, parts in BUNDLES.items():
        if parts[0] in files:
            files[bundle] = b"\n".join(files.pop(part) for part in parts)
    return files


def prepare(cache: Path, source: Path = SOURCE) -> Catalogue:
    """The catalogue of `source`, built below `cache` unless it is there; catalogues of other versions go."""
    sources = _read(source)
    press = _Press(sources)
    for name in sources:
        press.address(name)
    # an address holds the hash of its file, so the addresses say everything
    fingerprint = hashlib.sha256("\n".join(sorted(press.finished)).encode()).hexdigest()[:16]
    folder = cache / f"static-{fingerprint}"
    if not folder.is_dir():
        _build(folder, press.finished)
    _tidy(cache, folder)
    return Catalogue(folder, fingerprint, press.addresses)


def _build(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes all beside, then renames: half a catalogue is never served. Who comes second takes the first one's."""
    part = folder.with_name(f"{folder.name}.{ids.new_uuid()}.part")
    try:
        for name, body in files.items():
            _write(part / name, body)
            if name.endswith(_TEXT):
                small = gzip.compress(body, 9, mtime=0)
                if len(small) < len(body):
                    _write(part / f"{name}.gz", small)
        try:
            os.rename(part, folder)
        except OSError:
            if not folder.is_dir():
                raise
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as out:
        out.write(body)
        out.flush()
        os.fsync(out.fileno())  # the rename must not outlive the bytes in a power cut


def _tidy(cache: Path, kept: Path) -> None:
    for other in cache.glob("static-*"):
        if other != kept and not _being_built(other):
            shutil.rmtree(other, ignore_errors=True)


def _being_built(folder: Path) -> bool:
    try:
        return folder.name.endswith(".part") and time.time() - folder.stat().st_mtime < _LEFT_OVER
    except FileNotFoundError:  # its builder has just finished
        return True


def serve(application: Callable[..., Any], catalogue: Catalogue) -> WhiteNoise:
    """WSGI: answers `/static/…` from the catalogue, hands everything else on."""

    def headers(made: Any, path: str, url: str) -> None:
        made["ETag"] = f'"{url.rsplit(".", 2)[-2]}"' if url.count(".") > 1 else f'"{catalogue.fingerprint}"'
        made["X-Content-Type-Options"] = "nosniff"
        made["Cross-Origin-Resource-Policy"] = "same-origin"
        # a sheet or a sign that is opened as a page of its own may do nothing
        made["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

    return WhiteNoise(
        application,
        root=str(catalogue.folder),
        prefix=PREFIX,
        allow_all_origins=False,
        add_headers_function=headers,
        immutable_file_test=lambda path, url: True,
    )
