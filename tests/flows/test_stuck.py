"""Acts at a bad moment, kills and lost files: no film is left where nothing goes on and nobody can help it."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome import settings
from tubehome.base.errors import Refused, ToolFailed
from tubehome.flows import enough, machine, pipeline, retry, show, steps
from tubehome.flows import sweep as sweeping
from tubehome.flows.intake import Intake, intake
from tubehome.flows.sweep import sweep
from tubehome.jobs import rows
from tubehome.library import kinds, queries
from tubehome.library.models import Channel, Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.media import growing, progressive, ranges
from tubehome.site import Site
from tubehome.store import files

pytestmark = pytest.mark.slow
FILM = "-f lavfi -i testsrc2=s=320x180:r=25:d=12 -f lavfi -i sine=f=330:r=48000:d=12 -c:a aac".split()
X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -crf 38".split()
COPIED = [*FILM, *X264, "-bf", "2", "-g", "25"]
EVEN = [*FILM, *X264, "-g", "300"]
Clip = Callable[..., Path]


def take(site: Site, path: Path, title: str = "") -> Video:
    with path.open("rb") as source:
        return intake(site, source, Intake(path.name, title=title, again=True), lambda _: None, machine.tools(site))


def work(site: Site, video: Video, until: Callable[[Video], bool] = lambda _: False) -> Video:
    for _ in range(60):
        now = Video.get_by_id(video.id)
        if until(now) or now.processing == Processing.READY:
            break
        Step.update(next_try=0).execute()
        pipeline.advance(site, video.id, machine.tools(site))
    return Video.get_by_id(video.id)


def in_another_thread(site: Site, act: Callable[[], object]) -> None:
    def doing() -> None:
        with site.db.connection_context():
            act()

    thread = threading.Thread(target=doing)
    thread.start()
    thread.join()


def grown(video: Video, times: int = 1) -> bool:
    done = Step.select().where(Step.video == video, Step.kind == kinds.APPEND, Step.state == rows.DONE)
    return bool(done.count() >= times)


def lists(site: Site, video: Video) -> list[str]:
    """What the master list names; each is there, and has its end."""
    public = site.files.public(video.uuid)
    names = [line for line in (public / show.MASTER).read_text().splitlines() if not line.startswith("#")]
    assert all("ENDLIST" in (public / name).read_text() for name in names)
    return names


@pytest.mark.parametrize("act", [retry.retry, enough.enough])
def test_a_download_that_is_done_after_a_range_failed_counts(
    small: Site, clip: Clip, monkeypatch: pytest.MonkeyPatch, act: Callable[[Site, Video], None]
) -> None:
    video = take(small, clip("stuck-copied.mp4", *COPIED))
    tools = machine.tools(small)
    while Step.get_by_id(pipeline.next_step(small, video.id)).kind != kinds.PROGRESSIVE:
        pipeline.advance(small, video.id, tools)
    bad = Step.get(Step.video == video, Step.kind == kinds.RANGE, Step.number == 0)
    Step.update(attempts=rows.ATTEMPTS - 1).where(Step.id == bad.id).execute()
    real, whole = ranges.encode_range, progressive.progressive

    def encode(*given: Any) -> Any:
        raise ToolFailed("A rendition of this video came out unreadable.")

    def slow(*given: Any) -> Any:
        in_another_thread(small, lambda: pipeline.advance(small, video.id, tools, step_id=bad.id))
        return whole(*given)

    monkeypatch.setattr(ranges, "encode_range", encode)
    monkeypatch.setattr(progressive, "progressive", slow)
    pipeline.advance(small, video.id, tools)
    failed = Video.get_by_id(video.id)
    assert (failed.processing, failed.out_at) == (Processing.FAILED, None)

    monkeypatch.setattr(ranges, "encode_range", real)
    act(small, failed)
    ready = work(small, failed)
    assert ready.processing == Processing.READY
    assert ready.out_at
    assert [each.id for each in queries.for_feed(5)] == [video.id]


def test_where_a_move_was_never_made_the_sweep_makes_it(small: Site, clip: Clip) -> None:
    video = work(small, take(small, clip("stuck-copied.mp4", *COPIED)))
    Video.update(processing=Processing.PLAYABLE, out_at=None, ready_at=None).execute()
    sweep(small, thorough=True)
    assert Video.get_by_id(video.id).processing == Processing.READY


def test_enough_of_one_that_waits_until_it_is_ready_dates_it(small: Site, clip: Clip) -> None:
    path = clip("stuck-copied.mp4", *COPIED)
    work(small, take(small, path, "old"))
    settings.change(wait_transcoding=True)
    video = work(small, take(small, path, "new"), lambda now: now.out_at is not None)
    enough.enough(small, video)
    assert [each.title for each in queries.latest(5)] == ["new", "old"]


def test_a_kill_while_somebody_has_enough_leaves_no_list_without_its_end(
    small: Site, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = work(small, take(small, clip("stuck-copied.mp4", *COPIED)), grown)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(enough, "tidy", killed)
    with pytest.raises(KeyboardInterrupt):
        enough.enough(small, video)
    assert Video.get_by_id(video.id).processing == Processing.READY
    assert len(lists(small, video)) == 1

    other = work(small, take(small, clip("stuck-copied.mp4", *COPIED)), grown)
    monkeypatch.setattr(enough, "write_lists", killed)
    with pytest.raises(KeyboardInterrupt):
        enough.enough(small, other)
    assert work(small, other).processing == Processing.READY, "it was not said"
    assert len(lists(small, other)) == 2


def test_the_worker_writes_no_list_of_rows_that_are_gone(
    small: Site, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read the rows; the owner has enough of it, in the web's process; only then it writes."""
    video = work(small, take(small, clip("stuck-copied.mp4", *COPIED)), grown)
    real, said = show.renditions, []

    def read(video: Video, plan: Any) -> Any:
        made = real(video, plan)
        if not said:
            thread = threading.Thread(target=lambda: _enough(small, video))
            said.append(thread)
            thread.start()
            thread.join(0.3)
            assert thread.is_alive(), "it waits for who writes"
        return made

    monkeypatch.setattr(show, "renditions", read)
    work(small, video, lambda _: bool(said))
    said[0].join(10)
    assert Video.get_by_id(video.id).processing == Processing.READY
    assert len(lists(small, video)) == 1
    assert len(list(small.files.public(video.uuid).glob("*-fragmented.mp4"))) == 1


