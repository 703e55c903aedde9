"""A second attempt begins when its time has come: nobody has to sweep for it."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tubehome import tasks, worker
from tubehome.base.errors import ToolFailed
from tubehome.flows import accept, machine, pipeline, steps
from tubehome.flows.announce import announce
from tubehome.flows.intake import Intake, intake
from tubehome.jobs import Job, rows
from tubehome.library import queries
from tubehome.library.models import Step
from tubehome.media.ffmpeg import Killed
from tubehome.site import Site
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import Upload

pytestmark = pytest.mark.slow
FAULTS = {
    "an attempt": ToolFailed("It broke."),
    "a full disk": OSError(errno.ENOSPC, "No space left on device"),
    "killed": Killed("It was killed."),
}


@pytest.fixture
def working(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A worker for which nothing is swept, and whose rows wait for a moment only."""
    monkeypatch.setattr(tasks.sweeping, "sweep", lambda *_: None)
    monkeypatch.setattr(rows, "BACK_OFF", (0.3, 0.3, 0.3))
    for flow in (pipeline, accept):
        monkeypatch.setattr(flow, "ROOM_SECONDS", 0.3)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(site, stop))
    thread.start()
    yield site
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def failing(real: Callable[..., Any], fault: Exception, times: int) -> tuple[Callable[..., Any], list[object]]:
    """`real`, but for the first `times`; and what it was called with, each time."""
    calls: list[object] = []

    def fails(*given: Any) -> Any:
        calls.append(given)
        if len(calls) <= times:
            raise fault
        return real(*given)

    return fails, calls


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("fault", FAULTS)
def test_of_a_step(working: Site, short_clip: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    kind = "images"
    do, calls = failing(steps.DO[kind], FAULTS[fault], 2)
    monkeypatch.setitem(steps.DO, kind, do)
    with short_clip.open("rb") as source:
        video = intake(working, source, Intake(short_clip.name), lambda _: None, machine.tools(working))
    step = next(each for each in queries.steps(video) if each.kind == kind)
    wait_until(lambda: Step.get_by_id(step.id).state == rows.DONE)
    assert len(calls) == 3
    assert Step.get_by_id(step.id).attempts == (2 if fault == "an attempt" else 0)


@pytest.mark.parametrize("fault", ["an attempt", "a full disk"])
def test_of_an_upload(working: Site, short_clip: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    take, calls = failing(accept.take, FAULTS[fault], 2)
    monkeypatch.setattr(accept, "take", take)
    row = announce(working, desk.Said(short_clip.name, short_clip.stat().st_size))
    shutil.copy(short_clip, incoming.path(working, row.uuid))
    assert desk.whole(row)
    working.jobs.later(Job.ACCEPT, row.id)
    wait_until(lambda: Upload.get_by_id(row.id).state == rows.DONE)
    assert len(calls) == 3
