"""Who is next, and the acts on the order: pause, go on, this first, enough."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.base import clock
from tubehome.base.errors import Refused
from tubehome.flows import discard, enough, first, hold, machine, pipeline, resume, steps
from tubehome.flows.intake import Intake, intake
from tubehome.flows.order import Crew, following
from tubehome.jobs import rows
from tubehome.library import kinds
from tubehome.library.models import Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.site import Site
from tubehome.store import lock


@pytest.fixture
def take(site: Site, short_clip: Path) -> Callable[..., Video]:
    """A new video of the short clip, not begun."""

    def made(title: str = "") -> Video:
        with short_clip.open("rb") as source:
            said = Intake("short.mp4", title=title, again=True)
            return intake(site, source, said, lambda _: None, machine.tools(site))

    return made


def next_id(site: Site) -> int | None:
    found = following(site)
    return found.video_id if found else None


def test_the_older_first_and_what_nobody_can_watch_before_all(site: Site, take: Any) -> None:
    a, b = take("a"), take("b")
    assert next_id(site) == a.id
    Video.update(playable_at=clock.timestamp()).where(Video.id == a.id).execute()
    assert next_id(site) == b.id


def test_this_first_and_back(site: Site, take: Any) -> None:
    a, b, c = take("a"), take("b"), take("c")
    first.first(site, c)
    assert next_id(site) == c.id
    first.first(site, b)
    assert next_id(site) == b.id
    first.first(site, b)
    assert Video.get_by_id(b.id).priority == 2
    first.usual(site, b)
    assert next_id(site) == c.id
    first.usual(site, c)
    assert next_id(site) == a.id


def test_what_is_paused_failed_or_in_the_bin_is_left_alone(site: Site, take: Any) -> None:
    a, b, c = take("a"), take("b"), take("c")
    hold.hold(site, a)
    hold.hold(site, a)
    discard.discard(site, b)
    Video.update(processing=Processing.FAILED).where(Video.id == c.id).execute()
    assert next_id(site) is None
    resume.resume(site, a)
    assert next_id(site) == a.id
    for video in (b, c):
        with pytest.raises(Refused):
            hold.hold(site, video)
        with pytest.raises(Refused):
            first.first(site, video)


def test_what_waits_for_a_moment_or_is_being_done_lets_others_pass(site: Site, take: Any) -> None:
    a, b = take("a"), take("b")
    step = Step.select().where(Step.video == a).order_by(Step.position).first()
    Step.update(next_try=clock.timestamp() + 60).where(Step.video == a).execute()
    assert next_id(site) == b.id
    Step.update(next_try=0, state=rows.RUNNING).where(Step.id == step.id).execute()
    assert next_id(site) == a.id, "its worker died"
    with lock.wait(rows.lock_path(site.files.run, step), exclusive=True, seconds=1) as held:  # type: ignore[union-attr]
        assert held
        assert next_id(site) == b.id


def test_the_crew_ends_what_may_not_go_on_and_makes_way(site: Site, take: Any) -> None:
    a, b = take("a"), take("b")
    crew = Crew(1)
    assert crew.take()
    assert not crew.take()
    stop = threading.Event()
    step = Step.select().where(Step.video == a).order_by(Step.position).first()
    Step.update(state=rows.RUNNING).where(Step.id == step.id).execute()
    with lock.wait(rows.lock_path(site.files.run, step), exclusive=True, seconds=1), crew.doing(step.id, a.id, stop):  # type: ignore[union-attr]
        crew.enforce(site)
        assert not stop.is_set(), "another one waits, and nobody said that it comes first"
        first.first(site, b)
        crew.enforce(site)
        assert stop.is_set()
        stop.clear()
        first.usual(site, b)
        crew.enforce(site)
        assert not stop.is_set()
        hold.hold(site, a)
        crew.enforce(site)
        assert stop.is_set()


@pytest.mark.slow
def test_a_pause_gives_the_step_back_untouched(site: Site, take: Any) -> None:
    video, crew, tools = take(), Crew(1), machine.tools(site)
    started = threading.Event()
    real = crew.doing

    def doing(step_id: int, video_id: int, stop: threading.Event) -> Any:
        if Step.get_by_id(step_id).kind == kinds.PROGRESSIVE:
            stop.set()  # as `enforce` does when it was paused
            hold.hold(site, video)
            started.set()
        return real(step_id, video_id, stop)

    crew.doing = doing  # type: ignore[method-assign]
    pipeline.work(site, tools, crew)
    assert started.is_set()
    step = Step.get(Step.video == video, Step.kind == kinds.PROGRESSIVE)
    assert (step.state, step.attempts, step.deaths) == (rows.WAITING, 0, 0)
    assert not list(site.files.work(video.uuid).glob("*.part"))
    crew.doing = real  # type: ignore[method-assign]
    pipeline.work(site, tools, crew)
    assert Video.get_by_id(video.id).processing == Processing.PLAYABLE, "still paused"
    resume.resume(site, video)
    pipeline.work(site, tools, crew)
    assert Video.get_by_id(video.id).processing == Processing.READY


@pytest.mark.slow
def test_enough_keeps_what_is_ready(site: Site, take: Any) -> None:
    video = take()
    with pytest.raises(Refused, match="Too little"):
        enough.enough(site, video)
    tools = machine.tools(site)
    while Video.get_by_id(video.id).out_at is None:
        pipeline.advance(site, video.id, tools)
    left = Step.select().where(Step.video == video, Step.state != rows.DONE).count()
    Step.create(video=video, position=99, kind=kinds.FINISH, height=9)
    if Video.get_by_id(video.id).processing == Processing.READY:
        Video.update(processing=Processing.OUT, ready_at=None).where(Video.id == video.id).execute()
    enough.enough(site, video)
    assert Video.get_by_id(video.id).processing == Processing.READY
    assert Step.select().where(Step.video == video, Step.state != rows.DONE).count() == 0
    assert left >= 0
    with pytest.raises(Refused, match="Nothing is being prepared"):
        enough.enough(site, video)
    shutil.rmtree(site.files.video(video.uuid))


# --- while something is under way


def begun(site: Site, video: Video) -> Any:
    """The video's next step, as if a worker were at it; close it to let go."""
    step = Step.select().where(Step.video == video, Step.state != rows.DONE).order_by(Step.position).first()
    claim = rows.claim(step, site.files.run)
    assert claim
    return claim


