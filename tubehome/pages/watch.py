"""The watch page of one video, from "being prepared" to ready."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tubehome.base import text, urls
from tubehome.base.errors import NotFound, TubehomeError
from tubehome.jobs import rows
from tubehome.library import access, queries
from tubehome.library.kinds import STORYBOARD
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.library.words import LICENCES, Licence
from tubehome.pages.parts import Film, film
from tubehome.pages.progress import Progress, progress
from tubehome.pages.stopped import damaged_parts, why

NEXT_FILMS = 5


@dataclass(frozen=True)
class Download:
    path: str
    height: int
    size: int


@dataclass(frozen=True)
class WatchPage:
    film: Film
    visibility: str  # of library.access, or its BIN
    description_html: str  # safe
    playable: bool
    master: str  # HLS, when playable
    sheet: str  # WebVTT of the small pictures along the bar, "" when there is none
    progressive: Download | None  # one MP4 file, when there is one
    heights: tuple[int, ...]  # sizes that can be played now, largest first
    width: int  # of the picture, for the player's shape
    height: int
    progress: Progress | None  # while something is still being made; None when all is ready
    failure: TubehomeError | None  # for the owner alone
    held: bool  # by the owner; for the owner alone
    owner: bool
    tags: tuple[str, ...]
    licence: Licence | None
    next: tuple[Film, ...]


def watch(short: str, viewer: access.Viewer) -> WatchPage:
    """NotFound when there is no such video, or when this viewer may not know of it."""
    video = queries.video(short)
    if not access.may_see(video, viewer):
        raise NotFound("There is no video {id}.", id=short[:60])
    made = queries.renditions(video)
    playable = video.playable_at is not None and bool(made)
    return WatchPage(
        film=film(video, queries.pictures(video)),
        visibility=access.BIN if video.removed else video.visibility,
        description_html=_described(video),
        playable=playable,
        master=urls.master(video.uuid),
        sheet=_sheet(video),
        progressive=_progressive(video),
        heights=tuple(r.height for r in made),
        width=video.width or 16,
        height=video.height or 9,
        progress=None if video.processing == Processing.READY else progress(video),
        failure=_failure(video) if viewer.owner else None,
        held=viewer.owner and video.held_at is not None,
        owner=viewer.owner,
        tags=tuple(json.loads(video.tags)),
        licence=LICENCES.get(video.licence),
        next=_next(video),
    )


def _described(video: Video) -> str:
    """Safe, and each time in it leads to that moment."""
    return text.link_times(text.render_markdown(video.description), video.duration) if video.description else ""


def _sheet(video: Video) -> str:
    made = (Step.video == video) & (Step.kind == STORYBOARD) & (Step.state == rows.DONE)
    return urls.media(video.uuid, "storyboard.vtt") if Step.select().where(made).exists() else ""


def _progressive(video: Video) -> Download | None:
    if video.progressive_height is None or video.progressive_size is None:
        return None
    path = urls.media(video.uuid, f"{video.progressive_height}p.mp4")
    return Download(path, video.progressive_height, video.progressive_size)


def _failure(video: Video) -> TubehomeError | None:
    if video.processing != Processing.FAILED:
        return None
    found = next((s.error for s in queries.steps(video) if s.state == "failed" and s.error), None)
    return why(found, damaged_parts(video.id).get(video.id, []))


def _next(video: Video) -> tuple[Film, ...]:
    """The channel's latest others."""
    others = queries.latest(NEXT_FILMS + 1, 0, video.channel_id)
    return tuple(film(v, v.shown_pictures) for v in others if v.id != video.id)[:NEXT_FILMS]
