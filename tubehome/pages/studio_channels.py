"""Channels in the studio: the list, and one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import fn

from tubehome.library import access, queries
from tubehome.library.models import Video
from tubehome.library.words import LICENCES, Licence
from tubehome.pages.parts import BANNERS, ChannelLink, Still, channel_link, drawn


@dataclass(frozen=True)
class ChannelRow:
    link: ChannelLink
    videos: int  # all of them, the bin included
    listed: int


@dataclass(frozen=True)
class StudioChannel:
    link: ChannelLink
    banner: Still | None
    description: str
    support: str
    default_visibility: str
    default_language: str
    default_licence: str
    keep_originals: str  # a key of words.ORIGINALS
    kept_here: bool  # what "" means on this machine
    videos: int
    others: tuple[ChannelLink, ...]
    visibilities: tuple[str, ...]
    licences: tuple[tuple[str, Licence], ...]


def studio_channels() -> tuple[ChannelRow, ...]:
    rows: Any = Video.select(Video.channel, fn.COUNT(Video.id)).group_by(Video.channel).tuples()
    counted = dict(rows)
    return tuple(
        ChannelRow(channel_link(channel), counted.get(channel.id, 0), channel.listed_videos)
        for channel in queries.channels()
    )


def studio_channel(name: str, kept_here: bool) -> StudioChannel:
    """NotFound when there is no such channel. `kept_here`: the machine's settings say that originals are kept."""
    channel = queries.channel(name)
    return StudioChannel(
        link=channel_link(channel),
        banner=drawn(channel.banner, BANNERS) if channel.banner else None,
        description=channel.description,
        support=channel.support,
        default_visibility=channel.default_visibility,
        default_language=channel.default_language,
        default_licence=channel.default_licence,
        keep_originals=channel.keep_originals,
        kept_here=kept_here,
        videos=Video.select().where(Video.channel == channel).count(),
        others=tuple(channel_link(other) for other in queries.channels() if other.id != channel.id),
        visibilities=access.VISIBILITIES,
        licences=tuple(LICENCES.items()),
    )
