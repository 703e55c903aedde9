"""What is copied into another file first (FLV, broadcasts, sound alone): room is asked for it, and nothing is lost."""

from __future__ import annotations

import errno
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tubehome.base.errors import NoRoom, ToolFailed
from tubehome.flows import machine
from tubehome.flows import room as rooms
from tubehome.flows.accept import accept
from tubehome.flows.announce import announce
from tubehome.flows.foresee import foresee
from tubehome.flows.intake import Intake, intake
from tubehome.jobs import rows
from tubehome.library.models import Video
from tubehome.library.room import FULL
from tubehome.media import encode, flv
from tubehome.media.plan import Plan
from tubehome.site import Site
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import Upload

pytestmark = pytest.mark.slow
PLAIN = "-pix_fmt yuv420p -g 25 -flvflags no_duration_filesize".split()


def tags(data: bytes) -> Iterator[tuple[bytes, int]]:
    """(each with what follows it, its milliseconds)."""
    at = 9 + 4
    while at < len(data):
        end = at + 11 + int.from_bytes(data[at + 1 : at + 4], "big") + 4
        yield data[at:end], int.from_bytes(data[at + 7 : at + 8] + data[at + 4 : at + 7], "big")
        at = end


@pytest.fixture
def begun_again(clip: Callable[..., Path], tmp_path: Path) -> Path:
    """As a recorder writes it whose camera was started again: the second's parameters stand between its tags."""
    film = "-f lavfi -i testsrc2=s=160x120:r=25:d=2 -c:v libx264".split()
    one = clip("camera-1.flv", *film, "-preset", "ultrafast", *PLAIN).read_bytes()
    two = clip("camera-2.flv", *film, "-preset", "medium", "-bf", "0", *PLAIN).read_bytes()
    made = bytearray(one[:13])
    ended = (9, 2)
    for each, _ in tags(one):
        if (each[0], each[12]) != ended:
            made += each
    for each, time in tags(two):
        if each[0] == 9:
            late = struct.pack(">I", time + 2000)
            made += each[:4] + late[1:] + late[:1] + each[8:]
    path = tmp_path / "camera.flv"
    path.write_bytes(made)
    return path


@pytest.fixture
def talk(clip: Callable[..., Path]) -> Path:
    return clip("first-talk.wav", *"-f lavfi -i sine=f=330:d=5".split())


@pytest.fixture
def broadcast(clip: Callable[..., Path]) -> Path:
    return clip("first-broadcast.ts", *"-f lavfi -i testsrc2=s=160x120:r=25:d=3 -c:v libx264 -pix_fmt yuv420p".split())


@pytest.fixture
def taken(short_clip: Path) -> Path:
    """Worked with as it is."""
    return short_clip


@pytest.mark.parametrize(("kind", "copied"), [("begun_again", 1), ("broadcast", 1), ("talk", 1), ("taken", 0)])
def test_room_is_asked_for_before_a_byte_of_it_is_written(
    site: Site, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, kind: str, copied: int
) -> None:
    path: Path = request.getfixturevalue(kind)
    size, asked = path.stat().st_size, list[int]()

    def filled(_: int) -> None:
        """While it was copied in, others took all but what half of it needs."""
        reserve = site.config.limits.reserve_bytes
        monkeypatch.setattr(type(site.files), "free_bytes", lambda self: reserve + size // 2)

    real_check, real_copy = rooms.check_room, encode.remux_if_needed

    def copies(*given: Any) -> Any:
        source, found = real_copy(*given)
        asked.append(-int(source != given[0]))
        return source, found

    def checks(site: Site, needed: int, *given: Any) -> None:
        asked.append(needed)
        real_check(site, needed, *given)

    monkeypatch.setattr(encode, "remux_if_needed", copies)
    monkeypatch.setattr("tubehome.flows.intake.check_room", checks)
    with path.open("rb") as source, pytest.raises(NoRoom) as told:
        intake(site, source, Intake(path.name), filled, machine.tools(site))
    assert path.name in str(told.value)
    assert asked[:2] == ([size, size] if copied else [size, 0])
    assert len(asked) == (2 if copied else 3), "then it asks for all that is made of it"


def test_of_what_is_begun_again_a_film_is_made(site: Site, begun_again: Path) -> None:
    with begun_again.open("rb") as source:
        video = intake(site, source, Intake(begun_again.name), lambda _: None, machine.tools(site))
    assert Plan.from_json(video.plan or "").remuxed


FAULTS = {
    "it fills": (OSError(errno.ENOSPC, "No space left on device"), FULL),
    "a program is killed": (ToolFailed("It was killed."), "It was killed."),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_upload_is_still_there_when_its_copy_fails(
    site: Site, begun_again: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    row = announce(site, desk.Said(begun_again.name, begun_again.stat().st_size))
    shutil.copy(begun_again, incoming.path(site, row.uuid))
    assert desk.whole(row)
    error, sentence = FAULTS[fault]

    def fails(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(flv, "repeat_parameters", fails)
        accept(site, row.id, machine.tools(site))
    now = Upload.get_by_id(row.id)
    assert (now.state, now.error.text) == (rows.WAITING, sentence)
    assert incoming.path(site, row.uuid).read_bytes() == begun_again.read_bytes()
    assert list(site.files.videos().iterdir()) == []
    Upload.update(next_try=0).where(Upload.id == row.id).execute()
    accept(site, row.id, machine.tools(site))
    assert Upload.get_by_id(row.id).state == rows.DONE
    assert Video.select().count() == 1


def test_the_copy_that_is_there_is_not_asked_for_again(
    site: Site, broadcast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, real = list[tuple[int, int]](), rooms.check_room

    def checks(site: Site, needed: int, name: str, there: int = 0) -> None:
        asked.append((needed, there))
        real(site, needed, name, there)

    monkeypatch.setattr("tubehome.flows.intake.check_room", checks)
    with broadcast.open("rb") as source:
        video = intake(site, source, Intake(broadcast.name), lambda _: None, machine.tools(site))
    copy = site.files.even_source(video.uuid).stat().st_size
    assert copy > 0
    all_of_it = Plan.from_json(video.plan or "").estimated_bytes
    assert asked[-1] == (all_of_it, copy)
    assert rooms.promised(site) == all_of_it - copy


def test_a_plan_is_not_made_on_a_disk_that_is_full(
    site: Site, broadcast: Path, taken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "room"
    room.mkdir()
    size, reserve = broadcast.stat().st_size, site.config.limits.reserve_bytes

    def free(number: int) -> None:
        usage = shutil.disk_usage(room)._replace(free=number)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    free(reserve + size)
    foresee(site.config, broadcast, machine.tools(site), room=room)
    free(reserve + size - 1)
    with pytest.raises(NoRoom, match=broadcast.name):
        foresee(site.config, broadcast, machine.tools(site), room=room)
    foresee(site.config, taken, machine.tools(site), room=room)  # nothing is copied
    assert list(room.iterdir()) == []
