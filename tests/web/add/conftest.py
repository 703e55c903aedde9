"""Adding videos in a browser: a house of real processes, a road to it that can be cut, and Chromium."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

PASSWORD = "correct horse battery"
FLAGS = (
    "--no-sandbox --headless --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --force-color-profile=srgb"
).split()


def _load(name: str) -> ModuleType:
    """A module beside this file: tests are not a package."""
    spec = importlib.util.spec_from_file_location(f"tubehome_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    made = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(made)
    return made


roads = _load("road")


@dataclass
class Place:
    """A house, and the road to it."""

    house: Any
    road: Any
    port: int

    def serve(self) -> None:
        self.house.serve("--port", str(self.port))

    def restart(self) -> None:
        self.house.stop()
        self.serve()

    def web(self) -> int:
        """The process that answers: the child of `serve` that holds the port."""
        status = {pid: (Path("/proc") / str(pid) / "status").read_text() for pid in self.house.processes()}
        children = [pid for pid, said in status.items() if f"\nPPid:\t{self.house.server.pid}\n" in said]
        return next(pid for pid in children if b"tubehome.web" in _modules(pid))

    def database(self, question: str, *values: Any) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(Path(self.house.folder) / "tubehome.db", timeout=20)) as db, db:
            return db.execute(question, values).fetchall()

    @property
    def here(self) -> int:
        """Bytes of uploads that the server has. (What a browser calls sent may still lie in its own machine.)"""
        return sum(file.stat().st_size for file in self.incoming)

    @property
    def incoming(self) -> list[Path]:
        return sorted((Path(self.house.folder) / "incoming").iterdir())


def _modules(pid: int) -> bytes:
    """What tells web from worker: web listens."""
    sockets = {os.readlink(link) for link in (Path("/proc") / str(pid) / "fd").iterdir() if link.exists() or True}
    inodes = {line.split()[9] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"}
    return b"tubehome.web" if any(re.fullmatch(r"socket:\[(\d+)\]", s) and s[8:-1] in inodes for s in sockets) else b""


@pytest.fixture(scope="module")
def place_of(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Place]]:
    """`place_of(owner=True)`: a served house, with an owner or still without one."""
    main = next(plugin for plugin in request.config.pluginmanager.get_plugins() if hasattr(plugin, "House"))
    made: list[Place] = []

    def make(owner: bool = True) -> Place:
        house = main.House(tmp_path_factory.mktemp("add") / "house")
        if owner:
            house.init()
        else:
            house.run("init", check=0)
        port = main.free_port()
        place = Place(house, roads.Road(port), port)
        made.append(place)
        place.serve()
        return place

    yield make
    for place in made:
        place.road.end()
        place.house.stop()


@pytest.fixture(scope="module")
def place(place_of: Callable[..., Place]) -> Place:
    """One house for the tests of a file."""
    return place_of()


@pytest.fixture(autouse=True)
def open_road(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test begins and ends with a quick road."""
    yield
    if "place" in request.fixturenames:
        road = request.getfixturevalue("place").road
        road.rate, road.closed = 0, False


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Studio:
    """A browser in the studio."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)

    def watch(self) -> Studio:
        # a cut road and a refusal are told by the browser as errors of their own; they are what is tried here
        self.page.on("console", lambda m: self.errors.append(m.text) if self._is_ours(m.type, m.text) else None)
        self.page.on("pageerror", lambda e: self.errors.append(f"{e} {e.stack}"))
        return self

    def _is_ours(self, kind: str, text: str) -> bool:
        return kind == "error" and not text.startswith("Failed to load resource")

    def log_in(self, page: Page | None = None) -> None:
        page = page or self.page
        page.goto(f"{self.url}/login")
        page.fill("#password", PASSWORD)
        page.click("form button[data-kind=main]")
        page.wait_for_url("**/studio/")

    def go(self, path: str = "/studio/add") -> Studio:
        self.page.goto(self.url + path)
        return self

    def choose(self, *files: Path) -> None:
        self.page.set_input_files("#files", list(files))

    def drag(self, *files: Path, drop: bool = True, at: tuple[int, int] = (300, 300)) -> None:
        """Files from a folder of the system, held over the page, and let go."""
        tools = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(file) for file in files], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop") if drop else ("dragEnter", "dragOver"):
            tools.send("Input.dispatchDragEvent", {"type": kind, "x": at[0], "y": at[1], "data": data})
        tools.detach()

    def row(self, name: str) -> Locator:
        return self.page.locator(
            ".upload", has=self.page.locator("[data-name]", has_text=re.compile(f"^{re.escape(name)}$"))
        )

    def names(self) -> list[str]:
        return self.page.locator(".upload [data-name]").all_inner_texts()

    def act(self, name: str, act: str) -> None:
        self.row(name).locator(f"[data-act={act}]").click()

    def state(self, name: str) -> str:
        """As the row knows it; "" where there is none."""
        found = self.row(name)
        return (found.get_attribute("data-state") or "") if found.count() else ""

    def until(self, name: str, *states: str, seconds: float = 30) -> str:
        """Waits for one of these states."""
        return self.wait(lambda: (now := self.state(name)) in states and now, seconds, lambda: self.told(name))

    def told(self, name: str) -> str:
        return f"{self.state(name)}: {self.row(name).inner_text() if self.row(name).count() else 'no row'}"

    def sent(self, name: str) -> float:
        """The share that has been sent, 0 to 1."""
        return float(self.row(name).locator("progress").evaluate("(bar) => bar.value / bar.max"))

    def wait(self, said: Callable[[], Any], seconds: float = 30, told: Callable[[], str] = str) -> Any:
        """The value of `said` once it is true. (Playwright's own way needs `eval`, which our policy forbids.)"""
        deadline = time.monotonic() + seconds
        while not (value := said()):
            assert time.monotonic() < deadline, f"never true within {seconds} s; {told()}; errors: {self.errors}"
            self.page.wait_for_timeout(50)
        return value

    def saved(self, name: str) -> None:
        words = self.row(name).locator("[data-saved]")
        self.wait(lambda: words.inner_text() == "Enregistré.", told=words.inner_text)


@pytest.fixture
def studio_of(browser: Browser) -> Iterator[Callable[..., Studio]]:
    """`studio_of(place, **context options)`: a new browser window. In the end nothing has gone wrong in its scripts."""
    contexts: list[BrowserContext] = []
    made: list[Studio] = []

    def make(place: Place, **options: Any) -> Studio:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "fr-FR", **options})
        context.set_default_timeout(15_000)
        contexts.append(context)
        made.append(Studio(context.new_page(), place.road.url).watch())
        return made[-1]

    yield make
    for context in contexts:
        context.close()
    assert [error for studio in made for error in studio.errors] == []


