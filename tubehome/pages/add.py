"""The page where videos are added: what may come, and what is said of it by default."""

from __future__ import annotations

from dataclasses import dataclass

from tubehome.library import access, queries
from tubehome.library.words import LANGUAGES
from tubehome.site import Site
from tubehome.uploads import desk

# bytes that an hour of 1080p takes: 8 Mbit/s as cameras and phones write it, and a little more for what is made of it
HOUR = 8_000_000_000


@dataclass(frozen=True)
class Choice:
    """A channel that a video may be added to."""

    name: str
    title: str
    visibility: str  # what its videos get, unless it is said otherwise


@dataclass(frozen=True)
class AddPage:
    free: int  # bytes that can still be promised, never less than 0
    hours: int  # of 1080p that fit in
    limit_bytes: int
    limit_seconds: int
    channels: tuple[Choice, ...]
    visibilities: tuple[str, ...]
    languages: tuple[tuple[str, str], ...]  # code, and name as a sentence of the catalogue


def add_page(site: Site) -> AddPage:
    free = max(0, desk.free_bytes(site))
    return AddPage(
        free=free,
        hours=free // HOUR,
        limit_bytes=site.config.limits.upload_bytes,
        limit_seconds=site.config.limits.duration_seconds,
        channels=tuple(Choice(c.name, c.title, c.default_visibility) for c in queries.channels()),
        visibilities=access.VISIBILITIES,
        languages=tuple(LANGUAGES.items()),
    )