def test_enough_ends_the_step_that_is_under_way(site: Site, take: Any) -> None:
    video, crew, stop = take("a"), Crew(1), threading.Event()
    Video.update(processing=Processing.OUT, out_at=clock.timestamp()).where(Video.id == video.id).execute()
    assert crew.take()
    claim = begun(site, video)
    with crew.doing(claim.row.id, video.id, stop):
        crew.enforce(site)
        assert not stop.is_set()
        enough.enough(site, video)
        crew.enforce(site)
        assert stop.is_set()
    claim.let_go()


def test_two_that_come_first_take_two_places_however_quickly_it_was_said(site: Site, take: Any) -> None:
    x, y, a, b = (take(name) for name in "xyab")
    crew, stops = Crew(2), [threading.Event(), threading.Event()]
    assert crew.take()
    assert crew.take()
    at_x, at_y = begun(site, x), begun(site, y)
    with crew.doing(at_x.row.id, x.id, stops[0]):
        with crew.doing(at_y.row.id, y.id, stops[1]):
            first.first(site, a)
            first.first(site, b)
            crew.enforce(site)
            crew.enforce(site)  # a message for each
            assert [stop.is_set() for stop in stops] == [False, True], "one makes way, and is not yet done with it"
        at_y.release()
        at_y.let_go()
        at_b = begun(site, b)
        with crew.doing(at_b.row.id, b.id, threading.Event()):
            crew.enforce(site)  # as `advance` does when it begins
            assert stops[0].is_set()
    for claim in (at_x, at_b):
        claim.let_go()


