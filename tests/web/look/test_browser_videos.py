"""The list and the page of videos in a real browser: autosave and its failures, the bin and its undo, the keyboard."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import demo
import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
HALL = f"/studio/videos/{demo.address('hall')}"


def stored(folder: Path, column: str, name: str = "hall") -> object:
    with sqlite3.connect(folder / "tubehome.db") as raw:
        found = raw.execute(f"SELECT {column} FROM video WHERE uuid = ?", (demo._uuid(name),)).fetchone()
    raw.close()
    return found[0]


def change(folder: Path, *changes: str, name: str = "waiting") -> None:
    """What the worker would write, of one video: `video` stands for its id."""
    with sqlite3.connect(folder / "tubehome.db", timeout=20) as raw:
        (video,) = raw.execute("SELECT id FROM video WHERE uuid = ?", (demo._uuid(name),)).fetchone()
        for one in changes:
            raw.execute(one, {"video": video})
    raw.close()


def later(page: Page, seconds: int) -> None:
    """The page's timers run on, as if so much time had passed."""
    page.clock.run_for(seconds * 1000)


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


def two_windows(visit: Callable, town: Path) -> Any:
    """The second of two: the first has stored a title and a description since this one was loaded."""
    watched = visit(HALL, scene=town, owner=True)
    page = watched.page
    other = page.context.new_page()
    other.goto(page.url)
    other.fill("#title", "Des autres")
    other.fill("#description", "Des autres aussi")
    other.locator("[data-saved]").get_by_text("Enregistré à").wait_for()
    other.close()
    page.fill("#title", "Le mien")
    page.locator("[data-conflict]").wait_for()
    watched.errors = [error for error in watched.errors if "409" not in error]
    return watched


def test_what_another_window_wrote_is_overwritten_by_a_decision_alone(visit: Callable, own_town: Path) -> None:
    watched = two_windows(visit, own_town)
    page = watched.page
    page.focus("#title")
    page.keyboard.press("Enter")
    page.keyboard.type(" aussi")
    page.wait_for_timeout(1500)  # longer than what saves by itself waits
    assert stored(own_town, "title") == "Des autres"
    page.get_by_role("button", name="Enregistrer ce que j’ai écrit").focus()
    page.keyboard.press("Enter")
    page.locator("[data-saved]").get_by_text("Enregistré à").wait_for()
    assert stored(own_town, "title") == "Le mien aussi"
    assert stored(own_town, "description") == "Des autres aussi", "only what was changed here"
    assert page.locator("[data-conflict]").is_hidden()
    assert page.evaluate("document.activeElement.id") == "title"
    assert page.input_value("#description") == "Des autres aussi"
    page.fill("#title", "Encore le mien")
    page.locator("[data-title]").get_by_text("Encore le mien").wait_for()
    assert stored(own_town, "title") == "Encore le mien"


