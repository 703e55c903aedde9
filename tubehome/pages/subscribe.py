"""How to follow the site, or one channel: the addresses that exist."""

from __future__ import annotations

from dataclasses import dataclass

from tubehome.base import urls
from tubehome.library import queries
from tubehome.pages.parts import ChannelLink, channel_link


@dataclass(frozen=True)
class SubscribePage:
    chosen: ChannelLink | None  # None: the whole site
    channels: tuple[ChannelLink, ...]
    rss: str  # paths
    atom: str


def subscribe(name: str = "") -> SubscribePage:
    """NotFound when there is no channel of this name."""
    chosen = channel_link(queries.channel(name)) if name else None
    channels = tuple(channel_link(channel) for channel in queries.channels())
    return SubscribePage(chosen, channels, urls.feed("xml", name or None), urls.feed("atom", name or None))
