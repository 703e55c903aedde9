"""The look's tests: the demo town, served by gunicorn, in the system's Chromium."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import demo  # noqa: E402 - beside this file
import screens  # noqa: E402


@pytest.fixture(scope="session")
def town_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A scene's data folder, made once for all workers of a run. Tests read it; those that change it take a copy."""
    shared = tmp_path_factory.getbasetemp()
    shared = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "demo"
    shared.mkdir(exist_ok=True)

    def make(scene: str) -> Path:
        with (shared / f"{scene}.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if not (shared / scene).exists():
                demo.make_apart(shared / scene, scene)
        return shared / scene

    return make


@pytest.fixture
def own_town(town_of: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of the town, to be changed; its database by SQLite's own way, as others may be reading the original."""
    folder, town = tmp_path / "town", town_of("town")
    shutil.copytree(town, folder, ignore=shutil.ignore_patterns("*.lock", "run", "tubehome.db*", "queue.db*"))
    (folder / "run").mkdir(mode=0o700)
    with (
        closing(sqlite3.connect(town / "tubehome.db")) as source,
        closing(sqlite3.connect(folder / "tubehome.db")) as made,
    ):
        source.backup(made)
    return folder


@pytest.fixture(scope="module")
def served(town_of: Callable[[str], Path]) -> Iterator[Callable[..., str]]:
    """`served(scene)`: the address of that scene's site; `served(folder)` of another data folder."""
    running: dict[str, tuple[subprocess.Popen[str], str]] = {}

    def serve(scene: str | Path = "town") -> str:
        folder = town_of(scene) if isinstance(scene, str) else scene
        if str(folder) not in running:
            server = subprocess.Popen(
                [sys.executable, str(HERE / "serve_web.py"), str(folder)], stdout=subprocess.PIPE, text=True
            )
            assert server.stdout
            running[str(folder)] = server, server.stdout.readline().split()[1].rstrip("/")
        return running[str(folder)][1]

    yield serve
    for server, _ in running.values():
        server.terminate()
        server.wait(10)
        if server.stdout:
            server.stdout.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser a module (another module of this process may want Playwright for itself)."""
    with sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path="/usr/bin/chromium", args=screens.FLAGS)
        yield opened
        opened.close()


@dataclass
class Watched:
    """A page, and everything that it may not do."""

    page: Page
    site: str
    errors: list[str] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)

    def watch(self) -> Watched:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", self._asked)
        return self

    def _said(self, message: ConsoleMessage) -> None:
        # the browser calls a document that answers 404 an error; it is the page that was asked for
        own = "responded with a status of" in message.text and message.location.get("url") in self.documents
        if message.type == "error" and not own:
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _asked(self, request: Request) -> None:
        self.requests.append(request)
        if request.resource_type == "document":
            self.documents.append(request.url)
        address = urlsplit(request.url.removeprefix("blob:"))
        if address.scheme != "data" and f"{address.scheme}://{address.netloc}" != self.site:
            self.errors.append(f"another origin was asked: {request.url}")

    def go(self, path: str) -> Watched:
        self.page.goto(self.site + path)
        return self

    def until(self, said: str, seconds: float = 10) -> Any:
        """The value of an expression once it is true. (Playwright's own way needs `eval`, which our policy forbids.)"""
        deadline = time.monotonic() + seconds
        while not (value := self.page.evaluate(said)):
            assert time.monotonic() < deadline, f"never true within {seconds} s: {said}; errors: {self.errors}"
            self.page.wait_for_timeout(50)
        return value


@pytest.fixture(scope="module")
def inside(browser: Browser, served: Callable[..., str]) -> Callable[[str | Path], Any]:
    """`inside(scene)`: what a browser of the owner keeps. She comes in once a module: it takes most of a second."""
    kept: dict[str | Path, Any] = {}

    def come_in(scene: str | Path) -> Any:
        if scene not in kept:
            context = browser.new_context(locale="fr-FR")
            screens.come_in(context.new_page(), served(scene))
            kept[scene] = context.storage_state()
            context.close()
        return kept[scene]

    return come_in


@pytest.fixture
def visit(
    browser: Browser, served: Callable[..., str], inside: Callable[[str | Path], Any]
) -> Iterator[Callable[..., Watched]]:
    """`visit(path, scene=…, **context options)`: opens a page. In the end: no error, no other origin asked."""
    contexts: list[BrowserContext] = []
    pages: list[Watched] = []

    def open_page(path: str = "/", scene: str | Path = "town", owner: bool = False, **options: Any) -> Watched:
        if owner:
            options["storage_state"] = inside(scene)
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "fr-FR", **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        watched = Watched(context.new_page(), served(scene)).watch()
        pages.append(watched)
        return watched.go(path)

    yield open_page
    for context in contexts:
        context.close()
    errors = [error for watched in pages for error in watched.errors]
    assert errors == []