def test_what_is_undecided_is_not_lost_to_files_that_are_let_go(visit: Callable, own_town: Path) -> None:
    page = two_windows(visit, own_town).page
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "film.mp4", {type: "video/mp4"}));
      dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}));
    }""")
    page.locator("[data-toast]").get_by_text("n’est pas enregistré").wait_for()
    assert page.input_value("#title") == "Le mien"


def test_the_other_version_opened_beside_leaves_this_page_guarded(visit: Callable, own_town: Path) -> None:
    page = two_windows(visit, own_town).page
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Prendre l’autre version").click(modifiers=["ControlOrMeta"])
    opened.value.close()
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    with page.expect_navigation():
        page.reload()
    assert asked == ["beforeunload"]


def test_what_another_window_wrote_can_be_taken(visit: Callable, own_town: Path) -> None:
    watched = two_windows(visit, own_town)
    page = watched.page
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Voir l’autre version").click()
    assert opened.value.input_value("#title") == "Des autres"
    opened.value.close()
    assert page.input_value("#title") == "Le mien"
    page.on("dialog", lambda asked: pytest.fail(f"it was asked {asked.message}"))
    with page.expect_navigation():
        page.get_by_role("link", name="Prendre l’autre version").click()
    assert page.input_value("#title") == "Des autres"
    assert stored(own_town, "title") == "Des autres"


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


READY = (
    "UPDATE step SET state = 'done', progress = 1 WHERE video_id = :video",
    "UPDATE video SET processing = 'ready', ready_at = 1, out_at = 1, playable_at = 1 WHERE id = :video",
)


def test_the_list_moves_by_itself_until_a_film_is_ready(visit: Callable, own_town: Path) -> None:
    watched = visit("/studio/", scene=own_town, owner=True)
    page = watched.page
    page.clock.install()
    watched.go("/studio/videos")
    row = page.locator(f"[data-row='{demo.address('waiting')}']")
    words = row.locator("[data-words]")
    value = f"document.querySelector('[data-row=\"{demo.address('waiting')}\"] progress').value"
    before, said = page.evaluate(value), words.inner_text()
    assert 0 < before < 80
    # when parts of it are made, the bar and the words follow, and nothing else of the page moves
    page.focus("#q")
    change(own_town, "UPDATE step SET progress = 0.9 WHERE video_id = :video AND state = 'running'")
    later(page, 5)
    watched.until(f"{value} > {before}")
    assert f"{page.evaluate(value)}\N{NO-BREAK SPACE}%" in words.inner_text()
    assert words.inner_text() != said
    change(own_town, "UPDATE step SET state = 'done', progress = 1 WHERE video_id = :video AND kind = 'range'")
    now = page.evaluate(value)
    later(page, 5)
    watched.until(f"{value} > {now}")
    # when it is ready, its row says so
    change(own_town, *READY)
    later(page, 5)
    row.locator("progress").wait_for(state="detached")
    assert row.locator(".state").inner_text() == "Prête"
    assert row.get_attribute("data-working") is None
    assert page.evaluate("document.activeElement.id") == "q"


def test_a_row_that_has_the_keyboard_ends_as_well_and_keeps_it(visit: Callable, own_town: Path) -> None:
    watched = visit("/studio/", scene=own_town, owner=True)
    page = watched.page
    page.clock.install()
    watched.go("/studio/videos")
    row = page.locator(f"[data-row='{demo.address('waiting')}']")
    row.locator("[data-discard] button").focus()
    change(own_town, *READY)
    later(page, 5)
    row.locator("progress").wait_for(state="detached")
    assert row.locator(".state").inner_text() == "Prête"
    assert row.locator("[data-discard] button").evaluate("(one) => one === document.activeElement")


def test_a_preparation_that_stops_is_told_on_the_page_that_is_open(visit: Callable, own_town: Path) -> None:
    watched = visit("/studio/", scene=own_town, owner=True)
    page = watched.page
    page.clock.install()
    watched.go(f"/studio/videos/{demo.address('waiting')}")
    assert page.locator(".working progress").is_visible()
    change(
        own_town,
        "UPDATE step SET state = 'failed' WHERE video_id = :video AND state = 'running'",
        "UPDATE video SET processing = 'failed' WHERE id = :video",
    )
    later(page, 5)
    page.get_by_text("La préparation de cette vidéo s’est arrêtée.").wait_for()
    assert page.locator(".working").count() == 0
    page.get_by_role("button", name="Réessayer").click()
    page.locator(".working progress").wait_for()


def test_a_stopped_preparation_says_why_and_folds_the_tool_s_words(visit: Callable, own_town: Path) -> None:
    words = "[mpeg4 @ 0x5581] <b>ac-tex</b> damaged at 22 7\nConversion failed!"
    change(own_town, f"UPDATE step SET detail = '{words}' WHERE video_id = :video AND state = 'failed'", name="failed")
    page = visit(f"/studio/videos/{demo.address('failed')}", scene=own_town, owner=True).page
    note = page.locator(".note", has_text="La préparation de cette vidéo s’est arrêtée.")
    assert "Le serveur n’a pas pu traiter cette vidéo." in note.inner_text()
    told = note.locator("details pre")
    assert not told.is_visible()
    assert "ac-tex" not in note.inner_text()
    note.locator("summary").focus()
    page.keyboard.press("Enter")
    assert told.is_visible()
    assert told.inner_text() == words


def test_its_picture_is_taken_where_the_player_stands(visit: Callable, own_town: Path) -> None:
    (file,) = own_town.glob(f"videos/{demo._uuid('hall')}/public/thumbnail-320.webp")
    before = file.read_bytes()
    watched = visit(HALL, scene=own_town, owner=True)
    page = watched.page
    assert page.input_value("#at") == ""
    page.evaluate("(one => { one.muted = true; one.play(); })(document.querySelector('[data-frame-of]'))")
    watched.until("Number(document.querySelector('#at').value) > 0")
    page.evaluate("(one => { one.pause(); one.currentTime = 9; })(document.querySelector('[data-frame-of]'))")
    watched.until("document.querySelector('#at').value === '9.00'")
    page.get_by_role("button", name="Prendre ce moment").click()
    page.wait_for_url("**saved=1#picture")
    assert stored(own_town, "thumbnail") == "at-9.000"
    assert file.read_bytes() != before
    watched.until("document.querySelector('.pick img').naturalWidth > 0")
