"""A file goes in; rows and files come out: intake and the pipeline in this process, with real ffmpeg."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import m3u8
import pytest

from tubehome import settings
from tubehome.base.errors import NoRoom, Refused, TooLarge
from tubehome.flows import intake as intake_flow
from tubehome.flows import machine, pipeline, retry, show, steps
from tubehome.flows.discard import discard
from tubehome.flows.erase import erase
from tubehome.flows.intake import Duplicate, Intake, intake
from tubehome.flows.order import next_step
from tubehome.flows.sweep import sweep
from tubehome.jobs import rows
from tubehome.library import access, kinds, queries
from tubehome.library.models import Picture, Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.media.ffmpeg import Tools
from tubehome.pages.progress import progress
from tubehome.pages.watch import watch
from tubehome.site import Site
from tubehome.store.db import db

pytestmark = pytest.mark.slow


def put(site: Site, path: Path, **said: object) -> Video:
    with path.open("rb") as source:
        return intake(site, source, Intake(path.name, **said), lambda _: None, machine.tools(site))  # type: ignore[arg-type]


def step_by_step(site: Site, video: Video, times: int = 40) -> Video:
    tools = machine.tools(site, threading.Event())
    for _ in range(times):
        pipeline.advance(site, video.id, tools)
    return Video.get_by_id(video.id)


# Too few keyframes to be copied: its second range is nearly a minute of work.
LONG = "-f lavfi -i testsrc2=s=1280x720:r=30:d=60 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 900".split()


def until_long(site: Site, video: Video, tools: Tools) -> None:
    """Up to the range that takes long."""
    while Step.get_by_id(next_step(site, video.id)).number == 0:
        pipeline.advance(site, video.id, tools)


def tree(site: Site) -> list[str]:
    kept = ("tubehome.db", "queue.db", "lock", "cache")
    return sorted(
        str(p.relative_to(site.files.root)) for p in site.files.root.rglob("*") if not p.name.startswith(kept)
    )


def test_the_whole_way(site: Site, short_clip: Path) -> None:
    video = put(site, short_clip, title="  Séance du  17 novembre ", language="fr")
    assert (video.title, video.processing, video.visibility) == ("Séance du 17 novembre", Processing.RECEIVED, "public")
    ready = step_by_step(site, video)
    assert ready.processing == Processing.READY, [(s.kind, s.detail) for s in queries.steps(video)]
    assert ready.playable_at <= ready.out_at <= ready.ready_at
    assert ready.published_at is not None
    assert [r.height for r in queries.renditions(video)] == [360]
    public = site.files.public(video.uuid)
    rows_say = {r.file: r.size for r in Rendition.select()} | {p.file: p.size for p in Picture.select()}
    rows_say[f"{ready.progressive_height}p.mp4"] = ready.progressive_size
    assert all((public / name).stat().st_size == size for name, size in rows_say.items())
    master = m3u8.load(str(public / "master.m3u8"))
    assert len(master.playlists) == 1
    assert list(site.files.work(video.uuid).iterdir()) == []
    assert site.files.original(video.uuid).read_bytes() == short_clip.read_bytes()  # type: ignore[union-attr]
    assert progress(ready).percent == 100
    digests = json.loads((public / show.DIGESTS).read_text())
    assert list(digests) == [queries.renditions(video)[0].file]


def test_the_three_moments_come_in_order_and_never_early(site: Site, short_clip: Path) -> None:
    """After each step: what the public can reach is exactly what is verified."""
    three = replace(site, config=replace(site.config, media=replace(site.config.media, heights=(360, 240, 120))))
    video = put(three, short_clip)
    tools = machine.tools(site, threading.Event())
    seen = [Processing(video.processing)]
    for _ in range(20):
        pipeline.advance(site, video.id, tools)
        now = Video.get_by_id(video.id)
        page = watch(video.uuid, access.STRANGER)
        has_rendition, has_file = Rendition.select().exists(), now.progressive_height is not None
        assert page.playable is has_rendition
        assert bool(queries.latest(5)) is has_rendition
        assert bool(queries.for_feed(5)) is (has_rendition and has_file)
        listed = site.files.public(video.uuid) / "master.m3u8"
        if listed.exists():
            for playlist in m3u8.load(str(listed)).playlists:
                for segment in m3u8.load(str(listed.parent / playlist.uri)).segments:
                    assert (listed.parent / segment.uri).exists()
        if now.processing != seen[-1]:
            seen.append(Processing(now.processing))
    assert seen == [Processing.RECEIVED, Processing.PREPARING, Processing.PLAYABLE, Processing.OUT, Processing.READY]


def test_a_video_that_waits_is_hidden_until_ready(site: Site, short_clip: Path) -> None:
    settings.change(wait_transcoding=True)
    video = put(site, short_clip)
    tools = machine.tools(site, threading.Event())
    for _ in range(20):
        if Video.get_by_id(video.id).processing == Processing.READY:
            break
        assert not access.may_see(Video.get_by_id(video.id), access.STRANGER)
        assert queries.latest(5) == []
        assert Video.get_by_id(video.id).published_at is None
        pipeline.advance(site, video.id, tools)
    assert len(queries.latest(5)) == len(queries.for_feed(5)) == 1


def test_every_step_twice_gives_the_same_files(site: Site, short_clip: Path) -> None:
    """A worker killed after a step's files and before its commit does the step again."""
    video = put(site, short_clip)
    step_by_step(site, video)
    public = site.files.public(video.uuid)
    before = {p.name: p.read_bytes() for p in public.iterdir()}
    Step.update(state=rows.RUNNING).execute()
    Video.update(processing=Processing.RECEIVED, playable_at=None, out_at=None, ready_at=None).execute()
    assert step_by_step(site, video).processing == Processing.READY
    assert {p.name: p.read_bytes() for p in public.iterdir()} == before
    assert Rendition.select().count() == 1


