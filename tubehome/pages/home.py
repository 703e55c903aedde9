"""The home page: the latest film leads, then the others, then the channels."""

from __future__ import annotations

from dataclasses import dataclass

from tubehome.base import text
from tubehome.library import queries
from tubehome.pages.parts import ChannelLink, Film, channel_link, film

FILMS_A_PAGE = 12


@dataclass(frozen=True)
class ChannelEntry:
    link: ChannelLink
    summary: str
    videos: int


@dataclass(frozen=True)
class HomePage:
    lead: Film | None  # on the first page alone; None when there is no video yet
    films: tuple[Film, ...]
    channels: tuple[ChannelEntry, ...]
    page: int  # 1 is the first
    pages: int
    total: int  # listed videos


def home(page: int = 1) -> HomePage:
    """One page of the home page; page numbers beyond the end give an empty list."""
    channels = queries.channels()
    total = sum(c.listed_videos for c in channels)
    first = page == 1
    # the lead takes one film of the first page
    shown = queries.latest(FILMS_A_PAGE + first, 0 if first else (page - 1) * FILMS_A_PAGE + 1)
    films = [film(v, v.shown_pictures) for v in shown]
    entries = tuple(ChannelEntry(channel_link(c), text.plain(c.description, 160), c.listed_videos) for c in channels)
    lead, rest = (films[0], films[1:]) if first and films else (None, films)
    pages = max(1, -(-(total - 1) // FILMS_A_PAGE))
    return HomePage(lead, tuple(rest), entries, page, pages, total)
