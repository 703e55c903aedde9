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

from tubehome.base.config import Intake
from tubehome.base.errors import NoRoom, Refused, TooLarge, Unavailable
from tubehome.base.i18n import Bytes
from tubehome.flows import accept as accepting
from tubehome.flows import intake, machine, watched
from tubehome.flows.accept import accept
from tubehome.flows.announce import announce
from tubehome.flows.give_up import give_up, take_off
from tubehome.jobs import rows
from tubehome.library.models import Video
from tubehome.library.room import FULL, waits_for_room
from tubehome.media import check
from tubehome.pages.studio import today
from tubehome.site import Site
from tubehome.store import files, lock
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import Upload


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
    real_write, real_carry = files.write, watched._carry

    def write(final: Path, text: str, mode: int = 0o644) -> None:
        if not last:
            raise error
        real_write(final, text, mode)

    def carry(source: Path, target: Path) -> None:
        if target.name == "film.mp4":
            raise error
        real_carry(source, target)

    patch.setattr(files, "write", write)
    patch.setattr(watched, "_carry", carry)


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


@pytest.mark.parametrize("last", [False, True])
def test_a_folder_that_is_full_is_waited_for(
    drop: Drop, bad: Path, monkeypatch: pytest.MonkeyPatch, last: bool
) -> None:
    row = drop.move(bad)
    with monkeypatch.context() as full:
        full_folder(full, drop.folder, OSError(errno.ENOSPC, "No space left on device"), last)
        for _ in range(5):
            waiting = drop.judge(row)
            assert (waiting.state, waiting.attempts) == (rows.WAITING, 0)
            assert waits_for_room(waiting.error)
            assert incoming.path(drop.site, row.uuid).read_bytes() == bad.read_bytes()
            assert "refused/film.mp4.txt" not in drop.names(), "no reason without its film"
    assert drop.judge(row).state == rows.FAILED
    assert drop.names() == BACK


def test_a_folder_that_fails_is_tried_again_and_named(drop: Drop, bad: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = drop.move(bad)
    with monkeypatch.context() as faulty:
        full_folder(faulty, drop.folder, OSError(errno.EIO, "Input/output error"), last=True)
        states = [drop.judge(row).state for _ in range(rows.ATTEMPTS)]
    assert states == [rows.WAITING, rows.WAITING, rows.FAILED]
    last = Upload.get_by_id(row.id)
    assert last.error.text == watched.CANNOT_GO_BACK
    assert str(drop.folder) in str(last.error)
    assert incoming.path(drop.site, row.uuid).exists()
    desk.again(last)
    assert drop.judge(row).state == rows.FAILED
    assert drop.names() == BACK


def test_a_folder_that_is_not_there_gets_it_when_it_is(drop: Drop, bad: Path, tmp_path: Path) -> None:
    row = drop.move(bad)
    away = drop.folder.rename(tmp_path / "unmounted")
    waiting = drop.judge(row)
    assert (waiting.state, waiting.attempts) == (rows.WAITING, 1)
    assert "is not there" in str(waiting.error)
    assert not drop.folder.exists(), "no folder is made in the place of a disk that is not mounted"
    away.rename(drop.folder)
    assert drop.judge(row).state == rows.FAILED
    assert drop.names() == BACK


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
        watched._carry(source, target)
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
    with pytest.raises(Refused, match="being looked at"):
        give_up(drop.site, row)
    held.release(remove=True)
    Upload.update(state=rows.DONE).execute()
    with pytest.raises(Refused, match="being looked at"):
        give_up(drop.site, row)  # it was done in the moment before
    assert incoming.path(drop.site, row.uuid).exists()


def test_what_cannot_go_back_stays_on_the_list(drop: Drop, waiting: Any) -> None:
    row = waiting(True)
    Upload.update(state=rows.FAILED).execute()
    shutil.rmtree(drop.folder)
    with pytest.raises(Unavailable, match="is not there"):
        take_off(drop.site, Upload.get_by_id(row.id))
    assert incoming.path(drop.site, row.uuid).exists()
    assert Upload.select().count() == 1


@pytest.mark.slow
def test_what_waits_for_room_is_not_read_again_every_minute(
    drop: Drop, waiting: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = waiting(False)
    with monkeypatch.context() as patch:
        patch.setattr(accepting, "_hash", raises(AssertionError("it was read")))
        still = drop.judge(row)
        assert still.state == rows.WAITING
        assert waits_for_room(still.error)
        assert still.error.values["needed"] == Bytes(10**15)
    little = NoRoom("No room for {needed}.", needed=Bytes(1))
    Upload.update(last_error=little.to_json()).execute()
    assert drop.judge(row).state == rows.DONE
    assert Video.select().count() == 1


def test_today_says_that_an_upload_waits_for_room(drop: Drop, waiting: Any) -> None:
    row = waiting(False)
    assert today(drop.site).no_room
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
