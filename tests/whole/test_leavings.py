"""What a kill can leave between two system calls, put there by hand: each of it is cleared, and nothing else."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from tubehome.flows import erase as erasing
from tubehome.flows import machine, pipeline
from tubehome.flows.intake import Intake, intake
from tubehome.flows.sweep import sweep
from tubehome.jobs import rows
from tubehome.library import queries
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.site import Site
from tubehome.store import lock

pytestmark = pytest.mark.slow


@pytest.fixture
def video(site: Site, short_clip: Path) -> Video:
    with short_clip.open("rb") as source:
        return intake(site, source, Intake("film.mp4"), lambda _: None, machine.tools(site))


def prepare(site: Site, video: Video) -> Video:
    for _ in queries.steps(video):
        pipeline.advance(site, video.id, machine.tools(site, threading.Event()))
    return Video.get_by_id(video.id)


def copied(site: Site, uuid: str) -> Path:
    """A file that is in its folder while its row is not yet there, long after its last byte was written."""
    original = site.files.video(uuid) / "original" / "source.mp4"
    original.parent.mkdir(parents=True)
    site.files.loose(uuid).touch()
    original.write_bytes(b"film")
    os.utime(original, (1, 1))
    return original


def test_half_a_playlist_beside_the_public_files(site: Site, video: Video) -> None:
    """Killed while `files.write` wrote: the step's next attempt takes it away."""
    half = site.files.public(video.uuid) / ".master.m3u8.0f3d1c5e-6a7b-4c8d-9e0f-a1b2c3d4e5f6.part"
    half.write_text("#EXTM")
    assert prepare(site, video).processing == Processing.READY
    assert not half.exists()


def test_intermediate_files_of_a_video_that_was_just_ready(site: Site, video: Video) -> None:
    """Killed between the last commit and the tidying after it."""
    ready = prepare(site, video)
    (site.files.work(ready.uuid) / "video-360.mp4").write_bytes(b"film")
    sweep(site, thorough=True)
    assert list(site.files.work(ready.uuid).iterdir()) == []
    assert any(site.files.public(ready.uuid).iterdir())


def test_intermediate_files_of_a_video_at_work_stay(site: Site, video: Video) -> None:
    kept = site.files.work(video.uuid) / "video-360.mp4"
    kept.write_bytes(b"film")
    sweep(site, thorough=True)
    assert kept.exists()


def test_the_lock_of_a_claim_that_was_done(site: Site, video: Video) -> None:
    """Killed between the commit and letting the claim go; a claim that is held stays."""
    done, held = queries.steps(video)[:2]
    rows.lock_path(site.files.run, done).touch()
    claim = rows.claim(held, site.files.run)
    assert claim is not None
    sweep(site, thorough=True)
    assert not rows.lock_path(site.files.run, done).exists()
    assert lock.is_held(rows.lock_path(site.files.run, held))
    claim.let_go()


def test_a_folder_without_a_row_goes_unless_its_copier_lives(site: Site) -> None:
    """However long ago its last byte was written: to look through a long film takes its time."""
    dead = copied(site, "11111111-2222-4333-8444-555555555555")
    living = copied(site, "66666666-7777-4888-8999-000000000000")
    with living.open("rb") as copying:
        fcntl.flock(copying, fcntl.LOCK_EX)
        sweep(site, thorough=True)
        assert not dead.parent.parent.exists()
        assert living.exists()


def test_what_bears_no_mark_is_never_swept(site: Site) -> None:
    """An older database was put back: the originals of later videos are all that is left of them."""
    film = copied(site, "11111111-2222-4333-8444-555555555555")
    site.files.loose("11111111-2222-4333-8444-555555555555").unlink()
    sweep(site, thorough=True)
    assert film.exists()


def test_an_erasing_that_was_killed_is_finished(site: Site, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the commit and the rename into the trash."""
    monkeypatch.setattr(erasing.files, "erase", lambda *_: None)
    erasing.erase(site, video)
    monkeypatch.undo()
    original = site.files.original(video.uuid)
    assert original is not None
    os.utime(original, (1, 1))
    sweep(site, thorough=True)
    assert not site.files.video(video.uuid).exists()


def test_a_row_that_comes_while_the_sweep_looks_saves_its_folder(
    site: Site, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of rows was read before the commit, the lock was tried after it."""
    original = site.files.original(video.uuid)
    assert original is not None
    os.utime(original, (1, 1))
    real = Video.select

    def before_the_commit(*columns: object) -> object:
        query = real(*columns)
        return query.where(Video.uuid != video.uuid) if columns else query

    monkeypatch.setattr(Video, "select", before_the_commit)
    sweep(site, thorough=True)
    assert original.exists()


def test_a_claim_that_cannot_be_written_is_not_kept(site: Site, video: Video, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk or a long writer: the next look must not find the row held by ourselves."""
    step = queries.steps(video)[0]

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Step, "update", full)
        with pytest.raises(sqlite3.OperationalError):
            rows.claim(step, site.files.run)
    claim = rows.claim(step, site.files.run)
    assert claim is not None
    claim.let_go()


def test_a_tool_that_fails_oddly_on_a_full_disk_is_no_attempt(
    site: Site, video: Video, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg 5.1 may end with 0 although its file could not be written whole; what reads it then says anything."""
    broken = replace(machine.tools(site, threading.Event()), ffmpeg="/bin/false")
    monkeypatch.setattr(type(site.files), "free_bytes", lambda _: 0)
    monkeypatch.setattr(pipeline, "_check_room", lambda _: None)  # there was room when it began
    pipeline.advance(site, video.id, broken)
    step = queries.steps(video)[0]
    assert (step.state, step.attempts) == (rows.WAITING, 0)
    assert step.error is not None
    assert "disk is full" in step.error.sentence("en")