def test_what_an_older_program_planned_is_planned_anew(site: Site, clip: Callable[..., Path]) -> None:
    """As the migration leaves it: the old plan, one step, and a size that could be watched already."""
    film = clip("two.mp4", *"-f lavfi -i testsrc2=s=640x480:r=25:d=3 -c:v libx264 -g 200 -pix_fmt yuv420p".split())
    video = put(site, film)
    old = json.loads(video.plan or "")
    for name in (
        "starts",
        "seeks",
        "marks",
        "range_marks",
        "end",
        "copy_sound",
        "hertz",
        "sound_at",
        "coder",
        "refusal",
    ):
        old.pop(name)
    file, public = "11111111-2222-4333-8444-555555555555-480-fragmented.mp4", site.files.public(video.uuid)
    (public / file).write_bytes(b"old")
    (public / file.replace("-fragmented.mp4", ".m3u8")).write_text("#EXTM3U")
    details = {"height": 480, "width_px": 640, "height_px": 480, "file": file, "size": 3, "init_size": 1, "codecs": "a",
               "segments": [{"offset": 1, "size": 2, "frames": 75, "sha256": "0"}], "bandwidth": 1,
               "average_bandwidth": 1, "rate": "25"}  # fmt: skip
    Rendition.create(video=video, height=480, file=file, width_px=640, height_px=480, size=3, bandwidth=1,
                     details=json.dumps(details))  # fmt: skip
    Step.delete().where(Step.video == video).execute()
    Step.create(video=video, position=1, kind=kinds.PLAN, weight=1)
    now = time.time()
    Video.update(plan=json.dumps({**old, "order": [360, 480]}), processing=Processing.PLAYABLE, playable_at=now).where(
        Video.id == video.id
    ).execute()
    ready = step_by_step(site, video)
    assert ready.processing == Processing.READY, [(s.kind, s.detail) for s in queries.steps(video)]
    assert all(row.final for row in queries.renditions(video))
    films = {row.file for row in queries.renditions(video)}
    assert {path.name for path in public.glob("*-fragmented.mp4")} == films
    assert len(list(public.glob("*.m3u8"))) == len(films) + 1


