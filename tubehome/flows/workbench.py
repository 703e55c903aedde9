"""What a step works with: its plan, its source, and where it puts what it makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tubehome.library.kinds import AHEAD, APPEND, RANGE, SOUND
from tubehome.library.models import Step, Video
from tubehome.media import sound as sounds
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan, Span
from tubehome.site import Site
from tubehome.store.files import Files


@dataclass(frozen=True)
class Bench:
    """What a step works with."""

    site: Site
    video: Video
    step: Step
    plan: Plan
    tools: Tools
    source: Path

    @property
    def files(self) -> Files:
        return self.site.files

    @property
    def public(self) -> Path:
        return self.site.files.public(self.video.uuid)

    @property
    def work(self) -> Path:
        return self.site.files.work(self.video.uuid)

    @property
    def part(self) -> Path:
        """This attempt's own temporary name."""
        return self.work / f"{self.step.id}-{self.step.attempts}-{self.step.deaths}.part"

    @property
    def span(self) -> Span:
        return self.plan.spans[self.step.number]

    @property
    def sound(self) -> Path | None:
        """What this step takes its sound from; None: there is none."""
        if not self.plan.sound:
            return None
        return self.work / ("ahead.aac" if self.takes_ahead else "sound.aac")

    @property
    def takes_ahead(self) -> bool:
        return self.step.kind == AHEAD or (self.step.kind == APPEND and self.step.number < self.plan.early)


Rows = Callable[[], None]


def range_file(work: Path, number: int, height: int) -> Path:
    return work / f"range-{number}-{height}.mp4"


def intermediate(work: Path, step: Step, plan: Plan) -> tuple[Path, ...]:
    """The files in the work folder that a step makes for later ones."""
    if step.kind in (SOUND, AHEAD):
        sound = work / ("sound.aac" if step.kind == SOUND else "ahead.aac")
        return (sound, sounds.index_of(sound))
    if step.kind == RANGE:
        return tuple(range_file(work, step.number, rung.height) for rung in plan.encoded)
    return ()
