"""A part of a film that cannot be encoded: the owner is asked, and the film goes on without it."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.base.errors import Refused, ToolFailed
from tubehome.flows import machine, pipeline, retry
from tubehome.flows.intake import Intake, intake
from tubehome.flows.skip import skip
from tubehome.jobs import rows
from tubehome.library import queries
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.media import ranges
from tubehome.media.plan import Plan
from tubehome.site import Site
from tubehome.store.db import db

pytestmark = pytest.mark.slow
# 12 s whose keyframes are too far apart to be copied, and the same with enough of them
FILM = "-f lavfi -i testsrc2=s=320x180:r=25:d=12 -f lavfi -i sine=f=330:r=48000:d=12 -c:a aac".split()
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -crf 38".split()
EVEN = [*FILM, *X264, "-g", "300"]
COPIED = [*FILM, *X264, "-bf", "2", "-g", "25"]


def take(site: Site, path: Path, title: str) -> Video:
    with path.open("rb") as source:
        return intake(site, source, Intake(path.name, title=title, again=True), lambda _: None, machine.tools(site))


def work(site: Site, video: Video) -> Video:
    tools = machine.tools(site, threading.Event())
    for _ in range(60):
        Step.update(next_try=0).execute()
        pipeline.advance(site, video.id, tools)
    return Video.get_by_id(video.id)


def fails(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real = ranges.encode_range

    def encode(source: Path, plan: Plan, span: Any, *more: Any) -> ranges.Made:
        if span.number == number:
            raise ToolFailed("A rendition of this video came out unreadable.", cause="error while decoding MB 12 3")
        return real(source, plan, span, *more)

    monkeypatch.setattr(ranges, "encode_range", encode)


def pictures(site: Site, video: Video, height: int) -> list[str]:
    """The digest of each picture of a size."""
    made = next(row for row in queries.renditions(video) if row.height == height)
    path = site.files.public(video.uuid) / made.file
    said = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-f", "framemd5", "-"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [line.split(",")[-1].strip() for line in said.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("kind", ["even", "copied"])
def test_a_film_goes_on_without_its_damaged_part(
    small: Site, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    film = clip(f"skip-{kind}.mp4", *(EVEN if kind == "even" else COPIED))
    whole = work(small, take(small, film, "whole"))
    assert whole.processing == Processing.READY, [(s.kind, s.detail) for s in queries.steps(whole) if s.detail]
    with pytest.raises(Refused, match="nothing to leave out"):
        skip(small, whole)
    fails(monkeypatch, 1)
    video = work(small, take(small, film, "holed"))
    step = next(step for step in queries.steps(video) if step.state == rows.FAILED)
    assert (video.processing, step.kind, step.number, step.attempts) == (Processing.FAILED, "range", 1, rows.ATTEMPTS)
    at = "0:02" if kind == "even" else "0:04"  # above a copied picture, the first ranges need not be short
    assert str(step.error) == f"At {at} the film is damaged: go on without that part?"
    assert step.error.sentence("fr").replace("\xa0", " ") == f"À {at}, le film est abîmé : continuer sans ce passage ?"
    assert "MB 12 3" in step.detail
    assert video.playable_at, "what lies before it can be watched"

    retry.retry(small, video)
    assert work(small, video).processing == Processing.FAILED, "tried again, it fails again"
    skip(small, video)
    with pytest.raises(Refused, match="nothing to leave out"):
        skip(small, video)  # a second click
    ready = work(small, video)
    assert ready.processing == Processing.READY, [(s.kind, s.state, s.detail) for s in queries.steps(video)]
    plan = Plan.from_json(ready.plan)
    assert plan.copied is (kind == "copied"), plan.refusal
    assert len(plan.spans) >= 3
    for rung in plan.rungs:
        before, after, span = pictures(small, whole, rung.height), pictures(small, video, rung.height), plan.spans[1]
        assert len(before) == len(after) == plan.frames
        if rung.copied:
            assert after == before, "a copy has nothing to do with decoding"
            continue
        hole = slice(span.a, span.a + span.frames)
        assert len(set(after[hole])) == 1
        assert after[: hole.start] == before[: hole.start]
        assert after[hole.stop :] == before[hole.stop :]
    assert (
        small.files.public(video.uuid) / f"{ready.progressive_height}p.mp4"
    ).stat().st_size == ready.progressive_size
    assert list(small.files.work(video.uuid).iterdir()) == []


def test_what_is_not_the_films_fault_is_not_called_damage(
    small: Site, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    video = take(small, clip("skip-even.mp4", *EVEN), "lost")
    fails(monkeypatch, 1)
    tools = machine.tools(small, threading.Event())
    while not Step.select().where(Step.video == video, Step.kind == "range", Step.state == rows.DONE).exists():
        pipeline.advance(small, video.id, tools)
    small.files.original(video.uuid).unlink()  # type: ignore[union-attr]
    lost = work(small, video)
    assert lost.processing == Processing.FAILED
    with pytest.raises(Refused, match="nothing to leave out"):
        skip(small, lost)
    assert db.is_connection_usable()
