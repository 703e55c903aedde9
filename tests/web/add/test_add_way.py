"""The whole way, from nothing: link, first run, a film dragged in, cuts and a restart on the way, and it plays.

On a wide screen with the mouse, on a telephone with a finger, and with the keyboard alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.browser]

RATE = 900_000  # bytes a second: the clip travels for some ten seconds
TITLE = "Le bal du 14 juillet"


def set_up(place: Any, studio: Any) -> None:
    """The link that the server printed, and the first run's steps, by their buttons."""
    link = place.house.run("owner", "link", check=0).stdout.strip().splitlines()[-1]
    page = studio.page
    page.goto(studio.url + "/setup/" + link.rsplit("/", 1)[1])
    page.fill("#site_name", "Saint-Aubin-des-Prés")
    page.fill("#name", "claire")
    page.fill("#password", "un long mot de passe")
    page.fill("#password_again", "un long mot de passe")
    page.click("form button[data-kind=main]")
    page.wait_for_url("**/welcome/site")
    page.fill("#channel", "Vie de la commune")
    for following in ("colour", "codes"):
        page.click("form button[data-kind=main]")
        page.wait_for_url(f"**/welcome/{following}")
    page.click("form button[data-kind=main]")
    page.click("a[data-kind=main]")
    page.wait_for_url("**/studio/")


def interrupted(place: Any, studio: Any, name: str, meanwhile: Callable[[], None]) -> None:
    """Cut, edited, restarted, cut again; every byte arrives once."""
    studio.wait(lambda: studio.state(name) == "sending" and studio.sent(name) > 0.15)
    place.road.close(1)  # (what is only cut, Chromium sends again by itself)
    studio.until(name, "lost")
    assert "rien n’est perdu" in studio.row(name).inner_text()
    meanwhile()
    studio.wait(lambda: studio.state(name) == "sending" and studio.sent(name) > 0.4)
    place.restart()
    studio.wait(lambda: studio.state(name) == "sending" and studio.sent(name) > 0.65)
    place.road.close(1)
    studio.until(name, "lost")
    studio.until(name, "checking", "done", "ready", seconds=60)


def plays(place: Any, studio: Any, name: str) -> None:
    """Its preparation is seen to move; then its page plays it."""
    assert "vous pouvez fermer cette fenêtre" in studio.page.locator("[data-leave]").inner_text()
    studio.until(name, "done", "ready", seconds=60)
    studio.until(name, "ready", seconds=120)
    path = studio.row(name).locator("[data-act=see]").get_attribute("href")
    page = studio.page
    page.goto(studio.url + path)
    assert page.locator("h1").inner_text() == TITLE
    page.wait_for_selector("#film[data-dressed]", state="attached")
    page.evaluate("document.getElementById('film').play()")
    studio.wait(lambda: page.evaluate("document.getElementById('film').currentTime > 0.3"))
    (video,) = place.house.videos()
    assert video["title"] == TITLE


def same_bytes(place: Any, sent: Path) -> None:
    (original,) = (Path(place.house.folder) / "videos").glob("*/original/*")
    assert original.read_bytes() == sent.read_bytes()


def test_with_the_mouse(place_of: Callable, studio_of: Callable, minute: Path) -> None:
    place = place_of(owner=False)
    studio = studio_of(place)
    set_up(place, studio)
    place.road.rate, before = RATE, place.road.carried
    studio.drag(minute)  # on the studio's first page
    studio.page.wait_for_url("**/studio/add")

    def edit() -> None:
        studio.row("minute.mp4").locator("[name=title]").fill(TITLE)
        studio.saved("minute.mp4")

    interrupted(place, studio, "minute.mp4", edit)
    assert place.road.carried - before < 1.35 * minute.stat().st_size  # what was under way at each cut, and pages
    plays(place, studio, "minute.mp4")
    same_bytes(place, minute)


def test_on_a_telephone_with_a_finger(place_of: Callable, studio_of: Callable, minute: Path) -> None:
    place = place_of(owner=False)
    studio = studio_of(place, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    set_up(place, studio)
    page = studio.page
    page.locator(".studio-nav a", has_text="Ajouter").tap()
    page.wait_for_url("**/studio/add")
    place.road.rate = RATE
    button = page.locator("label[for=files]:visible")
    assert button.bounding_box()["height"] >= 44
    with page.expect_file_chooser() as chosen:
        button.tap()
    chosen.value.set_files(minute)

    def edit() -> None:
        page.locator("[name=title]:visible").tap()
        page.keyboard.type(TITLE)
        studio.saved("minute.mp4")

    interrupted(place, studio, "minute.mp4", edit)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    plays(place, studio, "minute.mp4")


def tab_to(studio: Any, selector: str, back: bool = False) -> None:
    """By the tabulator alone, to what matches; it can be seen there."""
    for _ in range(80):
        studio.page.keyboard.press("Shift+Tab" if back else "Tab")
        if studio.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached")


def test_with_the_keyboard_alone(place_of: Callable, studio_of: Callable, minute: Path) -> None:
    place = place_of(owner=False)
    studio = studio_of(place)
    set_up(place, studio)
    page = studio.page
    # From now on: asked for together with the key, the browser may open the machine's own dialogue unseen.
    page.on("filechooser", lambda _: None)
    tab_to(studio, ".studio-nav a[href='/studio/add']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studio/add")
    place.road.rate = RATE
    tab_to(studio, "#files")
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Enter")
    chosen.value.set_files(minute)
    studio.until("minute.mp4", "sending")
    tab_to(studio, "[data-act=pause]")
    page.keyboard.press("Enter")
    studio.until("minute.mp4", "paused")
    assert page.evaluate("document.activeElement.dataset.act") == "resume"  # where the pause was
    page.keyboard.press("Space")
    studio.until("minute.mp4", "sending")

    def edit() -> None:
        tab_to(studio, "[name=title]")
        page.keyboard.type(TITLE)
        studio.saved("minute.mp4")

    interrupted(place, studio, "minute.mp4", edit)
    assert page.evaluate("document.activeElement.name") == "title"  # kept through all of it
    plays(place, studio, "minute.mp4")
