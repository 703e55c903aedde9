"""The list and the page of videos in a real browser: autosave and its failures, the bin and its undo, the keyboard."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import demo
import pytest

pytestmark = pytest.mark.browser
HALL = f"/studio/videos/{demo.address('hall')}"


def stored(folder: Path, column: str, name: str = "hall") -> object:
    with sqlite3.connect(folder / "tubehome.db") as raw:
        found = raw.execute(f"SELECT {column} FROM video WHERE uuid = ?", (demo._uuid(name),)).fetchone()
    raw.close()
    return found[0]


def test_what_is_written_is_saved_by_itself(visit: Callable, own_town: Path) -> None:
    page = visit(HALL, scene=own_town, owner=True).page
    page.fill("#title", "La halle couverte")
    page.locator("[data-saved]").get_by_text("Enregistré à").wait_for()
    assert stored(own_town, "title") == "La halle couverte"
    assert page.locator("[data-title]").inner_text() == "La halle couverte"
    page.check("#privacy-private")
    for _ in range(60):
        if stored(own_town, "visibility") == "private":
            break
        page.wait_for_timeout(100)
    assert stored(own_town, "visibility") == "private"
    page.reload()
    assert page.input_value("#title") == "La halle couverte"


def test_a_cut_connection_is_said_and_mended_by_itself(visit: Callable, own_town: Path) -> None:
    watched = visit(HALL, scene=own_town, owner=True)
    page = watched.page
    page.context.set_offline(True)
    page.fill("#title", "Sans réseau")
    page.locator("[data-saved]").get_by_text("Non enregistré, nouvel essai").wait_for()
    assert stored(own_town, "title") != "Sans réseau"
    page.context.set_offline(False)
    page.locator("[data-saved]").get_by_text("Enregistré à").wait_for()
    assert stored(own_town, "title") == "Sans réseau"
    watched.errors = [error for error in watched.errors if "ERR_INTERNET_DISCONNECTED" not in error]


def test_what_is_wrong_is_told_at_its_field_and_the_rest_is_kept(visit: Callable, own_town: Path) -> None:
    watched = visit(HALL, scene=own_town, owner=True)
    page = watched.page
    page.fill("#title", "")
    page.fill("#tags", "halle, charpente")
    page.locator("#title-error").get_by_text("a besoin d’un titre").wait_for()
    assert page.get_attribute("#title", "aria-invalid") == "true"
    for _ in range(60):
        if stored(own_town, "tags") == '["halle", "charpente"]':
            break
        page.wait_for_timeout(100)
    assert stored(own_town, "tags") == '["halle", "charpente"]'
    page.fill("#title", "Mieux")
    page.locator("[data-saved]").get_by_text("Enregistré à").wait_for()
    assert page.locator("#title-error").is_hidden()
    watched.errors = [error for error in watched.errors if "400" not in error]


def test_the_description_can_be_seen_as_it_will_be(visit: Callable, own_town: Path) -> None:
    page = visit(HALL, scene=own_town, owner=True).page
    page.locator("[data-preview-box] summary").click()
    page.fill("#description", "Une **fête** <script>alert(1)</script>")
    page.locator("[data-preview-html] strong").get_by_text("fête").wait_for()
    assert page.locator("[data-preview-html] script").count() == 0


def test_into_the_bin_and_back_by_keyboard(visit: Callable, own_town: Path) -> None:
    page = visit("/studio/videos?q=charpente", scene=own_town, owner=True).page
    page.locator("[data-discard] button").first.focus()
    page.keyboard.press("Enter")
    page.locator("[data-toast]").get_by_text("est à la corbeille").wait_for()
    assert stored(own_town, "removed") == "bin"
    assert page.evaluate("document.activeElement !== document.body")
    page.locator("[data-toast-undo]").focus()
    page.keyboard.press("Enter")
    for _ in range(60):
        if stored(own_town, "removed") is None:
            break
        page.wait_for_timeout(100)
    assert stored(own_town, "removed") is None
    page.locator("[data-row]").first.wait_for()


def test_filters_need_no_button_and_the_address_keeps_them(visit: Callable, own_town: Path) -> None:
    page = visit("/studio/videos", scene=own_town, owner=True).page
    page.select_option("#state", "failed")
    page.wait_for_url("**state=failed**")
    assert page.locator("[data-row]").count() == 1
    page.go_back()
    assert page.locator("[data-row]").count() > 1
