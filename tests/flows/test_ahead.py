"""A long film whose sound takes long: its beginning can be watched before that is done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tubehome.flows import machine, pipeline, retry
from tubehome.flows.intake import Intake, intake
from tubehome.flows.order import following
from tubehome.jobs import rows
from tubehome.library import kinds, queries
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.media.plan import Plan
from tubehome.site import Site
from tubehome.store import lock

pytestmark = pytest.mark.slow
FILM = "-f lavfi -i testsrc2=s=320x180:r=25:d=24 -f lavfi -i aevalsrc=random(0)-0.5:s=48000:d=24 -c:a flac".split()
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -crf 38".split()
WAYS = {"copied": [*FILM, *X264, "-g", "25"], "encoded": [*FILM, *X264, "-g", "600"]}
EARLY = [kinds.AHEAD, kinds.RANGE, kinds.APPEND]


@pytest.fixture
def small(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """As for hours of film, of which twenty seconds are enough here."""
    made = replace(site, config=replace(site.config, media=replace(site.config.media, heights=(180, 120))))
    policy = replace(
        machine.policy(made), preset="ultrafast", segment_seconds=1, range_seconds=4, long_seconds=20, ahead_seconds=9
    )
    monkeypatch.setattr(machine, "policy", lambda site: policy)
    return made


@pytest.fixture(params=WAYS)
def film(request: pytest.FixtureRequest, clip: Callable[..., Path]) -> Path:
    return clip(f"ahead-{request.param}.mkv", *WAYS[request.param])


def take(site: Site, path: Path) -> Video:
    with path.open("rb") as source:
        return intake(site, source, Intake(path.name, again=True), lambda _: None, machine.tools(site))


def work(site: Site, video: Video, until: Callable[[], bool] = lambda: False) -> Video:
    for _ in range(60):
        if until():
            break
        Step.update(next_try=0).execute()
        pipeline.advance(site, video.id, machine.tools(site))
    return Video.get_by_id(video.id)


def done(video: Video) -> list[str]:
    return [step.kind for step in queries.steps(video) if step.state == rows.DONE]


def voice(path: Path) -> list[str]:
    """The digest of each frame of sound."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-map", "0:a", "-c", "copy", "-f", "framemd5", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [line.split(",")[-1].strip() for line in said.splitlines() if not line.startswith("#")]


def test_its_beginning_is_out_before_its_sound_is_made(small: Site, film: Path) -> None:
    video = take(small, film)
    made = Plan.from_json(video.plan or "")
    assert made.copied == ("copied" in film.name)
    video = work(small, video, lambda: kinds.APPEND in done(video))
    assert done(video) == EARLY
    assert video.processing == Processing.PLAYABLE
    public = small.files.public(video.uuid)
    before = {path.name: path.read_bytes() for path in public.glob("*-fragmented.mp4")}
    assert len(before) == len(made.encoded)
    video = work(small, video, lambda: kinds.SOUND in done(video))
    assert done(video).count(kinds.APPEND) == made.early >= 2

    video = work(small, video)
    assert video.processing == Processing.READY, [(s.kind, s.detail) for s in queries.steps(video) if s.detail]
    for name, start in before.items():
        assert (public / name).read_bytes().startswith(start), "what was served stays"
    every = [voice(public / row.file) for row in queries.renditions(video)]
    assert len(every) == 2
    assert every[0] == every[1]
    assert len(every[0]) >= 24 * 48_000 // 1024
    assert not list(small.files.work(video.uuid).iterdir())


def test_then_the_sound_is_made_beside_the_ranges(small: Site, film: Path) -> None:
    video = take(small, film)
    work(small, video, lambda: kinds.AHEAD in done(video))
    first = queries.steps(video)[1]
    with lock.wait(rows.lock_path(small.files.run, first), exclusive=True, seconds=1):  # type: ignore[union-attr]
        Step.update(state=rows.RUNNING).where(Step.id == first.id).execute()
        assert following(small) is None, "nothing takes power from the first range"
    Step.update(state=rows.WAITING).where(Step.id == first.id).execute()
    work(small, video, lambda: kinds.APPEND in done(video))
    locks = []
    for step in queries.steps(video):  # all ranges, and the step that is next, are being worked on
        if step.state != rows.DONE and (step.kind == kinds.RANGE or not locks):
            locks.append(lock.wait(rows.lock_path(small.files.run, step), exclusive=True, seconds=1))
            Step.update(state=rows.RUNNING).where(Step.id == step.id).execute()
    chosen = following(small)
    assert chosen is not None
    assert Step.get_by_id(chosen.step_id).kind == kinds.SOUND
    for held in locks:
        assert held is not None
        held.release(remove=True)


def test_where_it_was_lost_it_is_made_again(small: Site, film: Path) -> None:
    """A restored backup has the rows, and not what lay beside them."""
    video = take(small, film)
    work(small, video, lambda: kinds.RANGE in done(video))
    for path in small.files.work(video.uuid).glob("ahead*"):
        path.unlink()
    video = work(small, video)
    if video.processing == Processing.FAILED:
        retry.retry(small, video)
        video = work(small, video)
    assert video.processing == Processing.READY