# --- refused: one sentence, no trace


def test_a_refused_file_leaves_no_trace(site: Site, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(os.urandom(5000))
    before = tree(site)
    with pytest.raises(Refused):
        put(site, bad)
    assert tree(site) == before
    assert Video.select().count() == 0


def test_the_same_bytes_are_pointed_out(site: Site, short_clip: Path, tmp_path: Path) -> None:
    first = put(site, short_clip)
    copy = tmp_path / "other-name.mov"
    shutil.copy(short_clip, copy)
    before = tree(site)
    with pytest.raises(Duplicate) as refused:
        put(site, copy)
    assert refused.value.address.endswith(queries.video(first.uuid).uuid) or "/w/" in refused.value.address
    assert tree(site) == before
    assert put(site, copy, again=True).id != first.id


@pytest.mark.parametrize("said", [{"visibility": "secret"}, {"channel": "nobody"}])
def test_what_is_said_wrong_is_refused_before_a_byte_is_copied(
    site: Site, short_clip: Path, said: dict[str, str]
) -> None:
    before = tree(site)
    with pytest.raises(Refused):
        put(site, short_clip, **said)
    assert tree(site) == before


def limited(site: Site, **limits: int) -> Site:
    return replace(site, config=replace(site.config, limits=replace(site.config.limits, **limits)))


def test_over_the_limit_and_no_room(site: Site, short_clip: Path) -> None:
    before = tree(site)
    with pytest.raises(TooLarge, match="at most"):
        put(limited(site, upload_bytes=1000), short_clip)
    with pytest.raises(NoRoom, match="room"):
        put(limited(site, reserve_bytes=10**16), short_clip)
    with pytest.raises(Refused, match="long"):
        put(limited(site, duration_seconds=1), short_clip)
    assert tree(site) == before


def test_room_for_the_renditions_is_asked_for_too(
    site: Site, short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = short_clip.stat().st_size
    monkeypatch.setattr(type(site.files), "free_bytes", lambda self: size + site.config.limits.reserve_bytes + 1)
    before = tree(site)
    with pytest.raises(NoRoom):
        put(site, short_clip)
    assert tree(site) == before


def test_a_disk_that_fills_while_copying(site: Site, short_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(intake_flow.os, "fsync", full)
    before = tree(site)
    with pytest.raises(NoRoom, match="became full"):
        put(site, short_clip)
    assert tree(site) == before


def test_a_pipe_is_not_a_file(site: Site) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    with open(reader, "rb") as source, pytest.raises(Refused, match="not a file"):
        intake(site, source, Intake("x"), lambda _: None, machine.tools(site))


# --- failing, stopping, healing


def test_a_step_that_fails_is_tried_thrice_then_told_and_can_be_retried(
    site: Site, short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = put(site, short_clip)
    broken = replace(machine.tools(site, threading.Event()), ffmpeg="/bin/false")
    for attempt in range(1, 4):
        Step.update(next_try=0).execute()
        pipeline.advance(site, video.id, broken)
        first = queries.steps(video)[0]
        assert first.attempts == attempt
        assert first.error.sentence("fr")
    failed = Video.get_by_id(video.id)
    assert (failed.processing, first.state) == (Processing.FAILED, rows.FAILED)
    assert watch(video.uuid, access.OWNER).failure is not None
    assert watch(video.uuid, access.STRANGER).failure is None
    retry.retry(site, failed)
    assert step_by_step(site, video).processing == Processing.READY
    with pytest.raises(Refused, match="Nothing failed"):
        retry.retry(site, video)


def test_a_full_disk_waits_and_goes_on_by_itself(site: Site, short_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = put(site, short_clip)

    def full(bench: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setitem(steps.DO, queries.steps(video)[0].kind, full)
        step_by_step(site, video, 3)
    first = queries.steps(video)[0]
    assert (first.state, first.attempts) == (rows.WAITING, 0)
    assert "room" in progress(Video.get_by_id(video.id)).waiting_for.sentence("en")  # type: ignore[union-attr]
    Step.update(next_try=0).execute()
    assert step_by_step(site, video).processing == Processing.READY


def test_a_stop_ends_ffmpeg_and_the_row_is_workable_again(site: Site, clip: Callable[..., Path]) -> None:
    video, stop = put(site, clip("rare-keys.mp4", *LONG)), threading.Event()
    tools = machine.tools(site, stop)
    until_long(site, video, tools)
    threading.Timer(1.0, stop.set).start()
    began = time.monotonic()
    pipeline.advance(site, video.id, tools)
    assert time.monotonic() - began < 6
    step = next(s for s in queries.steps(video) if s.state != rows.DONE)
    assert (step.state, step.attempts, step.deaths) == (rows.WAITING, 0, 0)
    assert not list(site.files.work(video.uuid).glob("*.part"))
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=False).stdout
    assert str(site.files.root) not in running


@pytest.mark.parametrize("act", ["discard", "erase"])
def test_deleting_a_video_ends_the_work_on_it(
    site: Site, clip: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    monkeypatch.setattr(pipeline, "PROGRESS_SECONDS", 0.1)
    video, tools = put(site, clip("rare-keys.mp4", *LONG)), machine.tools(site, threading.Event())
    until_long(site, video, tools)
    worker = threading.Thread(target=lambda: in_thread(site, video.id, tools))
    worker.start()
    wait_until(lambda: any(s.state == rows.RUNNING and s.progress > 0 for s in queries.steps(video)))
    (discard if act == "discard" else erase)(site, video)
    worker.join(15)
    assert not worker.is_alive()
    assert [s.state for s in queries.steps(video) if s.state in (rows.RUNNING, rows.FAILED)] == []
    assert len(db._in_use) == 1  # this thread's: those that read ffmpeg gave theirs back


def in_thread(site: Site, video_id: int, tools: Tools) -> None:
    with db.connection_context():
        pipeline.advance(site, video_id, tools)
    site.jobs.huey.storage.close()


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_sweep_rings_for_what_waits_and_clears_what_the_dead_left(site: Site, short_clip: Path) -> None:
    video = put(site, short_clip)
    site.jobs.huey.storage.flush_queue()
    old = time.time() - 7200
    abandoned, orphan = (
        site.files.incoming / "x.part",
        site.files.video("00000000-0000-4000-8000-000000000000") / "original",
    )
    abandoned.write_bytes(b"half")
    orphan.mkdir(parents=True)
    (orphan.parent / "loose").touch()
    (orphan / "source.mp4").write_bytes(b"whole")
    (site.files.trash / "junk").mkdir()
    for path in (abandoned, orphan / "source.mp4"):
        os.utime(path, (old, old))
    sweep(site, thorough=True)
    assert not abandoned.exists()
    assert not orphan.parent.exists()
    assert list(site.files.trash.iterdir()) == []
    assert site.files.original(video.uuid) is not None
    assert site.jobs.huey.storage.queue_size() == 1


def test_what_is_being_copied_is_not_swept(site: Site) -> None:
    import fcntl

    part = site.files.incoming / "busy.part"
    with part.open("xb") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        os.utime(part, (1, 1))
        sweep(site)
        assert part.exists()


def test_a_video_in_the_bin_is_left_alone_and_an_erased_one_owes_nothing(site: Site, short_clip: Path) -> None:
    video = put(site, short_clip)
    discard(site, video)
    assert step_by_step(site, video, 3).processing == Processing.RECEIVED
    erase(site, video)
    pipeline.advance(site, video.id, machine.tools(site))
    assert not site.files.video(video.uuid).exists()
