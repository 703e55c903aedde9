"""A film of the watched folder was moved, not copied: whatever is said of it, it is never only deleted."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubehome.base import clock
from tubehome.base.config import Intake
from tubehome.base.errors import NoRoom, NotFound, Refused, TooLarge
from tubehome.base.i18n import Bytes
from tubehome.flows import accept as accepting
from tubehome.flows import intake, machine, refused, watched
from tubehome.flows.accept import accept
from tubehome.flows.announce import announce
from tubehome.flows.give_up import dismiss, give_up
from tubehome.flows.sweep import sweep
from tubehome.jobs import rows
from tubehome.library.models import Video
from tubehome.library.room import FULL, waits_for_room
from tubehome.media import check
from tubehome.pages.studio import today
from tubehome.site import Site
from tubehome.store import files, lock
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import RECEIVING, Upload


class Drop:
    def __init__(self, site: Site, folder: Path) -> None:
        self.folder = folder
        self.site = replace(site, config=replace(site.config, intake=Intake(str(folder), 1)))

    def move(self, film: Path, name: str = "film.mp4") -> Upload:
        """The row of a film that was moved out of the folder, with words that lay beside it."""
        shutil.copy(film, self.folder / name)
        (self.folder / f"{Path(name).stem}.txt").write_text("Title\nWords")
        watch = watched.Watch()
        watched.look(self.site, watch, 0)
        assert watched.look(self.site, watch, 5) == 1
        assert self.names() == []
        row: Upload = Upload.select().order_by(Upload.id.desc()).get()
        return row

    def judge(self, row: Upload) -> Upload:
        Upload.update(next_try=0).where(Upload.id == row.id).execute()
        accept(self.site, row.id, machine.tools(self.site))
        found: Upload = Upload.get_by_id(row.id)
        return found

    def names(self) -> list[str]:
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


BACK = ["refused/film.mp4", "refused/film.mp4.txt", "refused/film.txt"]
REASON = "film.mp4 is a text, not a video."


@pytest.fixture
def drop(site: Site, tmp_path: Path) -> Drop:
    folder = tmp_path / "drop"
    folder.mkdir()
    return Drop(site, folder)


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad"
    path.write_bytes(b"no film at all" * 100)
    return path


def raises(error: BaseException) -> Callable[..., Any]:
    def act(*_: object, **__: object) -> Any:
        raise error

    return act


def full_folder(patch: pytest.MonkeyPatch, folder: Path, error: OSError, last: bool) -> None:
    """Nothing can be written there any more; `last`: only the film itself cannot."""
    real_write, real_carry = files.write, refused.carry

    def write(final: Path, text: str, mode: int = 0o644) -> None:
        if not last:
            raise error
        real_write(final, text, mode)

    def carry(source: Path, target: Path) -> None:
        if target.name == "film.mp4":
            raise error
        real_carry(source, target)

    patch.setattr(files, "write", write)
    patch.setattr(refused, "carry", carry)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["_plan", "_rows"])
@pytest.mark.parametrize("error", [Refused("No."), TooLarge("Too long.")])
def test_what_is_refused_late_comes_back(
    drop: Drop, short_clip: Path, monkeypatch: pytest.MonkeyPatch, moment: str, error: Refused
) -> None:
    """It lay in the video's folder already."""
    row = drop.move(short_clip)
    monkeypatch.setattr(intake, moment, raises(error))
    done = drop.judge(row)
    assert (done.state, str(done.error)) == (rows.FAILED, str(error))
    assert drop.names() == BACK
    assert (drop.folder / BACK[0]).read_bytes() == short_clip.read_bytes()
    assert list(drop.site.files.incoming.iterdir()) == []
    assert list(drop.site.files.videos().iterdir()) == []


