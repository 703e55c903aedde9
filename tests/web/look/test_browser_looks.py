"""What eyes found once on the pages, held: labels on one line, signs beside colours, nothing covered, nothing cut."""

from __future__ import annotations

from collections.abc import Callable

import demo
import pytest
import screens

pytestmark = pytest.mark.browser

SIGNED = [
    pytest.param(shown, id=name)
    for name, shown in screens.SCREENS.items()
    if "trouble" in name or name == "add-uploads"
]


@pytest.mark.parametrize("name", ["studio-videos", "studio-bin"])
@pytest.mark.parametrize("width", [1440, 1100, 390])
def test_no_label_of_the_search_breaks_its_line(visit: Callable, name: str, width: int) -> None:
    shown = screens.SCREENS[name]
    page = visit("/healthz", shown.scene, shown.owner, viewport={"width": width, "height": 900}).go(shown.path).page
    lines = page.locator(".finder label").evaluate_all(
        "all => all.map(one => { const words = document.createRange(); words.selectNodeContents(one);"
        " return words.getClientRects().length; })"
    )
    assert lines
    assert set(lines) == {1}
    tops = page.locator(".finder .field").evaluate_all(
        "all => all.map(one => Math.round(one.getBoundingClientRect().bottom))"
    )
    if width == 1440:
        assert len(set(tops)) == 1, "one line, on one foot"


@pytest.mark.parametrize("shown", SIGNED)
def test_no_state_is_told_by_colour_alone(visit: Callable, shown: screens.Shown) -> None:
    watched = visit("/healthz", shown.scene, shown.owner).go(shown.path)
    screens.act_on(watched.page, shown.act)
    states = watched.page.locator(".state[data-kind]:visible")
    assert states.count() > 0
    for state in states.all():
        assert state.locator("svg:visible").count() == 1
        assert state.inner_text().strip()


def test_an_upload_that_waits_says_for_what(visit: Callable) -> None:
    shown = screens.SCREENS["add-uploads"]
    page = visit("/healthz", shown.scene, shown.owner).go(shown.path).page
    row = page.locator(".upload", has_text="Comice agricole")
    row.locator("[data-badge]:visible").wait_for()
    assert row.locator("[data-badge]:visible").count() == 1
    badge = row.locator("[data-badge]:visible")
    assert (badge.get_attribute("data-kind"), badge.inner_text().strip()) == ("warn", "Attend de la place")
    assert "Le disque est plein" in row.locator("[data-line]").inner_text()
    other = page.locator(".upload", has_text="Bal des pompiers").locator("[data-badge]:visible")
    assert other.inner_text().strip() == "Arrivé, en cours de vérification"


def test_what_is_paused_wears_its_sign_where_it_is_prepared(visit: Callable) -> None:
    page = visit("/healthz", "trouble", True).go("/studio/").page
    row = page.locator(f"[data-row='{demo.address('held')}'] .job-top")
    assert row.locator(".state[data-kind=warn]").inner_text().strip() == "En pause"
    address = f"/w/{demo.address('held')}"
    page = visit(address, "trouble", True).page
    assert page.locator(".waiting-box .state:has(svg)").inner_text().strip() == "En pause, par vous"
    assert "En pause" not in visit(address, "trouble").page.content(), "a visitor is not told"


def test_the_names_of_channels_stand_in_one_column(visit: Callable) -> None:
    page = visit("/", "trouble").page
    assert page.locator(".index .avatar").count() == 1
    left = page.locator(".index-name").evaluate_all("all => all.map(one => one.getBoundingClientRect().left)")
    assert len(left) > 1
    assert len(set(left)) == 1


@pytest.mark.parametrize("width", [390, 320])
def test_the_player_s_menu_is_not_covered(visit: Callable, width: int) -> None:
    shown = screens.SCREENS["watch-menu"]
    page = visit("/healthz", shown.scene, viewport={"width": width, "height": 844}).go(shown.path).page
    screens.act_on(page, shown.act)
    items = page.locator(".plyr__menu__container [role=menuitem]:visible")
    items.first.wait_for()
    assert items.count() > 0
    for item in items.all():
        assert item.evaluate(
            "one => { const r = one.getBoundingClientRect();"
            " return one.contains(document.elementFromPoint(r.left + 14, r.top + r.height / 2)); }"
        )


def test_the_steps_of_subscribing_keep_their_numbers(visit: Callable) -> None:
    page = visit("/subscribe", viewport={"width": 320, "height": 700}).page
    room = page.locator("aside ol").evaluate("one => parseFloat(getComputedStyle(one).paddingInlineStart)")
    assert room > 16, "the numbers hang in it"


def test_the_light_preview_of_the_colour_is_light_in_the_dark_theme(visit: Callable) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page = visit("/healthz", "town", True, color_scheme=scheme).go("/studio/settings").page
        seen[scheme] = page.locator("[data-preview]").evaluate_all(
            "all => all.map(one =>"
            " [one, one.querySelector('.btn')].map(part => getComputedStyle(part).backgroundColor))"
        )
    light, dark = seen["light"]
    assert light != dark
    assert seen["dark"] == [light, dark]
