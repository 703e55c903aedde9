"""Houses side by side, stopped in the middle, entered twice: what real processes do to one another."""

from __future__ import annotations

import http.cookiejar
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"  # of the main conftest's owner
COMMAND = [sys.executable, "-c", "from tubehome.cli import main; main()"]


def start(house: Any, *arguments: str | Path) -> subprocess.Popen[str]:
    """A command on the house's folder, not waited for."""
    environment = {**house.env, "TUBEHOME_DATA": str(house.folder)}
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


class Browser:
    """Keeps cookies as browsers do: by host, whatever the port; follows redirects."""

    def __init__(self) -> None:
        self.jar = http.cookiejar.CookieJar()
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar)).open

    def get(self, address: str, data: bytes | None = None, **headers: str) -> tuple[int, str, bytes]:
        """(status, where it ended, body)."""
        try:
            with self._open(urllib.request.Request(address, data, headers), timeout=60) as answer:
                return answer.status, answer.url, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.url, error.read()

    def log_in(self, url: str) -> None:
        """Fills in the real form and sends it, with its token."""
        status, _, page = self.get(f"{url}/login")
        assert status == 200
        token = re.search(r'name="csrf_token" value="([^"]+)"', page.decode())
        assert token
        form = urlencode({"password": PASSWORD, "csrf_token": token[1]}).encode()
        status, where, _ = self.get(f"{url}/login", form)
        assert (status, where) == (200, f"{url}/studio/")


# --- side by side


def test_two_houses_do_not_see_each_other(make_house: Callable[[str], Any], drill: Any, short_clip: Path) -> None:
    # given two, each with a film of its own
    one, two = make_house("one").init(), make_house("two").init()
    one.serve()
    two.serve()
    here = one.run("publish", short_clip, "--title", "Chez nous", "--wait", check=0).stdout.strip()
    there = two.run("publish", short_clip, "--title", "Chez eux", "--wait", check=0).stdout.strip()  # no duplicate
    assert here.startswith(one.url)
    assert there.startswith(two.url)
    # then neither has the other's
    for house, own, other in ((one, here, there), (two, there, here)):
        assert [video["url"] for video in house.videos()] == [own]
        assert drill.ask(house.url, own.removeprefix(house.url)).status == 200
        assert drill.ask(house.url, other[other.index("/w/") :]).status == 404
        feed = drill.ask(house.url, "/feed.xml").text
        assert ("Chez nous" in feed, "Chez eux" in feed) == (house is one, house is two)
    # and one browser can be inside both: cookies know no ports
    browser = Browser()
    browser.log_in(one.url)
    browser.log_in(two.url)
    for house, title in ((one, "Chez nous"), (two, "Chez eux")):
        status, where, page = browser.get(f"{house.url}/studio/")
        assert (status, where) == (200, f"{house.url}/studio/")
        assert title in page.decode()
    assert len({cookie.name for cookie in browser.jar}) == 4  # a session each, and a device that is known
    # and one can go while the other stays
    one.stop()
    assert drill.answers(two.url)
    assert one.processes() == []


def test_a_folder_takes_one_server_and_one_worker(house: Any) -> None:
    house.serve()
    for arguments, said in (
        (("serve", "--port", "0"), f"This folder is served already, at {house.url}."),
        (("web", "--port", "0"), f"This folder is served already, at {house.url}."),
        (("worker",), f"A worker runs already for the data folder {house.folder}."),
    ):
        done = house.run(*arguments, check=1)
        assert (done.stdout, done.stderr) == ("", f"{said}\n")


# --- stopped in the middle


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_in_the_middle_of_an_encode(
    house: Any, drill: Any, clip: Callable[..., Path], how: signal.Signals
) -> None:
    """Five seconds are promised; a machine that does other things as well is forgiven as much again."""
    film = clip(
        "minute.mp4", *"-f lavfi -i testsrc2=s=1280x720:r=30:d=60 -c:v libx264 -preset ultrafast -crf 40".split()
    )
    house.serve()
    house.run("publish", film, check=0)
    worker = drill.family(house.server.pid).worker
    encoding = "SELECT 1 FROM step WHERE state = 'running' AND kind = 'range'"
    drill.wait_for(lambda: drill.rows(house.folder, encoding), 60, "an encode")
    programs = drill.wait_for(lambda: drill.Family(0, 0, 0, worker).programs, 20, "its ffmpeg")
    seconds = house.stop(how)
    print(f"stopped by {how.name} in {seconds:.2f} s")
    assert seconds < 10
    assert [pid for pid in programs if Path(f"/proc/{pid}").exists()] == []
    assert house.processes() == []
    assert [p.name for p in (house.folder / "run").iterdir()] == []
    # the row is workable again, as if it had not been begun
    for step in drill.rows(house.folder, "SELECT * FROM step WHERE state != 'done'"):
        assert (step["state"], step["attempts"], step["deaths"], step["last_error"]) == ("waiting", 0, 0, None)
    assert list((house.folder / "videos").rglob("*.part")) == []


# --- publish: killed, twice at once, beside a server


