"""A disk that is full for real: a small tmpfs. What comes in is refused in one sentence; what is at work waits."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

MEGABYTE = 1 << 20


@pytest.fixture
def small_house(make_house: Callable[[str], Any], small_disk: Callable[[str, int], None]) -> Iterator[Any]:
    """A house on a disk of 120 MB, of which it keeps nothing free for others; stopped before the disk goes."""
    small_disk("small", 120)
    house = make_house("small").init()
    (house.folder / "config.toml").write_text("[limits]\nreserve_bytes = 0\n")
    yield house
    house.stop()


def fill(folder: Path, left: int = 0) -> Path:
    """Leaves so many bytes free, and less than a page more."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as out:
        for size in (MEGABYTE, 4096):
            with contextlib.suppress(OSError):
                while free(folder) >= left + size:
                    out.write(b"\0" * size)
    assert left <= free(folder) < left + 4096
    return filler


def free(folder: Path) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def tree(folder: Path) -> list[str]:
    return sorted(
        str(p.relative_to(folder)) for p in folder.rglob("*") if not p.name.startswith(("tubehome.db", "lock"))
    )


def test_a_file_larger_than_the_disk_is_refused_before_it_is_copied(small_house: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as out:
        out.truncate(200 * MEGABYTE)
    before = tree(small_house.folder)
    done = small_house.run("publish", film, check=1)
    assert "There is not enough room on the disk for film.mp4" in done.stderr
    assert done.stdout == ""
    assert tree(small_house.folder) == before
    assert small_house.videos() == []


def test_a_disk_that_fills_in_the_middle_of_the_copy(small_house: Any, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    with film.open("wb") as out:
        out.truncate(100 * MEGABYTE)
    before = tree(small_house.folder)
    # given a copy, caught when a part of it is there
    command = [sys.executable, "-c", "from tubehome.cli import main; main()", "publish", str(film)]
    environment = {**small_house.env, "TUBEHOME_DATA": str(small_house.folder)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as copy:
        deadline = time.monotonic() + 60
        while not any(part.stat().st_size > MEGABYTE for part in (small_house.folder / "incoming").iterdir()):
            assert time.monotonic() < deadline
            assert copy.poll() is None, copy.communicate()
        copy.send_signal(signal.SIGSTOP)
        # when somebody else takes all the room
        filler = fill(small_house.folder)
        copy.send_signal(signal.SIGCONT)
        said, errors = copy.communicate(timeout=60)
    # then
    assert copy.returncode == 1, errors
    assert said == ""
    assert "The disk became full while the file was copied: make room, then try again." in errors
    assert "Traceback" not in errors
    filler.unlink()
    assert tree(small_house.folder) == before
    assert small_house.videos() == []


def test_a_disk_that_fills_in_the_middle_of_an_upload(
    small_house: Any, tus: Any, short_clip: Path, tmp_path: Path
) -> None:
    token = small_house.run("token", "create", "camera", check=0).stdout.strip().splitlines()[-1]
    client = tus.Client(small_house.serve(), token)
    film = tus.padded(short_clip, tmp_path / "film.mp4", 60 * MEGABYTE)
    path = client.announce(film.length)
    # given an upload under way, when somebody else takes all the room
    with client.patch(path, 0, film.length) as sock:
        tus.pour(sock, film, 0, 20 * MEGABYTE)
        tus.wait_for(lambda: client.offset(path) == 20 * MEGABYTE, 30, "the first part")
        filler = fill(small_house.folder)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            tus.pour(sock, film, 20 * MEGABYTE, 21 * MEGABYTE)
        told = tus.answer_of(sock)
    # then that is said, and what had come is there
    assert told.status == 507, told
    assert "disque" in told.text
    at = client.offset(path)
    assert 20 * MEGABYTE <= at < 21 * MEGABYTE
    piece = film.path.read_bytes()[at : at + 100_000]
    checksum = "sha256 " + base64.b64encode(hashlib.sha256(piece).digest()).decode()
    headers = {"Upload_Offset": str(at), "Content_Type": tus.OCTETS}
    assert client.ask("PATCH", path, piece, **headers, Upload_Checksum=checksum).status == 507
    assert client.offset(path) == at
    # and when there is room, it goes on
    filler.unlink()
    assert client.ask("PATCH", path, piece, **headers, Upload_Checksum=checksum).status == 204
    done = client.send(path, film, at + len(piece))
    assert (done.status, done.offset) == (204, film.length)
    uuid = path.rsplit("/", 1)[1]
    tus.wait_for(lambda: tus.rows(small_house.folder, "SELECT 1 FROM video WHERE uuid = ?", uuid), 60, "the video")
    small_house.wait_ready(uuid)
    assert tus.rows(small_house.folder, "SELECT source_sha256 AS s FROM video")[0]["s"] == film.sha256
    tus.in_order(small_house)


@pytest.mark.parametrize("kind", ["images", "range"])
def test_work_waits_with_a_sentence_and_goes_on_by_itself(
    small_house: Any, drill: Any, eight_seconds: Path, kind: str
) -> None:
    # given a film at work, and a reserve that the work itself does not touch
    # Pictures that the owner may choose from stay on the disk though their step fails, and a range is at work beside
    # it: there has to be more room, or the last byte is gone when the row is to be written.
    reserve, left = (4 * MEGABYTE, 2 * MEGABYTE) if kind == "images" else (MEGABYTE, 300_000)
    (small_house.folder / "config.toml").write_text(f"[limits]\nreserve_bytes = {reserve}\n")
    uuid, step = at_work(small_house, drill, eight_seconds, kind)
    # when somebody else takes all the room but for a little, in which a row can be written
    filler = fill(small_house.folder, left)
    # then a step waits, which is no failure, and the owner is told what for
    drill.wait_for(lambda: step()["state"] == "waiting" and step()["last_error"], 90, "a wait")
    assert step()["attempts"] == 0, small_house.log()
    shown = small_house.run("videos", "show", uuid, check=0).stdout
    assert "The disk is full: the preparation goes on by itself when there is room." in shown
    goes_on(small_house, drill, step, filler, uuid)


@pytest.mark.parametrize("kind", ["images", "range"])
def test_where_not_a_byte_is_left_nothing_is_lost(small_house: Any, drill: Any, eight_seconds: Path, kind: str) -> None:
    """Not even the row that says so can be written; the worker's log has it."""
    uuid, step = at_work(small_house, drill, eight_seconds, kind)
    filler = fill(small_house.folder)
    drill.wait_for(lambda: step()["state"] == "waiting" or "disk is so full" in small_house.log(), 90, "a wait")
    goes_on(small_house, drill, step, filler, uuid)


def at_work(house: Any, drill: Any, film: Path, kind: str) -> tuple[str, Callable[[], Any]]:
    """The film's uuid and its step, now of this kind and running."""
    house.serve()
    uuid = drill.uuid_of(house.run("publish", film, check=0).stdout)

    def step() -> Any:
        left = drill.rows(house.folder, "SELECT * FROM step WHERE state != 'done' ORDER BY position")
        return next((row for row in left if row["kind"] == kind), left[0])

    drill.wait_for(lambda: step()["kind"] == kind and step()["state"] == "running", 60, f"the step {kind}")
    return uuid, step


def goes_on(house: Any, drill: Any, step: Callable[[], Any], filler: Path, uuid: str) -> None:
    """Still waits when it is looked at again; is done when there is room. (The minute's sweep is spared us.)"""
    room = filler.stat().st_size
    again(house, drill, room)
    time.sleep(2)
    drill.wait_for(lambda: not drill.family(house.server.pid).programs, 60, "the end of the second look")
    assert step()["attempts"] == 0, house.log()
    state = json.loads(drill.ask(house.url, f"/w/{house.videos()[0]['short']}/state").body)
    assert state["state"] in ("preparing", "playable", "out")
    filler.unlink()
    again(house, drill)
    house.wait_ready(uuid)
    drill.wait_for(lambda: not drill.left_over(house.folder), 10, "order")
    assert "Traceback" not in house.log(), house.log()
    assert "Unhandled" not in house.log(), house.log()


def again(house: Any, drill: Any, room: int = 0) -> None:
    """The next look at the disk, now. To ring for it takes a little room of its own, which is taken away again."""
    filler = house.folder / "filler"
    if room:
        os.truncate(filler, room - 100_000)
    with drill.database(house.folder) as connection:
        connection.execute("UPDATE step SET next_try = 0")
        connection.commit()
    drill.ring(house)
    if room:
        fill(house.folder, max(0, free(house.folder) - 100_000))
