"""What a feed says, as plain values: nothing here knows of XML, except which characters it cannot hold."""

from __future__ import annotations

import html
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from tubehome import settings
from tubehome.base import clock, text, urls
from tubehome.library import queries
from tubehome.library.models import Channel, Picture, Video
from tubehome.site import Site
from tubehome.store.db import content_version

NEWEST = 50
SUMMARY = 400  # characters
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAMESPACE = uuid.UUID("6a1b8f0e-6f0a-4a55-9e0b-6f2d3a7c51de")  # of our feeds' ids


@dataclass(frozen=True)
class Enclosure:
    address: str
    size: int  # bytes
    kind: str = "video/mp4"


@dataclass(frozen=True)
class Entry:
    id: str
    title: str
    address: str
    published: datetime
    updated: datetime
    summary: str  # plain text, one paragraph
    content: str  # safe HTML
    author: str
    duration: int  # seconds
    picture: str | None  # JPEG
    enclosure: Enclosure | None


@dataclass(frozen=True)
class Outline:
    """A whole feed."""

    id: str
    title: str
    description: str
    language: str
    page: str  # what it is the feed of
    updated: datetime
    entries: tuple[Entry, ...]


def outline(site: Site, base: str, channel_name: str | None) -> Outline:
    """The newest announced videos of the site, or of a channel (NotFound); `base` is put before every path."""
    chosen, (_, changed_at) = settings.read(), content_version()
    channel = queries.channel(channel_name) if channel_name is not None else None
    title = f"{channel.title} · {chosen.site_name}" if channel else chosen.site_name
    description = text.plain(channel.description, SUMMARY) if channel else chosen.description
    path = urls.channel(channel.name) if channel else urls.HOME
    videos = queries.for_feed(NEWEST, channel.id if channel else None)
    return Outline(
        id=_feed_id(site, channel),
        title=sound(title),
        description=sound(description) or sound(title),  # RSS wants one
        language=chosen.language,
        page=urls.absolute(base, path),
        updated=clock.from_timestamp(int(changed_at)),
        entries=tuple(_entry(base, video) for video in videos),
    )


def _entry(base: str, video: Video) -> Entry:
    address = urls.absolute(base, urls.watch(video.uuid))
    pictures = [p for p in video.shown_pictures if p.file.endswith(".jpg")]
    largest = pictures[-1] if pictures else None
    picture = urls.absolute(base, urls.media(video.uuid, largest.file)) if largest else None
    return Entry(
        id=f"urn:uuid:{video.uuid}",
        title=sound(video.title),
        address=address,
        published=clock.from_timestamp(int(video.published_at or video.created_at)),
        updated=clock.from_timestamp(int(video.updated_at)),
        summary=sound(text.plain(video.description, SUMMARY)),
        content=sound(_image(address, picture, largest) + _described(video.description)),
        author=sound(video.channel.title),
        duration=round(video.duration),
        picture=picture,
        enclosure=_enclosure(base, video),
    )


def _enclosure(base: str, video: Video) -> Enclosure | None:
    if video.progressive_height is None or not video.progressive_size:
        return None
    path = urls.media(video.uuid, f"{video.progressive_height}p.mp4")
    return Enclosure(urls.absolute(base, path), video.progressive_size)


def _image(address: str, picture: str | None, size: Picture | None) -> str:
    """The still, linked: readers that show no enclosure show at least this."""
    if picture is None or size is None:
        return ""
    shape = f'width="{size.width}" height="{size.height}"'
    return f'<p><a href="{html.escape(address)}"><img src="{html.escape(picture)}" {shape} alt=""></a></p>\n'


@lru_cache(maxsize=2 * NEWEST)
def _described(source: str) -> str:
    """A feed is made anew at each change of anything; its descriptions are nearly always the same."""
    return text.render_markdown(source) if source else ""


def _feed_id(site: Site, channel: Channel | None) -> str:
    """Of this instance's feed for ever, whatever its address becomes."""
    instance = site.files.instance.read_text().strip()
    return uuid.uuid5(_NAMESPACE, f"{instance}/{channel.name if channel else ''}").urn


def sound(said: str) -> str:
    """Without the characters that XML 1.0 cannot hold at all."""
    return _NOT_XML.sub("", said)
