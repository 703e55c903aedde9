"""The owner's first page: the list of videos, each with its state."""

from __future__ import annotations

from dataclasses import dataclass

from tubehome.base.errors import TubehomeError
from tubehome.library import queries
from tubehome.library.models import Video
from tubehome.library.processing import Processing
from tubehome.pages.parts import Film, film
from tubehome.pages.progress import Progress, progress

ROWS_A_PAGE = 50


@dataclass(frozen=True)
class StudioRow:
    film: Film
    visibility: str
    processing: str
    progress: Progress | None
    failure: TubehomeError | None
    removed: bool


@dataclass(frozen=True)
class StudioHome:
    rows: tuple[StudioRow, ...]
    page: int
    more: bool


def studio_home(page: int = 1) -> StudioHome:
    start = (page - 1) * ROWS_A_PAGE
    videos = list(queries.all_videos().limit(ROWS_A_PAGE + 1).offset(start))
    return StudioHome(tuple(_row(v) for v in videos[:ROWS_A_PAGE]), page, len(videos) > ROWS_A_PAGE)


def _row(video: Video) -> StudioRow:
    steps = queries.steps(video) if video.processing == Processing.FAILED else ()
    return StudioRow(
        film=film(video, queries.pictures(video)),
        visibility=video.visibility,
        processing=video.processing,
        progress=None if video.processing in (Processing.READY, Processing.FAILED) else progress(video),
        failure=next((s.error for s in steps if s.error), None),
        removed=video.removed is not None,
    )