def test_a_publish_killed_while_it_copies_leaves_nothing(house: Any, drill: Any, tmp_path: Path) -> None:
    # given a copy that takes its time, killed in the middle
    film = tmp_path / "large.mp4"
    with film.open("wb") as out:
        out.truncate(4_000_000_000)  # holes: it costs nothing
    with start(house, "publish", film) as copy:
        drill.wait_for(lambda: any(p.stat().st_size for p in (house.folder / "incoming").iterdir()), 60, "a copy")
        copy.kill()
        copy.communicate(timeout=30)
    [part] = (house.folder / "incoming").iterdir()
    # when the worker starts (a part is spared for ten seconds after its last byte: we make it older)
    os.utime(part, (1, 1))
    house.serve()
    # then
    drill.wait_for(lambda: not part.exists(), 30, "the sweep")
    assert house.videos() == []
    assert drill.left_over(house.folder) == []


def test_a_publish_killed_anywhere_is_all_or_nothing(house: Any, drill: Any, short_clip: Path) -> None:
    """After the next start: a video that becomes ready, or no trace."""
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chance = random.Random(seed)
    began = time.monotonic()
    house.run("publish", short_clip, "--again", check=0)
    took = time.monotonic() - began
    for _ in range(8):
        with start(house, "publish", "--again", short_clip) as copy:
            time.sleep(chance.uniform(0.3, 1.1) * took)
            copy.kill()
            copy.communicate(timeout=30)
    for part in (house.folder / "incoming").iterdir():
        os.utime(part, (1, 1))
    for folder in (house.folder / "videos").iterdir():
        os.utime(folder, (1, 1))  # made just before the kill, and spared as long
    there = len(list((house.folder / "videos").iterdir()))
    house.serve()
    known = house.videos()
    print(f"{there} folders, {len(known)} videos")
    assert 1 <= len(known) <= 9
    for video in known:
        house.wait_ready(video["uuid"])
    drill.wait_for(lambda: not drill.left_over(house.folder), 20, "order")


def test_of_two_who_publish_the_same_file_at_once_one_wins(house: Any, short_clip: Path) -> None:
    for _ in range(3):
        both = [start(house, "publish", short_clip) for _ in range(2)]
        ended = [(one, *one.communicate(timeout=120)) for one in both]
        assert sorted(one.returncode for one, _, _ in ended) == [0, 2], ended
        [(_, address, _)] = [each for each in ended if each[0].returncode == 0]
        [(_, said, errors)] = [each for each in ended if each[0].returncode == 2]
        assert said == ""
        assert f"This file is here already: {address.strip()} " in errors
        [video] = house.videos()
        house.run("videos", "delete", "--now", video["uuid"], check=0)
        assert list((house.folder / "videos").iterdir()) == []


def test_a_running_server_takes_a_published_file_at_once(house: Any, drill: Any, short_clip: Path) -> None:
    """By the bell, long before the next sweep."""
    house.serve()
    time.sleep(3)  # the sweep of the start is over, the next one a minute away
    address = house.run("publish", short_clip, check=0).stdout.strip()
    began = time.monotonic()
    begun = "SELECT 1 FROM step WHERE state != 'waiting'"
    drill.wait_for(lambda: drill.rows(house.folder, begun), 20, "a beginning")
    print(f"begun after {time.monotonic() - began:.2f} s")
    house.wait_ready(drill.uuid_of(address))


# --- private


def test_what_is_private_is_the_owners_alone_over_real_http(house: Any, drill: Any, short_clip: Path) -> None:
    # given a private film and, so that the feeds are not empty, a public one
    house.serve()
    address = house.run("publish", short_clip, "--privacy", "private", "--title", "Répétition", check=0).stdout.strip()
    uuid = drill.uuid_of(address)
    stranger, owner = Browser(), Browser()
    owner.log_in(house.url)
    # then a stranger finds nothing while it is made
    page = address.removeprefix(house.url)
    for path in (page, f"{page}/state", f"/media/{uuid}/master.m3u8"):
        assert stranger.get(house.url + path)[0] == 404
    assert owner.get(address)[0] == 200
    house.wait_ready(uuid)
    house.run("publish", short_clip, "--again", "--title", "Pour tous", "--wait", check=0)
    # nor when it is ready, at any address that it has
    names = drill.named_by_rows(house.folder, uuid)
    assert {Path(name).suffix for name in names} == {".m3u8", ".mp4", ".json", ".jpg", ".webp", ".vtt"}
    media = [f"/media/{uuid}/{name}" for name in names]
    pages = [page, f"{page}/state", f"/w/{uuid}", f"/videos/watch/{uuid}", f"/en{page}"]
    for path in [*pages, *media]:
        for headers in ({}, {"Range": "bytes=0-99"}, {"Range": "bytes=-1"}, {"If-None-Match": "*"}):
            status, _, body = stranger.get(house.url + path, **headers)
            assert status == 404, (path, headers, status)
            assert "Répétition" not in body.decode()
        assert drill.ask(house.url, path, "HEAD").status == 404
        assert owner.get(house.url + path)[0] == 200, path
    film = next(path for path in media if path.endswith("-fragmented.mp4"))
    assert owner.get(house.url + film, Range="bytes=0-99")[0] == 206
    # and no list has it, whoever asks
    for path in ("/", "/feed.xml", "/feed.atom", "/c/claire_channel", "/c/claire_channel/feed.xml"):
        for who in (stranger, owner):
            body = who.get(house.url + path)[2].decode()
            assert "Pour tous" in body, path
            assert uuid not in body
            assert page not in body
    assert list(stranger.jar) == []  # a reader gets no cookie
    # nor does a cookie that is not ours
    (cookie,) = (cookie for cookie in owner.jar if not cookie.name.endswith("-device"))
    cookie.value = f"{cookie.value}x"
    assert owner.get(address)[0] == 404
