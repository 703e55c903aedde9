"""What several pages show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tubehome.base import clock, text, urls
from tubehome.library.models import Channel, Video


@dataclass(frozen=True)
class Still:
    """A thumbnail in several sizes: `(address, width in pixels)` from the smallest, of one shape."""

    webp: tuple[tuple[str, int], ...]
    jpeg: tuple[tuple[str, int], ...]
    width: int  # of the largest
    height: int


@dataclass(frozen=True)
class ChannelLink:
    name: str
    title: str
    path: str
    feed: str
    avatar: Still | None = None


@dataclass(frozen=True)
class Film:
    """A video as lists show it."""

    uuid: str
    path: str
    title: str
    channel: ChannelLink
    published: datetime
    duration: float
    still: Still | None  # None until a picture was made
    summary: str
    language: str  # of the film, "" when not said


def still(uuid: str, pictures: Iterable[Any]) -> Still | None:
    """From `library.models.Picture` rows, smallest first."""
    rows = list(pictures)
    if not rows:
        return None
    sets = {
        kind: tuple((urls.media(uuid, p.file), p.width) for p in rows if p.file.endswith(kind))
        for kind in (".webp", ".jpg")
    }
    return Still(sets[".webp"], sets[".jpg"], rows[-1].width, rows[-1].height)


def channel_link(channel: Channel) -> ChannelLink:
    return ChannelLink(
        channel.name, channel.title, urls.channel(channel.name), urls.feed("xml", channel.name),
        drawn(channel.avatar, AVATARS) if channel.avatar else None,
    )  # fmt: skip


AVATARS = ((96, 96), (240, 240), (480, 480))  # as flows.draw_channel makes them
BANNERS = ((800, 200), (1920, 480))


def drawn(stem: str, sizes: tuple[tuple[int, int], ...]) -> Still:
    """A picture of a channel in its sizes."""
    webp = tuple((urls.picture(f"{stem}-{width}.webp"), width) for width, _ in sizes)
    jpeg = tuple((urls.picture(f"{stem}-{width}.jpg"), width) for width, _ in sizes)
    return Still(webp, jpeg, *sizes[-1])


def film(video: Video, pictures: Iterable[Any]) -> Film:
    return Film(
        uuid=video.uuid,
        path=urls.watch(video.uuid),
        title=video.title,
        channel=channel_link(video.channel),
        published=clock.from_timestamp(video.published_at or video.created_at),
        duration=video.duration,
        still=still(video.uuid, pictures),
        summary=text.plain(video.description, 220),
        language=video.language,
    )