def _enough(site: Site, video: Video) -> None:
    with site.db.connection_context():
        enough.enough(site, Video.get_by_id(video.id))


def test_a_full_disk_does_not_keep_what_makes_room_waiting(
    small: Site, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    Channel.update(keep_originals="erase").execute()

    def last(video: Video) -> bool:
        return Step.select().where(Step.video == video, Step.state != rows.DONE).count() == 1

    video = work(small, take(small, clip("stuck-even.mp4", *EVEN)), last)
    size = small.files.original(video.uuid).stat().st_size  # type: ignore[union-attr]
    reserve = max(small.config.limits.reserve_bytes, pipeline.LEAST_BYTES)

    def free(_: object) -> int:
        return reserve - 1000 + (0 if small.files.original(video.uuid) else size)

    monkeypatch.setattr(files.Files, "free_bytes", free)
    assert work(small, video).processing == Processing.READY
    assert small.files.original(video.uuid) is None


def test_trying_again_while_a_range_is_at_its_last_attempt(
    small: Site, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = work(small, take(small, clip("stuck-even.mp4", *EVEN)), grown)
    tools = machine.tools(small)
    one, two = (Step.get(Step.video == video, Step.kind == kinds.RANGE, Step.number == n) for n in (1, 2))
    append = Step.get(Step.video == video, Step.kind == kinds.APPEND, Step.number == 1)
    pipeline.advance(small, video.id, tools, step_id=one.id)
    Step.update(attempts=rows.ATTEMPTS - 1).where(Step.id << [two.id, append.id]).execute()

    def bad(*given: Any) -> Any:
        raise ToolFailed(growing.UNEVEN, cause="other parameters than range 0")

    def again() -> None:
        pipeline.advance(small, video.id, tools, step_id=append.id)
        retry.retry(small, Video.get_by_id(video.id))

    def encode(*given: Any) -> Any:
        in_another_thread(small, again)
        raise ToolFailed("A rendition of this video came out unreadable.")

    with monkeypatch.context() as patch:
        patch.setattr(growing, "append", bad)
        patch.setattr(ranges, "encode_range", encode)
        pipeline.advance(small, video.id, tools, step_id=two.id)
    now = Video.get_by_id(video.id)
    if now.processing == Processing.FAILED:  # the range did fail three times
        retry.retry(small, now)
    assert work(small, now).processing == Processing.READY
    assert len(lists(small, video)) == 2


def test_one_that_failed_without_a_step_that_did_goes_on(small: Site, clip: Clip) -> None:
    video = work(small, take(small, clip("stuck-even.mp4", *EVEN)), grown)
    Video.update(processing=Processing.FAILED).execute()
    retry.retry(small, video)
    assert work(small, video).processing == Processing.READY
    with pytest.raises(Refused):
        retry.retry(small, Video.get_by_id(video.id))


def test_what_is_inside_a_film_is_kept_by_who_has_enough(small: Site, clip: Clip, tmp_path: Path) -> None:
    words = tmp_path / "words.srt"
    words.write_text("1\n00:00:01,000 --> 00:00:03,000\nBonjour\n")
    mapped = ["-i", str(words), "-map", "0", "-map", "1", "-map", "2"]
    video = take(small, clip("stuck-words.mkv", *FILM[:-2], *mapped, *FILM[-2:], *X264, "-g", "25"))
    video = work(small, video, lambda now: now.out_at is not None)
    enough.enough(small, video)
    found = steps.inside_of(small, video)
    assert found is not None
    assert [track.file for track in found.tracks] == ["inside-1.vtt"]


@pytest.mark.parametrize("after", ["top", "append"])
def test_a_restored_backup_lacks_what_lay_beside_a_film_and_nobody_is_asked(
    small: Site, clip: Clip, after: str
) -> None:
    film = clip("stuck-even.mp4", *EVEN) if after == "append" else clip("stuck-copied.mp4", *COPIED)
    reached = (lambda now: grown(now, 2)) if after == "append" else (lambda now: _done(now, kinds.SOUND))
    video = work(small, take(small, film), reached)
    for left in small.files.work(video.uuid).iterdir():
        left.unlink()
    before = {path.name: path.read_bytes() for path in small.files.public(video.uuid).glob("*-fragmented.mp4")}
    video = work(small, video, lambda now: now.processing == Processing.FAILED)
    assert video.processing == Processing.READY
    assert not any(step.attempts for step in queries.steps(video))
    for name, start in before.items():
        assert (small.files.public(video.uuid) / name).read_bytes().startswith(start), "nothing is begun anew"


def _done(video: Video, kind: str) -> bool:
    return Step.select().where(Step.video == video, Step.kind == kind, Step.state == rows.DONE).exists()


def test_an_append_that_failed_otherwise_begins_nothing_anew(small: Site, clip: Clip) -> None:
    video = work(small, take(small, clip("stuck-even.mp4", *EVEN)), grown)
    append = Step.get(Step.video == video, Step.kind == kinds.APPEND, Step.number == 1)
    told = ToolFailed("Something unexpected went wrong while the video was prepared.").to_json()
    Step.update(state=rows.FAILED, last_error=told).where(Step.id == append.id).execute()
    Video.update(processing=Processing.FAILED).execute()
    file = {row.file for row in Rendition.select()}
    retry.retry(small, Video.get_by_id(video.id))
    assert grown(video)
    assert work(small, video).processing == Processing.READY
    assert {row.file for row in Rendition.select()} == file


@pytest.mark.parametrize("what", ["bin", "moves"])
def test_the_sweep_writes_though_others_write_meanwhile(
    small: Site, clip: Clip, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Who still reads a list of rows has an old picture of the database, and may not write once somebody else has."""
    path = clip("stuck-copied.mp4", *COPIED)
    for title in ("a", "b", "c"):
        take(small, path, title)
    Video.update(
        processing=Processing.PLAYABLE, **({"removed": "bin", "removed_at": 1} if what == "bin" else {})
    ).execute()
    database = small.files.root / "tubehome.db"
    seen = []

    def another_writes() -> None:
        with contextlib.closing(sqlite3.connect(database, timeout=5)) as raw:
            raw.execute("UPDATE content_version SET version = version + 1")
            raw.commit()
        seen.append(1)

    if what == "bin":
        real = sweeping.erase
        monkeypatch.setattr(sweeping, "erase", lambda *given: (another_writes(), real(*given)))
    else:
        atomic = small.db.atomic
        monkeypatch.setattr(small.db, "atomic", lambda: (another_writes(), atomic())[1])
    sweep(small, thorough=True)
    assert len(seen) >= 3
    assert (Video.select().count() == 0) == (what == "bin")
