"""The owner's list of videos: found, sorted, filtered, a page at a time; each row with its state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from peewee import fn

from tubehome.base import text
from tubehome.base.errors import TubehomeError
from tubehome.jobs import rows
from tubehome.library import access, queries
from tubehome.library.models import Channel, Picture, Step, Video
from tubehome.library.processing import Processing
from tubehome.pages.parts import ChannelLink, Film, channel_link, film
from tubehome.pages.progress import Progress, Tally, progress_of, tallies
from tubehome.pages.stopped import damaged_parts, why

ROWS_A_PAGE = 50
_DATE = fn.COALESCE(Video.published_at, Video.created_at)
SORTS = {
    "new": (_DATE.desc(), Video.id.desc()),
    "old": (_DATE.asc(), Video.id.asc()),
    "title": (Video.title.collate("NOCASE").asc(), Video.id.desc()),
    "long": (Video.duration.desc(), Video.id.desc()),
}
STATES = ("ready", "preparing", "failed", "held", "bin")
_IDLE = (Processing.READY, Processing.FAILED)


@dataclass(frozen=True)
class Wanted:
    """What the owner looks for; "" is everything."""

    words: str = ""
    state: str = ""
    privacy: str = ""
    channel: str = ""
    sort: str = "new"
    page: int = 1

    def query(self, **changed: object) -> str:
        """As an address says it: `?…`, without what is not asked; "" when nothing is."""
        said = replace(self, **changed)  # type: ignore[arg-type]
        sort, page = "" if said.sort == "new" else said.sort, said.page if said.page > 1 else ""
        named = {"q": said.words, "state": said.state, "privacy": said.privacy, "channel": said.channel,
                 "sort": sort, "page": page}  # fmt: skip
        kept = {name: value for name, value in named.items() if value}
        return f"?{urlencode(kept)}" if kept else ""

    @property
    def narrowed(self) -> bool:
        return bool(self.words or self.state or self.privacy or self.channel)


@dataclass(frozen=True)
class StudioRow:
    film: Film
    visibility: str
    processing: str
    held: bool
    playable: bool
    progress: Progress | None  # while something is being made
    failure: TubehomeError | None
    removed: bool


@dataclass(frozen=True)
class StudioVideos:
    rows: tuple[StudioRow, ...]
    wanted: Wanted
    pages: int
    total: int  # that were found
    first: int  # number of the first row shown, 0 when there is none
    last: int
    channels: tuple[ChannelLink, ...]
    any: bool  # is there a video at all, the bin included?
    binned: int


def wanted(said: Mapping[str, str]) -> Wanted:
    """From an address. What means nothing is left out, as old bookmarks should still open."""
    return Wanted(
        words=text.clean_line(said.get("q", ""))[:200],
        state=said.get("state", "") if said.get("state") in STATES else "",
        privacy=said.get("privacy", "") if said.get("privacy") in access.VISIBILITIES else "",
        channel=said.get("channel", "")[:60],
        sort=said.get("sort", "new") if said.get("sort") in SORTS else "new",
    )


def studio_videos(asked: Wanted) -> StudioVideos:
    """One page of what was found."""
    # Ids alone first: sorting thousands of whole rows, plans included, would cost more than the page itself.
    matching: Any = Video.select(Video.id).join(Channel).where(_chosen(asked)).order_by(*SORTS[asked.sort])
    start = (asked.page - 1) * ROWS_A_PAGE
    if asked.words:  # every title is looked at, once
        ids = [video_id for (video_id,) in matching.tuples()]
        total, shown = len(ids), ids[start : start + ROWS_A_PAGE]
    else:
        total = matching.count()
        shown = [video_id for (video_id,) in matching.limit(ROWS_A_PAGE).offset(start).tuples()]
    found = sorted(
        Video.select(Video, Channel).join(Channel).where(Video.id << shown), key=lambda video: shown.index(video.id)
    )
    return StudioVideos(
        rows=studio_rows(found),
        wanted=asked,
        pages=max(1, -(-total // ROWS_A_PAGE)),
        total=total,
        first=start + 1 if found else 0,
        last=start + len(found),
        channels=tuple(channel_link(channel) for channel in queries.channels()),
        any=bool(found) or Video.select().exists(),
        binned=Video.select().where(Video.removed.is_null(False)).count(),
    )


def _chosen(asked: Wanted) -> Any:
    chosen = Video.removed.is_null(False) if asked.state == "bin" else Video.removed.is_null()
    if asked.state == "ready":
        chosen &= Video.processing == Processing.READY
    elif asked.state == "preparing":
        chosen &= Video.processing.not_in(_IDLE) & Video.held_at.is_null()
    elif asked.state == "failed":
        chosen &= Video.processing == Processing.FAILED
    elif asked.state == "held":
        chosen &= Video.processing.not_in(_IDLE) & Video.held_at.is_null(False)
    if asked.privacy:
        chosen &= Video.visibility == asked.privacy
    if asked.channel:
        chosen &= Channel.name == asked.channel
    for word in text.fold(asked.words).split()[:10]:
        chosen &= fn.fold(Video.title).contains(word)
    return chosen


def studio_rows(found: Sequence[Video]) -> tuple[StudioRow, ...]:
    """Rows for these videos, with a fixed number of questions whatever their number."""
    ids = [video.id for video in found]
    pictures: dict[int, list[Any]] = {}
    for picture in Picture.select().where(Picture.video << ids).order_by(Picture.width):
        pictures.setdefault(picture.video_id, []).append(picture)
    counted = tallies([video.id for video in found if video.processing != Processing.READY])
    broken = damaged_parts(*(video.id for video in found if video.processing == Processing.FAILED))
    return tuple(
        _row(video, pictures.get(video.id, []), counted.get(video.id, Tally()), broken.get(video.id, []))
        for video in found
    )


def _row(video: Video, pictures: Sequence[Any], tally: Tally, broken: Sequence[Step]) -> StudioRow:
    idle = video.processing in _IDLE or video.removed is not None
    failed = tally.now.error if tally.now and tally.now.state == rows.FAILED else None
    return StudioRow(
        film=film(video, pictures),
        visibility=video.visibility,
        processing=video.processing,
        held=video.held_at is not None and not idle,
        playable=video.playable_at is not None,
        progress=None if idle else progress_of(video, tally),
        failure=why(failed, broken) if video.processing == Processing.FAILED else None,
        removed=video.removed is not None,
    )


def states(uuids: Sequence[str]) -> tuple[StudioRow, ...]:
    """The rows of the videos that are being shown, as they are now."""
    found = list(Video.select(Video, Channel).join(Channel).where(Video.uuid << list(uuids)[:ROWS_A_PAGE]))
    return studio_rows(found)
