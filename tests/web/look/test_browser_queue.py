"""The page of the work queue in Chromium: what is refreshed leaves the keyboard where it is; silence is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import demo
import pytest

pytestmark = pytest.mark.browser
HERE = "/studio/queue"
FOCUS = "document.activeElement.closest('[data-act]')?.dataset.act"


def change(folder: Path, said: str, name: str = "waiting") -> None:
    """What the worker would write, of one video: `:video` stands for its id."""
    with sqlite3.connect(folder / "tubehome.db", timeout=20) as raw:
        (video,) = raw.execute("SELECT id FROM video WHERE uuid = ?", (demo._uuid(name),)).fetchone()
        raw.execute(said, {"video": video})
    raw.close()


@pytest.fixture
def queue(visit: Callable, own_town: Path) -> Any:
    """The page, whose timers run only when they are told to."""
    watched = visit("/studio/", scene=own_town, owner=True)
    watched.page.clock.install()
    return watched.go(HERE)


def row_of(page: Any, name: str = "waiting") -> Any:
    return page.locator(f"[data-queue] [data-key='{demo.address(name)}']")


def test_a_refresh_moves_the_share_and_leaves_the_keyboard_and_what_is_open(queue: Any, own_town: Path) -> None:
    page, row = queue.page, row_of(queue.page)
    change(own_town, "UPDATE step SET detail = 'Killed' WHERE video_id = :video AND state = 'failed'", "failed")
    page.reload()
    row_of(page, "failed").locator("summary").click()
    row.locator("[data-act=first] button").focus()
    numbers = f"[...document.querySelectorAll('[data-key=\"{demo.address('waiting')}\"] .num')]"
    share = f"parseInt({numbers}.find((one) => one.textContent.includes('%')).textContent)"
    before = page.evaluate(share)
    page.evaluate("document.activeElement.old = true")
    change(own_town, "UPDATE step SET progress = 0.95 WHERE video_id = :video AND state = 'running'")
    page.clock.run_for(4000)
    queue.until(f"{share} > {before}")
    assert page.evaluate(FOCUS) == "first"
    assert page.evaluate("document.activeElement.old === undefined"), "it is another button, in the same place"
    assert row.locator("[data-act=first] button").evaluate("(one) => one === document.activeElement")
    assert row_of(page, "failed").locator("details pre").is_visible()


def test_the_keyboard_goes_to_what_is_left_when_its_button_goes(queue: Any, own_town: Path) -> None:
    page, row = queue.page, row_of(queue.page)
    row.locator("[data-act=hold] button").focus()
    change(own_town, "UPDATE video SET held_at = 1 WHERE id = :video")
    page.clock.run_for(4000)
    row.locator("[data-act=resume]").wait_for()
    assert page.evaluate("document.activeElement.closest('[data-key]').dataset.key") == demo.address("waiting")
    change(own_town, "UPDATE video SET removed = 'bin', removed_at = 1 WHERE id = :video")
    page.clock.run_for(4000)
    row.wait_for(state="detached")
    assert page.evaluate("document.activeElement.id") == "content"


def test_a_server_that_is_silent_is_told_and_forgiven(queue: Any) -> None:
    page, line = queue.page, queue.page.locator("[data-stale]")
    page.context.set_offline(True)
    for _ in range(3):  # the first questions go unheard: nothing is said yet
        page.clock.run_for(5000)
    assert line.inner_text() == ""
    for _ in range(20):
        page.clock.run_for(10_000)
        if line.inner_text():
            break
    assert "Le serveur ne répond pas" in line.inner_text()
    assert row_of(page).is_visible(), "what was known stays"
    page.context.set_offline(False)
    page.clock.run_for(31_000)
    queue.until("document.querySelector('[data-stale]').textContent === ''")
    queue.errors = [error for error in queue.errors if "ERR_INTERNET_DISCONNECTED" not in error]


def test_nothing_is_asked_for_in_a_hidden_tab(queue: Any) -> None:
    page = queue.page
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/rows" in request.url else None)
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    page.clock.run_for(60_000)
    assert asked == []
    with page.expect_request("**/rows"):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert len(asked) == 1