@pytest.fixture
def studio(place: Place, studio_of: Callable[..., Studio]) -> Studio:
    """The owner's window, on the page of uploads, where nothing is left of other tests."""
    made = studio_of(place)
    made.log_in()
    _forget(place)
    return made.go("/studio/add")


def _forget(place: Place) -> None:
    place.database("DELETE FROM upload")
    for file in place.incoming:
        file.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`noise(name, megabytes)`: a file that no first look calls wrong, and that is no film."""
    folder = tmp_path_factory.mktemp("noise")

    def make(name: str, megabytes: float = 4, within: str = "") -> Path:
        file = folder / within / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists():
            file.write_bytes(b"\0\0\0\0" + os.urandom(int(megabytes * 1_000_000)))
        return file

    return make


@pytest.fixture(scope="session")
def minute(clip: Callable[..., Path]) -> Path:
    """60 s of a small moving picture with a tone, heavy enough to be interrupted: about 9 MB."""
    return clip(
        "minute.mp4",
        *"-f lavfi -i testsrc2=s=320x180:r=15:d=60 -f lavfi -i sine=f=440:r=48000:d=60".split(),
        *"-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 30 -b:v 1100k -minrate 1100k -maxrate 1100k".split(),
        *"-bufsize 1100k -x264-params nal-hrd=cbr -c:a aac -b:a 96k".split(),
    )


@pytest.fixture(scope="session")
def old_minute(clip: Callable[..., Path]) -> Path:
    """60 s as an old camera gives them, about 9 MB: they have to be encoded, which takes a while."""
    return clip(
        "minute.avi",
        *"-f lavfi -i testsrc2=s=1280x720:r=25:d=60 -f lavfi -i sine=f=440:r=48000:d=60".split(),
        *"-c:v mpeg4 -b:v 1100k -minrate 1100k -maxrate 1100k -bufsize 1100k -c:a libmp3lame".split(),
    )
