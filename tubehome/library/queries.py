"""Reading lists of videos. Every list is bounded, and costs the same at 100 and at 100,000 videos."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tubehome.base import ids
from tubehome.base.errors import NotFound
from tubehome.library.access import announced, listed
from tubehome.library.models import Channel, Picture, Rendition, Step, Video


def video(text: str) -> Video:
    """The video of a UUID or short form; NotFound otherwise. The caller asks `may_see`."""
    try:
        uuid = ids.parse(text)
    except ValueError as error:
        raise NotFound("There is no video {id}.", id=text[:60]) from error
    found: Video | None = Video.select(Video, Channel).join(Channel).where(Video.uuid == uuid).first()
    if found is None:
        raise NotFound("There is no video {id}.", id=text[:60])
    return found


def channel(name: str) -> Channel:
    found: Channel | None = Channel.get_or_none(Channel.name == name, Channel.removed_at.is_null())
    if found is None:
        raise NotFound("There is no channel {name}.", name=name[:60])
    return found


def channels() -> Sequence[Channel]:
    """Those that are there, the oldest first."""
    return list(Channel.select().where(Channel.removed_at.is_null()).order_by(Channel.id))


def latest(limit: int, offset: int = 0, channel_id: int | None = None) -> Sequence[Video]:
    """Listed videos with their channel and pictures, newest first."""
    chosen = listed() if channel_id is None else listed() & (Video.channel == channel_id)
    return _with_pictures(chosen, limit, offset)


def for_feed(limit: int, channel_id: int | None = None) -> Sequence[Video]:
    """Announced videos with their channel and pictures, newest first."""
    chosen = announced() if channel_id is None else announced() & (Video.channel == channel_id)
    return _with_pictures(chosen, limit, 0)


# what lists and feeds show of a video: reading all its columns would cost half of an uncached page
_SHOWN = (Video.id, Video.uuid, Video.channel, Video.title, Video.description, Video.language, Video.duration,
          Video.created_at, Video.updated_at, Video.published_at, Video.progressive_height, Video.progressive_size,
          Channel.id, Channel.name, Channel.title, Channel.avatar)  # fmt: skip


def _with_pictures(chosen: object, limit: int, offset: int) -> Sequence[Video]:
    query = (
        Video.select(*_SHOWN)
        .join(Channel)
        .where(chosen)
        .order_by(Video.published_at.desc(), Video.id.desc())
        .limit(limit)
        .offset(offset)
    )
    page = list(query)
    pictures: dict[int, list[Any]] = {}
    columns = Picture.select(Picture.video, Picture.file, Picture.width, Picture.height)
    rows: Iterable[Any] = columns.where(Picture.video << [v.id for v in page]).order_by(Picture.width).namedtuples()
    for row in rows:
        pictures.setdefault(row.video, []).append(row)
    for item in page:
        item.shown_pictures = pictures.get(item.id, [])
    return page


def pictures(found: Video) -> Sequence[Picture]:
    return list(Picture.select().where(Picture.video == found).order_by(Picture.width))


def renditions(found: Video) -> Sequence[Rendition]:
    """Largest first."""
    return list(Rendition.select().where(Rendition.video == found).order_by(Rendition.height.desc()))


def steps(found: Video) -> Sequence[Step]:
    return list(Step.select().where(Step.video == found).order_by(Step.position))


def all_videos() -> Any:
    """Every video, the bin included, newest first: for the owner."""
    return Video.select(Video, Channel).join(Channel).order_by(Video.id.desc())


def same_source(sha256: str) -> Video | None:
    """A video that was made from the same bytes and is not in the bin."""
    same = (Video.source_sha256 == sha256) & Video.removed.is_null()
    found: Video | None = Video.select(Video, Channel).join(Channel).where(same).first()
    return found
