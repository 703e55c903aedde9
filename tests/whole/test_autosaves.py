"""`kill -9` of the web while the owner writes: what was answered « saved » is in the database."""

from __future__ import annotations

import http.client
import http.cookies
import json
import random
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"
KILLS = 6


class Owner:
    """A browser of the owner: a session, and what its page says."""

    def __init__(self, url: str) -> None:
        self._where = (urlsplit(url).hostname or "", urlsplit(url).port)
        self._cookies: dict[str, str] = {}
        form = self.ask("GET", "/login")
        token = re.search(r'name="csrf_token" value="([^"]+)"', form)
        assert token, form
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self.ask("POST", "/login", urlencode({"password": PASSWORD, "csrf_token": token[1]}), **kind)
        mark = re.search(r'name="csrf-token" content="([^"]+)"', self.ask("GET", "/studio/"))
        assert mark
        self._mark = mark[1]

    def ask(self, method: str, path: str, body: str | None = None, **headers: str) -> str:
        """The text of an answer below 400; OSError or HTTPException when there is none."""
        connection = http.client.HTTPConnection(*self._where, timeout=30)
        if self._cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            for line in answer.headers.get_all("Set-Cookie") or []:
                self._cookies |= {name: one.value for name, one in http.cookies.SimpleCookie(line).items()}
            text = answer.read().decode()
        finally:
            connection.close()
        assert answer.status < 400, (answer.status, text)
        return text

    def save(self, short: str, **fields: str) -> dict[str, Any]:
        """What autosave.js sends; what it is told."""
        more = {"Content-Type": "application/json", "X-CSRFToken": self._mark, "Accept": "application/json"}
        told: dict[str, Any] = json.loads(self.ask("POST", f"/studio/videos/{short}/save", json.dumps(fields), **more))
        return told


class Writing(threading.Thread):
    """Writes one number after the other, and remembers what was sent and what was said to be saved."""

    def __init__(self, save: Callable[[int], dict[str, Any]]) -> None:
        super().__init__(daemon=True)
        self._save = save
        self._over = threading.Event()
        self.sent = self.saved = self.silences = 0
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._over.is_set():
                self.sent += 1
                try:
                    told = self._save(self.sent)
                except (OSError, http.client.HTTPException):
                    self.silences += 1
                    self._over.wait(0.02)
                    continue
                assert told["saved"] is True, told
                self.saved = self.sent
        except BaseException as fault:
            self.fault = fault
            raise

    def finish(self) -> None:
        self._over.set()
        self.join(60)
        assert not self.is_alive()


def test_what_was_said_to_be_saved_is_there(house: Any, drill: Any, short_clip: Path) -> None:
    seed = time.time_ns() % 1_000_000
    chance = random.Random(seed)
    # given a video, at work meanwhile, and somebody who writes without a pause
    house.serve()
    uuid = drill.uuid_of(house.run("publish", short_clip, check=0).stdout)
    short = drill.ids.shorten(uuid)
    owner = Owner(house.url)
    writing = Writing(lambda n: owner.save(short, title=f"Title {n}", description=f"Text {n}"))
    writing.start()
    # when the web dies at any moment, again and again
    for number in range(KILLS):
        low = writing.saved
        drill.wait_for(lambda low=low: writing.fault or writing.saved > low + 3, 30, "some saves")
        time.sleep(chance.uniform(0, 0.05))
        serving = drill.family(house.server.pid).serving
        drill.end([serving])
        said = writing.saved  # by now at the latest; what follows is said by the next process
        title, description = _stored(drill, house, uuid)
        # then what was said is there, or what came after it, and always whole
        assert title == description
        assert title >= said, f"kill {number} (seed {seed}): {said} was said to be saved, {title} is there"
        drill.wait_for(lambda: drill.answers(house.url), 40, "an answer")
    last = writing.saved
    drill.wait_for(lambda: writing.fault or writing.saved > last, 30, "a save after the last kill")
    writing.finish()
    assert writing.fault is None
    print(f"seed {seed}: {writing.sent} sent, {writing.silences} without an answer, the last saved {writing.saved}")
    assert writing.silences >= 1, "no kill was noticed"
    assert _stored(drill, house, uuid)[0] >= writing.saved
    # and the session outlived all of it
    assert f"Title {_stored(drill, house, uuid)[0]}" in owner.ask("GET", f"/studio/videos/{short}")
    house.wait_ready(uuid)
    assert "Traceback" not in house.log(), house.log()


def _stored(drill: Any, house: Any, uuid: str) -> tuple[int, int]:
    """The numbers in the title and in the description."""
    [row] = drill.rows(house.folder, "SELECT title, description FROM video WHERE uuid = ?", uuid)
    return tuple(int(re.sub(r"\D", "", row[name]) or 0) for name in ("title", "description"))  # type: ignore[return-value]
