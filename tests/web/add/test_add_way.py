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


class Mouse:
    """How somebody presses and writes."""

    def __init__(self, studio: Any) -> None:
        self.studio, self.page = studio, studio.page

    def press(self, selector: str) -> None:
        self.page.locator(selector).first.click()

    def write(self, selector: str, text: str) -> None:
        self.press(selector)
        self.page.locator(selector).fill(text)


class Finger(Mouse):
    def press(self, selector: str) -> None:
        self.page.locator(selector).first.tap()


class Keyboard(Mouse):
    """From one thing to the next by the tabulator, which also marks what is in a field."""

    def reach(self, selector: str) -> None:
        for _ in range(80):
            if self.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{selector} cannot be reached")

    def press(self, selector: str) -> None:
        self.reach(selector)
        self.page.keyboard.press("Enter")

    def write(self, selector: str, text: str) -> None:
        self.reach(selector)
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)


def set_up(place: Any, hand: Mouse) -> None:
    """The link that the server printed, and the first run's steps."""
    link = place.house.run("owner", "link", check=0).stdout.strip().splitlines()[-1]
    page, main = hand.page, "form button[data-kind=main]"
    page.goto(hand.studio.url + "/setup/" + link.rsplit("/", 1)[1])
    hand.write("#site_name", "Saint-Aubin-des-Prés")
    hand.write("#name", "claire")
    hand.write("#password", "un long mot de passe")
    hand.write("#password_again", "un long mot de passe")
    hand.press(main)
    page.wait_for_url("**/welcome/site")
    hand.write("#channel", "Vie de la commune")
    for following in ("colour", "codes"):
        hand.press(main)
        page.wait_for_url(f"**/welcome/{following}")
    hand.press(main)
    page.wait_for_selector("a[data-kind=main]")
    hand.press("a[data-kind=main]")
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


def plays(place: Any, hand: Mouse, name: str) -> list[float]:
    """Its page plays it, as its visitors would. What was seen of its preparation: shares of it, 0 to 1."""
    studio, page = hand.studio, hand.page
    assert "vous pouvez fermer cette fenêtre" in page.locator("[data-leave]").inner_text()
    studio.until(name, "done", "ready", seconds=60)
    seen: list[float] = []

    def ready() -> bool:
        seen.append(studio.sent(name))
        return bool(studio.state(name) == "ready")

    studio.wait(ready, 120, lambda: studio.told(name))
    hand.press("[data-act=see]")
    page.wait_for_selector("#film[data-dressed]", state="attached")
    assert page.locator("h1").inner_text() == TITLE
    hand.press(".plyr__control--overlaid")
    studio.wait(lambda: page.evaluate("document.getElementById('film').currentTime > 0.3"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    (video,) = place.house.videos()
    assert video["title"] == TITLE
    return seen


def same_bytes(place: Any, sent: Path) -> None:
    """What arrived is what was sent."""
    (original,) = (Path(place.house.folder) / "videos").glob("*/original/*")
    assert original.read_bytes() == sent.read_bytes()


def test_with_the_mouse(place_of: Callable, studio_of: Callable, old_minute: Path) -> None:
    place = place_of(owner=False)
    studio = studio_of(place)
    hand, name = Mouse(studio), old_minute.name
    set_up(place, hand)
    place.road.rate, before = RATE, place.road.carried
    studio.drag(old_minute)  # on the studio's first page
    studio.page.wait_for_url("**/studio/add")

    def edit() -> None:
        studio.row(name).locator("[name=title]").fill(TITLE)
        studio.saved(name)

    interrupted(place, studio, name, edit)
    assert place.road.carried - before < 1.35 * old_minute.stat().st_size  # what was under way at each cut, and pages
    seen = plays(place, hand, name)
    moved = sorted({share for share in seen if 0 < share < 1})
    assert moved, f"its preparation is seen to move: {sorted(set(seen))}"
    assert seen == sorted(seen), "and never back"
    same_bytes(place, old_minute)


def test_on_a_telephone_with_a_finger(place_of: Callable, studio_of: Callable, minute: Path) -> None:
    place = place_of(owner=False)
    studio = studio_of(place, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page, hand = studio.page, Finger(studio)
    set_up(place, hand)
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
    plays(place, hand, "minute.mp4")
    same_bytes(place, minute)


def test_with_the_keyboard_alone(place_of: Callable, studio_of: Callable, minute: Path) -> None:
    place = place_of(owner=False)
    studio = studio_of(place)
    page, hand = studio.page, Keyboard(studio)
    set_up(place, hand)
    # From now on: asked for together with the key, the browser may open the machine's own dialogue unseen.
    page.on("filechooser", lambda _: None)
    hand.press(".studio-nav a[href='/studio/add']")
    page.wait_for_url("**/studio/add")
    place.road.rate = RATE
    hand.reach("#files")
    with page.expect_file_chooser() as chosen:
        page.keyboard.press("Enter")
    chosen.value.set_files(minute)
    studio.until("minute.mp4", "sending")
    hand.press("[data-act=pause]")
    studio.until("minute.mp4", "paused")
    assert page.evaluate("document.activeElement.dataset.act") == "resume"  # where the pause was
    page.keyboard.press("Space")
    studio.until("minute.mp4", "sending")

    def edit() -> None:
        hand.write("[name=title]", TITLE)
        studio.saved("minute.mp4")

    interrupted(place, studio, "minute.mp4", edit)
    assert page.evaluate("document.activeElement.name") == "title"  # kept through all of it
    plays(place, hand, "minute.mp4")
    same_bytes(place, minute)
