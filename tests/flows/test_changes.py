"""A film of which only its copy shows that it cannot be one: planned anew, and all of it can be watched in the end."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubehome.flows import machine, pipeline
from tubehome.flows.intake import Intake, intake
from tubehome.flows.workbench import range_file
from tubehome.jobs import rows
from tubehome.library import kinds, queries
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.media import copying, growing, ranges
from tubehome.media.plan import Plan
from tubehome.media.ranges import encode_range
from tubehome.site import Site

pytestmark = pytest.mark.slow
SECONDS = 6  # of each half
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -crf 38 -g 25".split()


def half(size: str) -> list[str]:
    sound = ["-f", "lavfi", "-i", f"aevalsrc=random(0)-0.5:s=48000:d={SECONDS}", "-c:a", "mp2"]
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={SECONDS}", *sound, *X264]


@pytest.fixture
def film(clip: Callable[..., Path], tmp_path: Path) -> Path:
    """Two sizes in one Matroska, as an editor joins them that keeps their bytes."""
    parts = [clip(f"changes-{size}.mkv", *half(size)) for size in ("320x180", "240x180")]
    (tmp_path / "parts").write_text("".join(f"file '{part}'\n" for part in parts))
    joined = tmp_path / "joined.mkv"
    command = ["ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", tmp_path / "parts", "-c", "copy", joined]
    subprocess.run(command, check=True)
    return joined


@pytest.fixture
def small(site: Site, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Site:
    """`early`: as of hours of film, its beginning can be watched before its sound is made, and that before the copy."""
    made = replace(site, config=replace(site.config, media=replace(site.config.media, heights=(180, 120))))
    policy = replace(machine.policy(made), preset="ultrafast", segment_seconds=1, range_seconds=4)
    if getattr(request, "param", False):
        policy = replace(policy, long_seconds=10, ahead_seconds=5)
    monkeypatch.setattr(machine, "policy", lambda site: policy)
    return made


def take(site: Site, path: Path) -> Video:
    with path.open("rb") as source:
        return intake(site, source, Intake(path.name), lambda _: None, machine.tools(site))


def work(site: Site, video: Video, until: Callable[[], bool] = lambda: False) -> Video:
    for _ in range(60):
        if until():
            break
        Step.update(next_try=0).execute()
        pipeline.advance(site, video.id, machine.tools(site))
    return Video.get_by_id(video.id)


def kinds_of(video: Video, state: str) -> list[str]:
    return [step.kind for step in queries.steps(video) if step.state == state]


def is_whole(site: Site, video: Video) -> None:
    """Ready, each size decodes without a word to its last picture, and nothing is left over."""
    assert video.processing == Processing.READY, [(s.kind, s.last_error) for s in queries.steps(video) if s.last_error]
    made, public = Plan.from_json(video.plan), site.files.public(video.uuid)
    assert (made.copied, made.refusal) == (False, copying.CHANGES_FORMAT)
    found = queries.renditions(video)
    assert [row.height for row in found] == [rung.height for rung in made.rungs] == [180, 120]
    assert (video.width, video.height) == (found[0].width_px, found[0].height_px)
    for row in found:
        assert len(pictures(public / row.file)) == made.frames == 50 * SECONDS
    assert {path.name for path in public.glob("*-fragmented.mp4")} == {row.file for row in found}
    assert len(list(public.glob("*.m3u8"))) == 3
    assert not list(site.files.work(video.uuid).iterdir())


def pictures(path: Path) -> list[str]:
    """A digest of each, decoded without a word."""
    command = ["ffmpeg", "-v", "warning", "-i", path, "-map", "0:v", "-f", "framemd5", "-"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not said.stderr
    return [line.split(",")[-1] for line in said.stdout.splitlines() if not line.startswith("#")]


def copied_so_far(video: Video) -> bool:
    return Plan.from_json(Video.get_by_id(video.id).plan).copied


def test_it_is_planned_anew_and_becomes_whole(small: Site, film: Path) -> None:
    video = take(small, film)
    top = Step.get(Step.video == video, Step.kind == kinds.TOP)
    assert copied_so_far(video)
    video = work(small, video, lambda: not copied_so_far(video))
    now = Step.get_by_id(top.id)
    assert (now.kind, now.state, now.attempts, now.height, now.file) == (kinds.PLAN, rows.DONE, 0, 0, "")
    others = [step for step in queries.steps(video) if step.id != top.id]
    assert min(step.position for step in others) > top.position
    assert kinds_of(video, rows.DONE) == [kinds.PLAN]
    assert kinds.TOP not in kinds_of(video, rows.WAITING)
    assert not list(small.files.work(video.uuid).glob("*.part")), "the copy is as large as the film"
    is_whole(small, work(small, video))


@pytest.mark.parametrize("small", [True], indirect=True)
def test_what_grew_before_is_served_until_its_place_is_taken(small: Site, film: Path) -> None:
    video = take(small, film)
    video = work(small, video, lambda: kinds_of(video, rows.WAITING)[:1] == [kinds.TOP])
    assert kinds.APPEND in kinds_of(video, rows.DONE)
    public = small.files.public(video.uuid)
    served = {path.name: path.read_bytes() for path in public.iterdir() if path.suffix in (".mp4", ".m3u8")}
    assert len(served) == 3, "a size that grows, its list, and the list of all"
    video = work(small, video, lambda: not copied_so_far(video))
    for name, content in served.items():
        assert (public / name).read_bytes() == content
    assert video.processing == Processing.PLAYABLE
    is_whole(small, work(small, video))


@pytest.mark.parametrize("late", [False, True], ids=["before the new one", "after it"])
def test_a_range_of_the_old_plan_is_not_wanted_any_more(
    small: Site, film: Path, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """It is encoded beside the copy, and ends after the new plan is made, or even after the new range is."""
    video = take(small, film)
    old = Step.get(Step.video == video, Step.kind == kinds.RANGE, Step.number == 0)
    begun, planned = threading.Event(), threading.Event()

    def slow(*given: Any) -> ranges.Made:
        begun.set()
        assert planned.wait(60)
        return encode_range(*given)

    def beside() -> None:
        with small.db.connection_context():
            pipeline.advance(small, video.id, machine.tools(small), step_id=old.id)

    with monkeypatch.context() as patch:
        patch.setattr(ranges, "encode_range", slow)
        thread = threading.Thread(target=beside)
        thread.start()
        assert begun.wait(60)
        work(small, video, lambda: not copied_so_far(video))
        if late:
            patch.setattr(ranges, "encode_range", encode_range)
            work(small, video, lambda: kinds.RANGE in kinds_of(video, rows.DONE))
            assert kinds.APPEND not in kinds_of(video, rows.DONE)
        planned.set()
        thread.join()
    assert Step.get_or_none(Step.id == old.id) is None
    assert rows.FAILED not in [step.state for step in queries.steps(video)]
    is_whole(small, work(small, video))
    assert [step.attempts for step in queries.steps(video) if step.attempts] == []


@pytest.mark.parametrize("when", ["before", "meanwhile", "unknown"])
def test_a_file_of_another_range_is_never_joined(
    small: Site, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Of as many pictures, with the same parameters: nothing in it says that it does not belong there."""
    video = take(small, clip("swapped.avi", *"-f lavfi -i testsrc2=s=160x120:r=25:d=12 -c:v mpeg4".split()))
    of = {(step.kind, step.number): step for step in queries.steps(video)}
    mine, other = of[kinds.RANGE, 2], of[kinds.RANGE, 3]
    spans = Plan.from_json(video.plan).spans
    assert spans[2].frames == spans[3].frames
    work(small, video, lambda: Step.get_by_id(mine.id).state == rows.DONE)
    pipeline.advance(small, video.id, machine.tools(small), step_id=other.id)
    assert [Step.get_by_id(step.id).state for step in (mine, other)] == [rows.DONE, rows.DONE]
    assert Step.get_by_id(of[kinds.APPEND, 2].id).state == rows.WAITING
    folder = small.files.work(video.uuid)
    file, wrong = (range_file(folder, step.number, 120) for step in (mine, other))

    def swap() -> None:
        shutil.copy(wrong, folder / "swapped")
        (folder / "swapped").replace(file)

    joined, real = [], growing.append

    def swapping(*given: Any) -> growing.Piece:
        if not joined:
            swap()
        joined.append(given[3].number)
        return real(*given)

    if when == "before":
        swap()
    elif when == "unknown":
        Step.update(made="").where(Step.id == mine.id).execute()
    else:
        monkeypatch.setattr(growing, "append", swapping)
    pipeline.advance(small, video.id, machine.tools(small), step_id=of[kinds.APPEND, 2].id)
    assert Step.get_by_id(of[kinds.APPEND, 2].id).state == rows.WAITING
    assert Step.get_by_id(mine.id).state == rows.WAITING
    video = work(small, video)
    assert video.processing == Processing.READY
    assert [step.attempts for step in queries.steps(video) if step.attempts] == []
    seen = pictures(small.files.public(video.uuid) / queries.renditions(video)[0].file)
    assert len(set(seen)) == len(seen) == 12 * 25, "each picture of the film is another"
