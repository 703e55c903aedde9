"""A broadcast's copy with an even clock, lost with the work folder: made again, also by two who need it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubehome.flows import machine, pipeline
from tubehome.flows.intake import Intake, intake
from tubehome.jobs import rows
from tubehome.library import kinds, queries
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.media import encode
from tubehome.media.plan import Plan
from tubehome.site import Site
from tubehome.store import lock

pytestmark = pytest.mark.slow
FILM = "-f lavfi -i testsrc2=s=160x90:r=25:d=12 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 300".split()


@pytest.fixture
def small(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    policy = replace(machine.policy(site), preset="ultrafast", heights=(90,), range_seconds=4)
    monkeypatch.setattr(machine, "policy", lambda site: policy)
    return site


@pytest.fixture
def video(small: Site, clip: Callable[..., Path]) -> Video:
    """Playable, with ranges left that may be encoded side by side; its copy is lost (a restored backup)."""
    path = clip("even.ts", *FILM)
    with path.open("rb") as source:
        video = intake(small, source, Intake(path.name), lambda _: None, machine.tools(small))
    assert Plan.from_json(video.plan).remuxed
    while Video.get_by_id(video.id).playable_at is None:
        pipeline.advance(small, video.id, machine.tools(small))
    return Video.get_by_id(video.id)


def test_two_ranges_that_make_it_again_at_once_are_both_done(
    small: Site, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    even = small.files.even_source(video.uuid)
    before = even.read_bytes()
    even.unlink()
    both, real, made = threading.Barrier(2), encode.remux_if_needed, list[bytes]()

    def at_once(*given: Any) -> Any:
        both.wait(60)  # both have begun
        found = real(*given)
        both.wait(60)  # both are done, and neither has its place yet
        made.append(found[0].read_bytes())
        return found

    left = [step for step in queries.steps(video) if step.kind == kinds.RANGE and step.state == rows.WAITING][:2]

    def encodes(step: Step) -> None:
        with small.db.connection_context():
            pipeline.advance(small, video.id, machine.tools(small), step_id=step.id)

    with monkeypatch.context() as patch:
        patch.setattr(encode, "remux_if_needed", at_once)
        threads = [threading.Thread(target=encodes, args=(step,)) for step in left]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert made == [before, before]
    assert even.read_bytes() == before
    ended = [Step.get_by_id(step.id) for step in left]
    assert [(step.state, step.attempts) for step in ended] == [(rows.DONE, 0)] * 2, [step.detail for step in ended]
    assert [path for path in small.files.work(video.uuid).iterdir() if path.suffix == ".part"] == []


def test_what_a_kill_left_of_it_is_swept_and_what_somebody_makes_is_not(small: Site, video: Video) -> None:
    even = small.files.even_source(video.uuid)
    even.unlink()
    dead, old, alive = (even.with_name(name) for name in ("even-dead.part", "even.part", "even-alive.part"))
    dead.write_bytes(b"half")
    old.write_bytes(b"half, by an older program")
    with lock.try_exclusive(alive):  # type: ignore[union-attr]
        pipeline.advance(small, video.id, machine.tools(small))
        assert (dead.exists(), old.exists(), alive.exists()) == (False, False, True)
    assert even.exists()
    for _ in range(20):
        pipeline.advance(small, video.id, machine.tools(small))
    assert Video.get_by_id(video.id).processing == Processing.READY
