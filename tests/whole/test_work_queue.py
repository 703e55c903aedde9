"""The work queue, on films that are being encoded: its buttons, in Chromium, act at once and outlive a restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from tubehome.base import ids

pytestmark = [pytest.mark.slow, pytest.mark.browser]
FLAGS = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
# Too few keyframes to be copied, and a minute and a half of work for one core.
LONG = "-f lavfi -i testsrc2=s=1280x720:r=30:d=90 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 900".split()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        made = browser.new_page(locale="fr-FR")
        made.set_default_timeout(15_000)
        yield made
        browser.close()


def command(pid: int) -> str:
    """A program's command line; nothing of one that has just ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


class Works:
    """A house with one place to work in, two films at work in it, and the queue's page."""

    def __init__(self, house: Any, drill: Any, page: Page, film: Path, password: str) -> None:
        self.house, self.drill, self.page = house, drill, page
        (house.folder / "config.toml").write_text("[media]\njobs = 1\n")
        self.port = urlsplit(house.serve()).port
        page.goto(f"{house.url}/login")
        page.fill("#password", password)
        page.click("main form button[type=submit]")
        page.wait_for_url("**/studio/")
        self.one, self.two = (
            drill.uuid_of(house.run("publish", film, "--again", "--title", title, check=0).stdout)
            for title in ("La première", "La seconde")
        )
        self.until(lambda: self.at_work(self.one), "the first film's encode")
        page.goto(f"{house.url}/studio/queue")

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60) -> None:
        self.drill.wait_for(condition, seconds, what)

    def at_work(self, uuid: str) -> bool:
        """Does a program work on it now?"""
        return any(uuid in command(pid) for pid in self.house.processes())

    def row(self, uuid: str) -> Locator:
        return self.page.locator(f'[data-key="{ids.shorten(uuid)}"]')

    def button(self, uuid: str, act: str) -> Locator:
        return self.row(uuid).locator(f"[data-act={act}] button")

    def video(self, uuid: str) -> Any:
        return self.drill.rows(self.house.folder, "SELECT * FROM video WHERE uuid = ?", uuid)[0]

    def untouched(self, uuid: str) -> bool:
        """No step of it failed, died or is being done."""
        said = "SELECT s.* FROM step s JOIN video v ON v.id = s.video_id WHERE v.uuid = ? AND s.state != 'done'"
        return all(
            (step["state"], step["attempts"], step["deaths"]) == ("waiting", 0, 0)
            for step in self.drill.rows(self.house.folder, said, uuid)
        )

    def restart(self) -> None:
        self.house.stop()
        self.house.serve("--port", str(self.port))
        self.page.reload()


@pytest.fixture
def works(house: Any, drill: Any, page: Page, clip: Callable[..., Path], request: pytest.FixtureRequest) -> Works:
    main = next(plugin for plugin in request.config.pluginmanager.get_plugins() if hasattr(plugin, "House"))
    return Works(house, drill, page, clip("ninety.mp4", *LONG), main.PASSWORD)


def test_a_pause_ends_the_encode_outlives_a_restart_and_is_taken_back(works: Works) -> None:
    # when the film that is being encoded is paused
    works.button(works.one, "hold").click()
    works.row(works.one).get_by_text("En pause, par vous").wait_for()
    # then its program ends, nothing is lost, and the next film takes its place
    works.until(lambda: not works.at_work(works.one) and works.untouched(works.one), "its end")
    works.until(lambda: works.at_work(works.two), "the second film's turn")
    # and so it is after a restart
    works.restart()
    works.row(works.one).get_by_text("En pause, par vous").wait_for()
    works.until(lambda: works.at_work(works.two), "the second film, again")
    assert not works.at_work(works.one)
    # until it is taken back
    works.button(works.one, "resume").click()
    works.row(works.one).get_by_text("Attend son tour").wait_for()
    assert works.video(works.one)["held_at"] is None


def test_this_first_makes_way_by_keyboard_and_outlives_a_restart(works: Works) -> None:
    # when the second film is put first, by the keyboard alone
    works.button(works.two, "first").focus()
    works.page.keyboard.press("Enter")
    works.row(works.two).get_by_text("passe devant les autres").wait_for()
    # then the first one makes way, without a loss
    works.until(lambda: works.at_work(works.two) and not works.at_work(works.one), "the second film's turn")
    assert works.untouched(works.one)
    # and so it is after a restart
    works.restart()
    works.until(lambda: works.at_work(works.two), "the second film, again")
    assert not works.at_work(works.one)
    assert works.button(works.two, "usual").is_visible()


def test_a_cancel_ends_the_encode_outlives_a_restart_and_can_be_undone(works: Works) -> None:
    # when the film that is being encoded is cancelled
    works.button(works.one, "drop").click()
    works.page.locator("[data-toast-undo]").wait_for()
    # then its program ends, and the next film takes its place
    works.until(lambda: not works.at_work(works.one) and works.untouched(works.one), "its end")
    works.until(lambda: works.at_work(works.two), "the second film's turn")
    assert works.video(works.one)["removed"] == "bin"
    # when that was a mistake
    works.page.locator("[data-toast-undo]").click()
    works.row(works.one).wait_for()
    assert works.video(works.one)["removed"] is None
    # and when it is meant
    works.button(works.one, "drop").click()
    works.row(works.one).wait_for(state="detached")
    works.restart()
    works.until(lambda: works.at_work(works.two), "the second film, after the restart")
    assert not works.at_work(works.one)
    assert works.row(works.one).count() == 0
