"""A video's page in the studio: what is said of it, how its preparation goes, what was made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tubehome.base import clock, text, urls
from tubehome.base.errors import NotFound, TubehomeError
from tubehome.jobs import rows
from tubehome.library import access, queries
from tubehome.library.limits import DESCRIPTION_MAX, KEPT_SECONDS
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.library.speed import measured_speed
from tubehome.library.words import LICENCES, Licence
from tubehome.pages.making import Making, making
from tubehome.pages.parts import ChannelLink, Film, channel_link, film
from tubehome.pages.progress import Progress, Tally, progress_of, tally_of
from tubehome.pages.stopped import damaged_parts, why
from tubehome.site import Site


@dataclass(frozen=True)
class Failure:
    error: TubehomeError | None
    detail: str  # what the tool said: for the owner alone


@dataclass(frozen=True)
class StudioVideo:
    film: Film
    short: str
    title: str
    description: str
    tags: tuple[str, ...]
    language: str
    licence: str
    visibility: str
    channel: str
    version: str  # of what is said; a save that was begun on an older one is told so
    channels: tuple[ChannelLink, ...]
    licences: tuple[tuple[str, Licence], ...]
    visibilities: tuple[str, ...]
    title_max: int
    description_max: int
    processing: str
    held: bool
    playable: bool
    progress: Progress | None
    making: Making | None
    failure: Failure | None
    damaged: int  # parts of it that cannot be encoded: it may go on without
    may_end: bool  # enough is ready to be kept
    removed: bool
    gone_on: datetime | None  # when the bin lets go of it
    published: datetime | None
    source_name: str
    source_size: int
    heights: tuple[int, ...]
    made_bytes: int
    picture: str  # what was chosen, "" for the one that the site chose
    candidates: tuple[int, ...]
    media: str  # a file that a plain player plays, "" when there is none
    original: bool  # is the file as it was given still here?


def studio_video(site: Site, name: str) -> StudioVideo:
    """NotFound when there is no such video; the owner's bin is included."""
    video = queries.video(name)
    tally = tally_of(video)
    made = queries.renditions(video)
    broken = damaged_parts(video.id).get(video.id, [])
    idle = video.processing in (Processing.READY, Processing.FAILED) or video.removed is not None
    ended = video.processing == Processing.READY or video.removed is not None
    shown = film(video, queries.pictures(video))
    return StudioVideo(
        film=shown,
        short=shown.path.rsplit("/", 1)[1],
        title=video.title,
        description=video.description,
        tags=tuple(json.loads(video.tags)),
        language=video.language,
        licence=video.licence,
        visibility=video.visibility,
        channel=video.channel.name,
        version=version(video),
        channels=tuple(channel_link(channel) for channel in queries.channels()),
        licences=tuple(LICENCES.items()),
        visibilities=access.VISIBILITIES,
        title_max=text.TITLE_MAX,
        description_max=DESCRIPTION_MAX,
        processing=video.processing,
        held=video.held_at is not None and not idle,
        playable=video.playable_at is not None,
        progress=None if idle else progress_of(video, tally),
        making=None if ended else making(video, tally, measured_speed()),
        failure=_failure(tally, broken),
        damaged=len(broken),
        may_end=video.out_at is not None,
        removed=video.removed is not None,
        gone_on=clock.from_timestamp(video.removed_at + KEPT_SECONDS) if video.removed_at else None,
        published=clock.from_timestamp(video.published_at) if video.published_at else None,
        source_name=video.source_name,
        source_size=video.source_size,
        heights=tuple(rendition.height for rendition in made),
        made_bytes=sum(rendition.size for rendition in made) + (video.progressive_size or 0),
        picture=video.thumbnail,
        candidates=_candidates(site, video),
        media=urls.media(video.uuid, f"{video.progressive_height}p.mp4") if video.progressive_height else "",
        original=site.files.original(video.uuid) is not None,
    )


def _candidates(site: Site, video: Video) -> tuple[int, ...]:
    folder = site.files.candidates(video.uuid)
    return tuple(number for number in (1, 2, 3) if (folder / f"candidate-{number}.jpg").is_file())


def version(video: Video) -> str:
    """Changes whenever what is said of the video does."""
    return f"{video.edited_at:.6f}"


def find(name: str) -> Video:
    """The video of an address of the studio; NotFound."""
    try:
        return queries.video(name)
    except NotFound:
        raise NotFound("There is no video {id}.", id=name[:60]) from None


def _failure(tally: Tally, broken: Sequence[Step]) -> Failure | None:
    now = tally.now
    return Failure(why(now.error, broken), now.detail or "") if now and now.state == rows.FAILED else None