@pytest.mark.slow
def test_what_cannot_even_be_put_back_is_found_again(
    drop: Drop, short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, real = drop.move(short_clip), files.settle

    def settle(part: Path, final: Path) -> None:
        if final.parent == drop.site.files.incoming:
            raise OSError(errno.EIO, "Input/output error")
        real(part, final)

    with monkeypatch.context() as faulty:
        faulty.setattr(files, "settle", settle)
        faulty.setattr(intake, "_rows", raises(Refused("No.")))
        assert drop.judge(row).state == rows.WAITING
    done = drop.judge(row)
    assert done.state == rows.DONE, done.error
    original = drop.site.files.original(done.uuid)
    assert original
    assert original.read_bytes() == short_clip.read_bytes()


TROUBLES = {
    "full": OSError(errno.ENOSPC, "No space left on device"),
    "faulty": OSError(errno.EIO, "Input/output error"),
}


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_folder_that_cannot_take_it_is_waited_for(
    drop: Drop, bad: Path, monkeypatch: pytest.MonkeyPatch, trouble: str, last: bool
) -> None:
    row, read, real = drop.move(bad), list[int](), accepting._hash
    monkeypatch.setattr(accepting, "_hash", lambda *given: read.append(1) or real(*given))
    with monkeypatch.context() as full:
        full_folder(full, drop.folder, TROUBLES[trouble], last)
        for _ in range(5):
            waiting = drop.judge(row)
            assert (waiting.state, waiting.attempts) == (rows.WAITING, 0)
            assert str(drop.folder) in str(waiting.error)
            assert not waits_for_room(waiting.error), "it is not our own disk"
            assert incoming.path(drop.site, row.uuid).read_bytes() == bad.read_bytes()
            assert drop.names() == []
    assert len(read) == 1, "what was found out is remembered"
    assert (drop.judge(row).state, str(Upload.get_by_id(row.id).error)) == (rows.FAILED, REASON)
    assert drop.names() == BACK
    assert (drop.folder / BACK[1]).read_text() == f"{Upload.get_by_id(row.id).error.sentence('fr')}\n"


def test_a_folder_that_is_not_there_gets_it_when_it_is(drop: Drop, bad: Path, tmp_path: Path) -> None:
    row = drop.move(bad)
    away = drop.folder.rename(tmp_path / "unmounted")
    for _ in range(5):
        waiting = drop.judge(row)
        assert (waiting.state, waiting.attempts) == (rows.WAITING, 0)
        assert "is not there" in str(waiting.error)
    assert not drop.folder.exists(), "no folder is made in the place of a disk that is not mounted"
    away.rename(drop.folder)
    assert drop.judge(row).state == rows.FAILED
    assert drop.names() == BACK


def test_a_folder_that_was_turned_off_is_named(drop: Drop, bad: Path) -> None:
    row = drop.move(bad)
    on = drop.site
    drop.site = replace(on, config=replace(on.config, intake=Intake("", 1)))
    assert "turned off" in str(drop.judge(row).error)
    drop.site = on
    assert drop.judge(row).state == rows.FAILED
    assert drop.names() == BACK


def test_killed_in_the_moment_after_it_went_back(drop: Drop, bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    row = drop.move(bad)
    with monkeypatch.context() as dying:
        dying.setattr(incoming, "remove", raises(Killed()))
        with pytest.raises(Killed):
            drop.judge(row)
    assert (drop.judge(row).state, str(Upload.get_by_id(row.id).error)) == (rows.FAILED, REASON)
    assert drop.names() == BACK


@pytest.mark.parametrize("length", [200, 215, 255])
def test_a_long_name_goes_back_with_a_shorter_reason(drop: Drop, bad: Path, length: int) -> None:
    name = "é" * ((length - 5) // 2) + "x" * ((length - 5) % 2) + "y.mp4"
    assert len(name.encode()) == length
    for again in range(2):
        shutil.copy(bad, drop.folder / name)
        watch = watched.Watch()
        watched.look(drop.site, watch, 0)
        assert watched.look(drop.site, watch, 5) == 1
        assert drop.judge(Upload.select().order_by(Upload.id.desc()).get()).state == rows.FAILED
        back = sorted(path.suffix for path in (drop.folder / "refused").iterdir())
        assert back == [".mp4"] * (again + 1) + [".txt"] * (again + 1)
    assert (drop.folder / "refused" / name).exists()


def test_one_that_cannot_go_back_keeps_no_other_from_being_taken(
    drop: Drop, bad: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.mp4", "b.mp4"):
        shutil.copy(bad, drop.folder / name)
    (drop.folder / "a.toml").write_text("privacy = 'nonsense'")
    full_folder(monkeypatch, drop.folder, TROUBLES["full"], last=False)
    watch = watched.Watch()
    assert [watched.look(drop.site, watch, now) for now in (0, 5, 10, 15)] == [0, 1, 0, 0]
    assert drop.names() == ["a.mp4", "a.toml"]
    assert sum("No space" in record.message for record in caplog.records) == 1, "said once"


def test_half_a_copy_is_not_left_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "film.mp4", tmp_path / "away" / "film.mp4"
    source.write_bytes(b"film")
    target.parent.mkdir()

    def half(_: Path, part: Path) -> None:
        part.write_bytes(b"fi")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", raises(OSError(errno.EXDEV, "Invalid cross-device link")))
    monkeypatch.setattr(shutil, "copyfile", half)
    with pytest.raises(OSError, match="No space"):
        refused.carry(source, target)
    assert list(target.parent.iterdir()) == []
    assert source.read_bytes() == b"film"


NEEDED = NoRoom("No room for {needed}.", needed=Bytes(10**15))


@pytest.fixture
def waiting(drop: Drop, short_clip: Path) -> Callable[..., Upload]:
    """`waiting(watched)`: an upload that is all here and waits for room."""

    def make(moved: bool) -> Upload:
        if moved:
            row = drop.move(short_clip)
        else:
            row = announce(drop.site, desk.Said("film.mp4", short_clip.stat().st_size))
            shutil.copy(short_clip, incoming.path(drop.site, row.uuid))
            assert desk.whole(row)
        Upload.update(last_error=NEEDED.to_json()).where(Upload.id == row.id).execute()
        found: Upload = Upload.get_by_id(row.id)
        return found

    return make


@pytest.mark.parametrize("moved", [False, True])
def test_what_waits_for_room_can_be_given_up(drop: Drop, waiting: Any, moved: bool) -> None:
    give_up(drop.site, waiting(moved))
    assert Upload.select().count() == 0
    assert list(drop.site.files.incoming.iterdir()) == []
    assert drop.names() == (BACK if moved else [])


def test_what_is_being_looked_at_cannot(drop: Drop, waiting: Any) -> None:
    row = waiting(False)
    held = lock.try_exclusive(rows.lock_path(drop.site.files.run, row))
    assert held
    for act in (give_up, dismiss):
        with pytest.raises(Refused, match="being looked at"):
            act(drop.site, row)
    held.release(remove=True)
    for state in (rows.RUNNING, rows.DONE):
        Upload.update(state=state).execute()
        with pytest.raises(Refused, match="being looked at"):
            give_up(drop.site, row)  # (it was so in the moment before)
    Upload.update(state=rows.WAITING, last_error=None).execute()
    with pytest.raises(Refused, match="being looked at"):
        give_up(drop.site, row)
    assert incoming.path(drop.site, row.uuid).exists()


def test_a_second_click_finds_nothing(drop: Drop, waiting: Any) -> None:
    row = waiting(True)
    give_up(drop.site, row)
    for act in (give_up, dismiss):
        with pytest.raises(NotFound):
            act(drop.site, row)
    assert drop.names() == BACK


@pytest.mark.parametrize("act", [give_up, dismiss])
def test_what_has_failed_goes_back_as_well(drop: Drop, waiting: Any, act: Any) -> None:
    row = waiting(True)
    Upload.update(state=rows.FAILED, last_error=Refused("It failed.").to_json()).execute()
    away = drop.folder.rename(drop.folder.with_name("unmounted"))
    with pytest.raises(watched.CannotGoBack, match="is not there"):
        act(drop.site, row)
    assert incoming.path(drop.site, row.uuid).exists()
    assert Upload.select().count() == 1
    away.rename(drop.folder)
    act(drop.site, row)
    sweep(drop.site, thorough=True)
    assert Upload.select().count() == 0
    assert drop.names() == BACK
    assert (drop.folder / BACK[1]).read_text() == "It failed.\n"
    assert list(drop.site.files.incoming.iterdir()) == []


def test_what_lay_beside_it_stays_with_it(drop: Drop, waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = waiting(True)
    with monkeypatch.context() as full:
        full_folder(full, drop.folder, TROUBLES["full"], last=True)
        with pytest.raises(watched.CannotGoBack):
            give_up(drop.site, row)
    assert drop.names() == []
    assert [path.name for path in watched.kept_folder(drop.site, row.uuid).iterdir()] == ["film.txt"]


@pytest.mark.slow
@pytest.mark.parametrize("killed", [False, True])
def test_what_lies_in_the_video_s_folder_goes_back_from_there(
    drop: Drop, short_clip: Path, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    """Where it was left by a worker that died, or that could not put it back."""

    class Killed(BaseException):
        pass

    row, real = drop.move(short_clip), files.settle
    fault = Killed() if killed else TROUBLES["faulty"]

    def settle(part: Path, final: Path) -> None:
        if final.parent == drop.site.files.incoming:
            raise fault
        real(part, final)

    with monkeypatch.context() as dying:
        dying.setattr(files, "settle", settle)
        dying.setattr(intake, "_plan", raises(Killed() if killed else Refused("No.")))
        if killed:
            Upload.update(deaths=rows.DEATHS - 1).where(Upload.id == row.id).execute()
            with pytest.raises(Killed):
                drop.judge(row)
        else:
            for _ in range(rows.ATTEMPTS):
                drop.judge(row)
    failed = drop.judge(row)
    assert failed.state == rows.FAILED
    assert not incoming.path(drop.site, row.uuid).exists()
    assert intake.left_behind(drop.site, row.uuid)
    dismiss(drop.site, failed)
    sweep(drop.site, thorough=True)
    assert drop.names() == BACK
    assert (drop.folder / BACK[0]).read_bytes() == short_clip.read_bytes()
    assert list(drop.site.files.videos().iterdir()) == []


def test_what_was_just_being_moved_here_is_not_deleted(drop: Drop, bad: Path) -> None:
    row = drop.move(bad)
    Upload.update(state=RECEIVING, expires_at=clock.timestamp() - 1).execute()  # killed before the end of the move
    shutil.rmtree(drop.folder)
    with pytest.raises(Refused, match="being looked at"):
        give_up(drop.site, Upload.get_by_id(row.id))
    sweep(drop.site, thorough=True)
    assert incoming.path(drop.site, row.uuid).exists()
    assert Upload.get_by_id(row.id).state == RECEIVING


@pytest.mark.slow
def test_what_waits_for_room_is_not_read_again_every_minute(
    drop: Drop, waiting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, read, real = waiting(False), list[int](), accepting._hash
    monkeypatch.setattr(accepting, "_hash", lambda *given: read.append(1) or real(*given))
    with monkeypatch.context() as full:
        full.setattr(type(drop.site.files), "free_bytes", lambda _: drop.site.config.limits.reserve_bytes + 1000)
        for _ in range(3):
            still = drop.judge(row)
            assert still.state == rows.WAITING
            assert waits_for_room(still.error)
    assert len(read) == 1
    assert drop.judge(row).state == rows.DONE
    assert Video.select().count() == 1


def test_today_says_that_an_upload_waits_for_room(drop: Drop, waiting: Any) -> None:
    row = waiting(False)
    assert today(drop.site).no_room
    Upload.update(attempts=1).execute()
    assert today(drop.site).no_room, "also after an attempt that failed otherwise"
    Upload.update(last_error=Refused("Something else.").to_json()).where(Upload.id == row.id).execute()
    assert not today(drop.site).no_room


@pytest.mark.slow
def test_a_program_that_finds_no_room_makes_it_wait(drop: Drop, waiting: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    row = waiting(False)
    Upload.update(last_error=None).execute()
    full = NoRoom("The disk is full: make room.", cause="av_interleaved_write_frame(): No space left on device")
    monkeypatch.setattr(check, "check", raises(full))
    now = drop.judge(row)
    assert (now.state, now.attempts) == (rows.WAITING, 0)
    assert waits_for_room(now.error)
    assert "try again" not in str(now.error), "it goes on by itself"
    assert NoRoom.from_json(NoRoom(FULL).to_json()).status == 507
