"""Rows of work and the bell: claims, deaths, attempts, waking up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from huey.registry import Message

from tubehome.base import clock, ids
from tubehome.base.errors import NoRoom, ToolFailed
from tubehome.jobs import Job, rows
from tubehome.jobs import bell as bells
from tubehome.jobs.bell import TASK, Bell
from tubehome.library.models import Channel, Step, Video
from tubehome.site import Site
from tubehome.store.db import db


@pytest.fixture
def step(site: Site) -> Step:
    video = Video.create(
        uuid=ids.new_uuid(),
        channel=Channel.get(),
        title="t",
        visibility="public",
        processing="received",
        created_at=1,
        updated_at=1,
        source_name="a",
        source_size=1,
        source_sha256="0",
    )
    return Step.create(video=video, position=1, kind="images")


def claim(step: Step, site: Site) -> rows.Claim:
    got = rows.claim(step, site.files.run)
    assert got is not None
    return got


def test_one_claims_and_the_others_do_not(step: Step, site: Site) -> None:
    mine = claim(step, site)
    assert rows.claim(step, site.files.run) is None
    assert rows.due(Step, site.files.run) == []
    mine.done()
    mine.let_go()
    assert rows.claim(step, site.files.run) is None  # done
    assert list(site.files.run.glob("step-*")) == []


CLAIM_AND_HANG = """
import sys, time
from pathlib import Path
from tubehome.store.db import open_database
from tubehome.jobs import rows
from tubehome.library.models import Step
open_database(Path(sys.argv[1]))
held = rows.claim(Step.get_by_id(int(sys.argv[2])), Path(sys.argv[3]))
print("held" if held else "none", flush=True)
time.sleep(60)
"""


def test_a_killed_workers_row_is_workable_at_once_and_is_no_attempt(step: Step, site: Site) -> None:
    for deaths in range(1, 4):
        worker = subprocess.Popen(
            [sys.executable, "-c", CLAIM_AND_HANG, str(site.files.database), str(step.id), str(site.files.run)],
            stdout=subprocess.PIPE,
        )
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"held\n"
        assert rows.due(Step, site.files.run) == []
        worker.kill()
        worker.wait()
        worker.stdout.close()
        assert [row.id for row in rows.due(Step, site.files.run)] == [step.id]
        fresh = Step.get_by_id(step.id)
        assert (fresh.state, fresh.attempts) == (rows.RUNNING, 0)
        assert fresh.deaths == deaths - 1
    got = claim(step, site)
    assert got.row.deaths == 3
    got.let_go()


def test_ten_deaths_are_taken_for_out_of_memory(step: Step, site: Site) -> None:
    Step.update(state=rows.RUNNING, deaths=9).execute()
    assert rows.claim(step, site.files.run) is None
    fresh = Step.get_by_id(step.id)
    assert fresh.state == rows.FAILED
    assert "memory" in fresh.error.sentence("en")


def test_an_attempt_that_fails_waits_and_the_third_is_the_last(step: Step, site: Site) -> None:
    waits = []
    for last in (False, False, True):
        Step.update(next_try=0).execute()
        mine = claim(step, site)
        before = clock.timestamp()
        assert mine.retry(ToolFailed("It broke.", cause="line 1\nline 2")) is not last
        mine.let_go()
        fresh = Step.get_by_id(step.id)
        waits.append(fresh.next_try - before)
        assert (fresh.error.sentence("en"), fresh.detail) == ("It broke.", "line 1\nline 2")
        assert rows.claim(step, site.files.run) is None
    assert fresh.state == rows.FAILED
    assert waits[0] < waits[1] < waits[2]


def test_a_program_that_is_killed_is_no_attempt_but_not_for_ever(step: Step, site: Site) -> None:
    for death in range(1, rows.DEATHS + 1):
        Step.update(next_try=0).execute()
        mine = claim(step, site)
        assert mine.died(ToolFailed("It was killed.")) is (death < rows.DEATHS)
        mine.let_go()
        fresh = Step.get_by_id(step.id)
        assert fresh.attempts == 0
        if death == 1:
            assert rows.workable(fresh, site.files.run), "again at once"
    assert fresh.state == rows.FAILED
    assert "memory" in fresh.error.sentence("en")


def test_waiting_for_room_is_no_attempt(step: Step, site: Site) -> None:
    mine = claim(step, site)
    mine.postpone(NoRoom("The disk is full."), 60)
    mine.let_go()
    fresh = Step.get_by_id(step.id)
    assert (fresh.state, fresh.attempts) == (rows.WAITING, 0)
    assert rows.due(Step, site.files.run) == []
    Step.update(next_try=clock.timestamp() - 1).execute()
    assert len(rows.due(Step, site.files.run)) == 1


def test_a_row_that_was_stopped_is_as_if_it_had_not_begun(step: Step, site: Site) -> None:
    mine = claim(step, site)
    mine.release()
    mine.let_go()
    fresh = Step.get_by_id(step.id)
    assert (fresh.state, fresh.attempts, fresh.deaths) == (rows.WAITING, 0, 0)
    assert len(rows.due(Step, site.files.run)) == 1


def test_a_next_try_written_by_a_wrong_clock_is_over(step: Step, site: Site) -> None:
    Step.update(next_try=clock.timestamp() + 315_360_000).execute()
    assert len(rows.due(Step, site.files.run)) == 1
    claim(step, site).let_go()


# --- the bell


def test_nothing_is_enqueued_inside_a_transaction(site: Site) -> None:
    with db.atomic(), pytest.raises(RuntimeError, match="inside a transaction"):
        site.jobs.later(Job.ADVANCE, 1)


def test_a_message_is_json_and_names_the_one_task(site: Site) -> None:
    site.jobs.later(Job.ADVANCE, 7)
    [raw] = site.jobs.huey.storage.enqueued_items()
    message = Message(*json.loads(raw))
    assert (message.name, message.args) == (TASK, ["advance", [7]])


@pytest.mark.parametrize("name", ["run", "a-very-long-folder-name-" * 6])
def test_the_bell_wakes_a_sleeper_at_once(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    worker, other = (Bell(tmp_path / "queue.db", folder / "doorbell") for _ in range(2))
    stop = threading.Event()
    worker.listen(stop)
    got: list[object] = []

    def sleep() -> None:
        got.append(worker.huey.storage.dequeue())
        worker.huey.storage.close()  # this thread's connection

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    time.sleep(0.3)
    began = time.monotonic()
    other.later(Job.SWEEP)
    sleeper.join(10)
    assert got
    assert got[0] is not None
    assert time.monotonic() - began < 5  # far below the nap: the datagram woke it
    stop.set()
    other.ring()
    for bell in (worker, other):
        bell.huey.storage.close()


def test_a_message_for_later_is_handed_out_in_its_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    now, storage = 1000.0, site.jobs.huey.storage
    monkeypatch.setattr(bells, "NAP_SECONDS", 0.01)
    monkeypatch.setattr(bells.time, "monotonic", lambda: now)
    for after in (60, 5):
        site.jobs.later(Job.ACCEPT, after, after=after)
    assert storage.queue_size() == 0, "nothing is written: the disk may be full"
    got = []
    for now in (1000.0, 1004.9, 1006.0, 1007.0, 1059.9, 1061.0, 1200.0):  # noqa: B007 - read by the clock
        data = storage.dequeue()
        got.append(Message(*json.loads(data)).args[1] if data else None)
    assert got == [None, None, [5], None, None, [60], None]


def test_who_sleeps_is_told_to_wake_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The nap that is under way would be too long."""
    monkeypatch.setattr(bells, "NAP_SECONDS", 600)
    house, got = Bell(tmp_path / "queue.db", tmp_path / "doorbell"), list[object]()

    def sleep() -> None:
        while not got or got[-1] is None:
            got.append(house.huey.storage.dequeue())
        house.huey.storage.close()  # this thread's connection

    sleeper = threading.Thread(target=sleep, daemon=True)
    sleeper.start()
    time.sleep(0.3)
    house.later(Job.ADVANCE, after=0.2)
    sleeper.join(60)
    assert not sleeper.is_alive()
    house.huey.storage.close()


def test_ringing_costs_no_descriptor(tmp_path: Path) -> None:
    folder = tmp_path / ("a-very-long-folder-name-" * 6)
    folder.mkdir()
    bell = Bell(tmp_path / "queue.db", folder / "doorbell")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        bell.ring()
    assert len(os.listdir("/proc/self/fd")) <= before  # another test's thread may close one meanwhile


def test_ringing_without_a_worker_is_fine(tmp_path: Path) -> None:
    Bell(tmp_path / "queue.db", tmp_path / "doorbell").ring()
