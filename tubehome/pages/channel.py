"""A channel's page: its films by year, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby

from tubehome.base import text
from tubehome.library import queries
from tubehome.pages.parts import BANNERS, ChannelLink, Film, Still, channel_link, drawn, film

FILMS_A_PAGE = 12


@dataclass(frozen=True)
class ChannelPage:
    link: ChannelLink
    description_html: str  # safe
    banner: Still | None
    support: str
    years: tuple[tuple[int, tuple[Film, ...]], ...]
    page: int
    pages: int
    total: int
    first: int  # number of the first film shown, 0 when there is none
    last: int


def channel(name: str, page: int = 1) -> ChannelPage:
    """NotFound when there is no such channel."""
    found = queries.channel(name)
    total = found.listed_videos
    offset = (page - 1) * FILMS_A_PAGE
    films = [film(v, v.shown_pictures) for v in queries.latest(FILMS_A_PAGE, offset, found.id)]
    years = tuple((year, tuple(group)) for year, group in groupby(films, key=lambda f: f.published.year))
    return ChannelPage(
        link=channel_link(found),
        description_html=text.render_markdown(found.description) if found.description else "",
        banner=drawn(found.banner, BANNERS) if found.banner else None,
        support=found.support,
        years=years,
        page=page,
        pages=max(1, -(-total // FILMS_A_PAGE)),
        total=total,
        first=offset + 1 if films else 0,
        last=offset + len(films),
    )
