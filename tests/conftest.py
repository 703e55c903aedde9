"""What every test may ask for: a site in this process, a house of real processes, made clips."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tubehome import boot
from tubehome.flows.set_up import set_up
from tubehome.site import Site
from tubehome.store import files, lock
from tubehome.store.db import db

# A run that decides whether a change lands tries the same examples each time; a developer's tries new ones.
hypothesis.settings.register_profile("decides", derandomize=True)
if "CI" in os.environ:
    hypothesis.settings.load_profile("decides")

PASSWORD = "correct horse battery"
COMMAND = [sys.executable, "-c", "from tubehome.cli import main; main()"]


_violations: list[str] = []


def _listening(make: Callable[..., Any]) -> Callable[..., Any]:
    """Playwright's `new_context` or `new_page`, whose windows tell what breaks our Content-Security-Policy."""

    def made(*given: Any, **more: Any) -> Any:
        opened = make(*given, **more)
        context = getattr(opened, "context", opened)
        context.on(
            "console",
            lambda said: _violations.append(said.text) if "Content Security Policy" in said.text else None,
        )
        return opened

    return made


@pytest.fixture(scope="session", autouse=True)
def _listeners() -> Iterator[None]:
    try:
        from playwright.sync_api import Browser
    except ImportError:  # the quick tests run without it
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        for name in ("new_context", "new_page"):
            patch.setattr(Browser, name, _listening(getattr(Browser, name)))
        yield


@pytest.fixture(autouse=True)
def no_rule_is_broken(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Whatever page any test opens keeps to our Content-Security-Policy, but for those marked `breaks_policy`."""
    yield _violations
    said = _violations.copy()
    _violations.clear()
    if request.node.get_closest_marker("breaks_policy") is None:
        assert said == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def opened(folder: Path) -> Iterator[tuple[Site, lock.Lock]]:
    """A site without an owner, in this process, with an open connection; and its shared lock."""
    where = boot.locate(str(folder), None)
    where.files.lay_out()
    files.write(where.files.secret, "test-key", 0o600)
    files.write(where.files.instance, "test-instance\n")
    site, held = boot.open_site(where, may_migrate=True, new=True)
    db.connect()
    with held:
        yield site, held
    if site.jobs._huey is not None:
        site.jobs._huey.storage.close()
    db.close_all()


@pytest.fixture
def bare_site(opened: tuple[Site, lock.Lock]) -> Site:
    return opened[0]


@pytest.fixture
def site(bare_site: Site) -> Site:
    """A site whose owner is claire, with the channel claire_channel."""
    set_up(bare_site, name="claire", password=None, site_name="Saint-Aubin-des-Prés")
    return bare_site


class House:
    """A data folder, the commands on it, and its server: real processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: subprocess.Popen[str] | None = None
        self.url = ""
        self.env = {**os.environ, "LC_ALL": "en_GB.UTF-8", "PYTHONWARNINGS": "default"}
        self.env.pop("TUBEHOME_DATA", None)
        self.env.pop("TUBEHOME_CONFIG", None)

    def run(
        self, *arguments: str | Path, stdin: str = "", check: int | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """One command on this folder; `check` is the exit code that it must have."""
        done = subprocess.run(
            [*COMMAND, "--data", str(self.folder), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            env={**self.env, **env},
            timeout=300,
            check=False,
        )
        if check is not None:
            assert done.returncode == check, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def init(self, *more: str) -> House:
        self.run(
            "init",
            "--owner",
            "claire",
            "--password-stdin",
            "--site-name",
            "Saint-Aubin-des-Prés",
            *more,
            stdin=PASSWORD + "\n",
            check=0,
        )
        return self

    def serve(self, *more: str, **env: str) -> str:
        """Starts the server on a free port; its address once it says that it is ready."""
        log = (self.folder.parent / f"{self.folder.name}.log").open("a")
        self.server = subprocess.Popen(
            [*COMMAND, "serve", "--data", str(self.folder), "--port", str(free_port()), *more],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**self.env, **env},
            start_new_session=True,
        )
        log.close()
        assert self.server.stdout is not None
        for line in self.server.stdout:
            found = re.match(r"ready (http://\S+)", line)
            if found:
                self.url = found[1].rstrip("/")
                return self.url
        raise AssertionError(f"the server ended before it was ready:\n{self.log()}")

    def log(self) -> str:
        return (self.folder.parent / f"{self.folder.name}.log").read_text()

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 15) -> float:
        """Stops the server; the seconds it took. Killed after `seconds`, which fails the test."""
        if self.server is None:
            return 0.0
        began, server = time.monotonic(), self.server
        self.server = None
        if server.poll() is None:
            server.send_signal(how)
        try:
            server.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            raise
        finally:
            if server.stdout:
                server.stdout.close()
        return time.monotonic() - began

    def processes(self) -> list[int]:
        """Every living process that names this folder in its command line: serve and what it started."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    line = (entry / "cmdline").read_bytes()
                except OSError:
                    continue
                if str(self.folder).encode() in line:
                    found.append(int(entry.name))
        return found

    def videos(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.run("videos", "--json", check=0).stdout)
        return found

    def wait_ready(self, uuid: str, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            state = next(v["processing"] for v in self.videos() if v["uuid"] == uuid)
            if state == "ready":
                return
            assert state != "failed", self.run("videos", "show", uuid).stdout
            time.sleep(0.5)
        raise AssertionError(f"not ready after {seconds} s:\n{self.run('videos', 'show', uuid).stdout}\n{self.log()}")


@pytest.fixture
def make_house(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Makes houses; what they started is stopped at the end of the test."""
    made: list[House] = []

    def make(name: str = "house") -> House:
        house = House(tmp_path / name)
        made.append(house)
        return house

    yield make
    for house in made:
        house.stop()


@pytest.fixture
def house(make_house: Callable[..., House]) -> House:
    """A house whose owner is claire; its server is not started."""
    return make_house().init()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`clip(name, *ffmpeg arguments)`: a file made once for all tests and all workers of a run."""
    shared = tmp_path_factory.getbasetemp()
    shared = (shared.parent if "PYTEST_XDIST_WORKER" in os.environ else shared) / "clips"
    shared.mkdir(exist_ok=True)

    def make(name: str, *arguments: str) -> Path:
        target = shared / name
        with (shared / f"{name}.lock").open("w") as guard:
            fcntl.flock(guard, fcntl.LOCK_EX)
            if not target.exists():
                part = target.with_name(f"part-{name}")
                subprocess.run(
                    ["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments, str(part)], check=True, timeout=120
                )
                shutil.move(part, target)
        return target

    return make


@pytest.fixture(scope="session")
def short_clip(clip: Callable[..., Path]) -> Path:
    """3 s of a moving test picture with a tone, 640×360, H.264 and AAC in MP4."""
    return clip(
        "short.mp4",
        *"-f lavfi -i testsrc2=s=640x360:r=25:d=3 -f lavfi -i sine=f=440:r=48000:d=3".split(),
        *"-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -c:a aac -b:a 96k".split(),
    )
