"""The first run in Chromium: the colour is seen before it is chosen, and what was seen is what the site wears."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser
COLOUR = "/studio/welcome/colour"
# what a person sees of a card: the fill of its button, and how round it is
CARDS = """() => [...document.querySelectorAll("[data-preview]")].map((card) => {
    const worn = getComputedStyle(card.querySelector(".btn"));
    return [worn.backgroundColor, worn.borderRadius];
})"""


def seen(page: Page) -> tuple[list[str], list[str]]:
    """The fills and the corners of the light and the dark card."""
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    fills, corners = zip(*page.evaluate(CARDS), strict=True)
    return list(fills), list(corners)


def test_the_colour_is_seen_before_it_is_chosen(visit: Callable) -> None:
    page = visit(COLOUR, owner=True).page
    assert page.locator("[data-preview]").count() == 2
    first, square = seen(page)
    assert first[0] != first[1], "a colour is made lighter for the dark"
    # by a radio, with the keyboard
    page.locator("#accent-1").focus()
    page.keyboard.press("ArrowRight")
    assert page.is_checked("#accent-2")
    second, _ = seen(page)
    assert all(now != before for now, before in zip(second, first, strict=True))
    page.check("#accent-3")
    third, _ = seen(page)
    assert len({first[0], second[0], third[0]}) == 3
    # another colour: its radio follows, and the cards
    page.fill("[name=accent_own]", "#7a4a00")
    assert page.is_checked("#accent-own")
    own, _ = seen(page)
    assert own[0] not in (first[0], second[0], third[0])
    page.fill("[name=accent_own]", "#004a7a")
    assert seen(page)[0] != own
    # and back
    page.check("#accent-3")
    assert seen(page)[0] == third
    page.select_option("#corner", "12")
    assert seen(page)[1] == ["12px", "12px"] != square


def test_what_was_seen_is_what_the_site_wears(visit: Callable, own_town: Path) -> None:
    page = visit(COLOUR, scene=own_town, owner=True).page
    page.fill("[name=accent_own]", "#7a4a00")
    page.emulate_media(color_scheme="light")
    fill = seen(page)[0][0]
    page.click("form button[data-kind=main]")
    page.wait_for_url("**/studio/welcome/codes")
    page.goto(page.url.replace("/codes", "/colour"))
    assert page.is_checked("#accent-own")
    assert page.input_value("[name=accent_own]") == "#7a4a00"
    assert (
        page.locator("form button[data-kind=main]").evaluate("(one) => getComputedStyle(one).backgroundColor") == fill
    )