def test_a_pause_between_the_choice_and_the_beginning_is_heard(
    site: Site, take: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    video, crew = take("a"), Crew(1)
    real = rows.claim

    def late(row: Any, run: Path) -> Any:
        got = real(row, run)
        hold.hold(site, video)
        crew.enforce(site)  # the message came before the step was known to the crew
        return got

    monkeypatch.setattr(rows, "claim", late)
    pipeline.advance(site, video.id, machine.tools(site), crew)
    step = Step.select().where(Step.video == video).order_by(Step.position).first()
    assert (step.state, step.attempts) == (rows.WAITING, 0)


def test_what_was_stopped_is_as_far_as_nothing(site: Site, take: Any) -> None:
    video, stop = take("a"), threading.Event()
    Step.update(progress=0.6).where(Step.video == video).execute()
    step = Step.select().where(Step.video == video).order_by(Step.position).first()
    stop.set()
    pipeline.advance(site, video.id, machine.tools(site, stop))
    assert Step.get_by_id(step.id).progress == 0


@pytest.mark.slow
def test_enough_in_the_middle_of_an_append_leaves_nothing_of_it(site: Site, clip: Any, monkeypatch: Any) -> None:
    """The step is gone when its files are there: neither a row nor a file of it stays."""
    film = clip(
        "two-sizes.mp4", *"-f lavfi -i testsrc2=s=1280x720:r=25:d=3 -c:v libx264 -g 25 -pix_fmt yuv420p".split()
    )
    with film.open("rb") as source:
        video = intake(site, source, Intake("two.mp4"), lambda _: None, machine.tools(site))
    tools, real = machine.tools(site), steps.DO[kinds.APPEND]
    while Video.get_by_id(video.id).out_at is None:
        pipeline.advance(site, video.id, tools)

    def late(bench: Any) -> Any:
        made = real(bench)
        enough.enough(site, video)
        return made

    monkeypatch.setitem(steps.DO, kinds.APPEND, late)
    for _ in range(4):
        pipeline.advance(site, video.id, tools)
    assert Video.get_by_id(video.id).processing == Processing.READY
    [kept] = Rendition.select().where(Rendition.video == video)
    assert kept.final
    left = [path.name for path in site.files.public(video.uuid).glob("*-fragmented.mp4")]
    assert left == [kept.file]


def test_ranges_go_side_by_side_once_something_can_be_played(site: Site, take: Any) -> None:
    video = take("a")
    Step.delete().where(Step.video == video).execute()
    kinds = [("sound", 0), ("range", 0), ("append", 0), ("range", 1), ("append", 1), ("range", 2)]
    for at, (kind, number) in enumerate(kinds):
        Step.create(video=video, position=at, kind=kind, number=number, weight=1)

    def free(*taken: tuple[str, int]) -> tuple[str, int] | None:
        """What a worker finds when others are at these."""
        for kind, number in taken:
            same = (Step.video == video) & (Step.kind == kind) & (Step.number == number)
            Step.update(next_try=clock.timestamp() + 60).where(same).execute()
        found = following(site)
        Step.update(next_try=0).execute()
        if found is None:
            return None
        step = Step.get_by_id(found.step_id)
        return step.kind, step.number

    assert free() == ("sound", 0)
    assert free(("sound", 0)) == ("range", 0)
    assert free(("sound", 0), ("range", 0)) is None
    Step.update(state=rows.DONE).where(Step.number == 0).execute()
    Video.update(playable_at=clock.timestamp()).where(Video.id == video.id).execute()
    assert free() == ("range", 1)
    assert free(("range", 1)) == ("range", 2)
    assert free(("range", 1), ("range", 2)) is None


def test_the_one_with_less_left_to_do_goes_first(site: Site, take: Any) -> None:
    long, short = take("long"), take("short")
    Video.update(playable_at=clock.timestamp()).execute()
    Step.update(weight=1000).where(Step.video == long, Step.kind == "progressive").execute()
    assert next_id(site) == short.id
    first.first(site, long)
    assert next_id(site) == long.id
