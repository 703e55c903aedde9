"""What surrounds every page of the studio: how much waits in each room."""

from __future__ import annotations

from dataclasses import dataclass

from tubehome.library.models import Video
from tubehome.library.processing import Processing


@dataclass(frozen=True)
class StudioFrame:
    queue: int  # videos being prepared, or waiting for it


def studio_frame() -> StudioFrame:
    idle = (Processing.READY, Processing.FAILED)
    return StudioFrame(queue=Video.select().where(Video.processing.not_in(idle), Video.removed.is_null()).count())
