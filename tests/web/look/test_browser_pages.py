"""Every page and state in a real browser: what axe finds, what fits, what is asked for, what remains without script."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import demo
import pytest
import screens
from conftest import Watched

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parents[1] / "vendor/axe-core/axe.min.js").read_text()
PAGES = [pytest.param(shown, id=name) for name, shown in screens.PAGES.items()]
STATES = [pytest.param(shown, id=name) for name, shown in screens.STATES.items()]
VISITORS = [pytest.param(shown, id=name) for name, shown in screens.SCREENS.items() if not (shown.owner or shown.act)]
LIGHT, DARK = "light", "dark"
# what the browser says of an answer that refuses, or of a request that an act of `screens` stops
REFUSED = (
    "Failed to load resource: the server responded with a status of 4",
    "Failed to load resource: net::ERR_FAILED",
)


def findings(page) -> list[str]:
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [f"{v['id']}: {v['help']} {[node['html'][:160] for node in v['nodes'][:3]]}" for v in found["violations"]]


@pytest.mark.slow
@pytest.mark.parametrize("shown", PAGES)
def test_nothing_keeps_anybody_out(visit: Callable, shown: screens.Shown) -> None:
    """axe-core: both themes, both languages, wide and narrow; and nothing scrolls sideways at 320 px."""
    _look(visit, shown, {"": (LIGHT, DARK), "/en": (LIGHT, DARK)})


@pytest.mark.slow
@pytest.mark.parametrize("shown", STATES)
def test_no_state_keeps_anybody_out(visit: Callable, shown: screens.Shown) -> None:
    """The same templates in other states: one language a theme finds what the pages themselves have not shown."""
    watched = _look(visit, shown, {"": (LIGHT,), "/en": (DARK,)})
    if shown.act:
        watched.page.close()  # or what it tries again by itself is refused after the next line
        watched.errors[:] = [error for error in watched.errors if not error.startswith(REFUSED)]


def _look(visit: Callable, shown: screens.Shown, themes: dict[str, tuple[str, ...]]) -> Watched:
    """`themes`: those to be seen, by the prefix of the language."""
    watched = visit("/healthz", shown.scene, shown.owner)
    page = watched.page
    for language, wanted in themes.items():
        page.set_viewport_size({"width": 1440, "height": 844})
        watched.go(language + shown.path)
        screens.act_on(page, shown.act)
        page.evaluate(AXE)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 844})
            for theme in wanted:
                page.emulate_media(color_scheme=theme)
                assert findings(page) == [], (language, width, theme)
        for width, height in (
            (320, 700),
            (720, 450),
            (1600, 900),
        ):  # the second is a window of 1440 × 900, twice as large
            page.set_viewport_size({"width": width, "height": height})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.lang") == (language[1:] or "fr")
    return watched


@pytest.mark.parametrize("shown", VISITORS)
def test_pages_are_whole_without_script(visit: Callable, shown: screens.Shown) -> None:
    page = visit(shown.path, shown.scene, java_script_enabled=False).page
    assert page.locator(".js-only:visible").count() == 0
    assert page.locator("h1:visible").count() == 1
    video = page.locator("video")
    if video.count():
        assert video.get_attribute("controls") is not None
        assert page.locator("video source").first.get_attribute("type") == "video/mp4"


def test_without_script_the_whole_file_plays(visit: Callable) -> None:
    watched = visit(f"/w/{demo.address('hall')}", java_script_enabled=False)
    watched.page.evaluate("document.querySelector('video').play()")
    watched.until("document.querySelector('video').currentTime > 0.3")
    assert watched.page.evaluate("document.querySelector('video').currentSrc").endswith("360p.mp4")


def test_without_script_a_film_in_preparation_is_asked_for_again(visit: Callable) -> None:
    page = visit(f"/w/{demo.address('waiting')}", java_script_enabled=False).page
    # with scripts off, the content of <noscript> is part of the page
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "30"
    assert page.locator(".waiting-box a:visible").get_attribute("href") == f"/w/{demo.address('waiting')}"


def test_the_theme_is_remembered_and_worn_before_the_first_paint(visit: Callable) -> None:
    watched = visit("/", color_scheme="light")
    page = watched.page
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-set=dark]")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert light != dark
    assert page.locator("[data-theme-set=dark]").get_attribute("aria-pressed") == "true"
    page.goto(f"{watched.site}/c/conseil", wait_until="commit")
    watched.until("document.documentElement?.dataset.theme === 'dark'")
    assert page.locator("[data-theme-set=dark]").get_attribute("aria-pressed") == "true"
    page.click("[data-theme-set=auto]")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == light
    assert page.context.cookies() == []


def test_the_other_language_is_one_link_away(visit: Callable) -> None:
    page = visit("/c/conseil").page
    page.click("footer a[hreflang=en]")
    assert page.url.endswith("/en/c/conseil")
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator(".site-nav a").first.inner_text() == "Videos"
    page.click(".ledger .film-title a >> nth=0")
    assert "/en/w/" in page.url
    page.click("footer a[hreflang=fr]")
    assert "/en/" not in page.url


def test_the_share_box_closes_by_escape_and_by_a_click_outside(visit: Callable) -> None:
    page = visit(f"/w/{demo.address('hall')}").page
    page.click(".pop summary")
    assert page.locator("#address").input_value().endswith(demo.address("hall"))
    page.focus("#address")
    page.keyboard.press("Escape")
    assert page.locator(".pop[open]").count() == 0
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.click(".pop summary")
    page.click("h1")
    assert page.locator(".pop[open]").count() == 0


def test_what_machines_read(visit: Callable) -> None:
    """Canonical address, both languages, feeds, a picture for messengers, JSON-LD: also with a hostile title."""
    watched = visit(f"/en/w/{demo.address('sharp')}")
    page, site = watched.page, watched.site
    here, there = f"{site}/en/w/{demo.address('sharp')}", f"{site}/w/{demo.address('sharp')}"
    title = next(told.title for told in demo.FILMS if told.name == "sharp")
    assert page.locator("h1").inner_text() == title
    assert page.title() == f"{title} – {demo.SITE}"

    def content(selector: str, attribute: str = "content") -> str | None:
        return page.locator(selector).first.get_attribute(attribute)

    assert content("link[rel=canonical]", "href") == here
    assert content("link[hreflang=fr]", "href") == content("link[hreflang=x-default]", "href") == there
    assert content("link[hreflang=en]", "href") == here
    assert content("meta[property='og:type']") == "video.other"
    assert content("meta[property='og:title']") == title
    assert re.fullmatch(
        re.escape(site) + r"/media/[0-9a-f-]{36}/thumbnail-1280\.jpg", content("meta[property='og:image']") or ""
    )
    assert (content("meta[property='og:video']") or "").endswith("/360p.mp4")
    feeds = page.locator("link[rel=alternate][type='application/rss+xml']")
    assert {feeds.nth(n).get_attribute("href") for n in range(feeds.count())} >= {"/feed.xml", "/c/commune/feed.xml"}
    told = json.loads(page.locator("script[type='application/ld+json']").text_content() or "")
    assert (told["@type"], told["name"], told["duration"]) == ("VideoObject", title, "PT1M35S")
    assert told["contentUrl"].startswith(site)
    assert told["thumbnailUrl"][0].endswith(".jpg")


@pytest.mark.parametrize("path", ["/login", f"/w/{demo.address('unlisted')}"])
def test_pages_for_a_few_ask_not_to_be_indexed(visit: Callable, path: str) -> None:
    page = visit(path).page
    assert "noindex" in (page.locator("meta[name=robots]").get_attribute("content") or "")
    assert page.locator("meta[property^='og:']").count() == 0


def weight(watched, kinds: set[str]) -> tuple[int, int]:
    """Requests and bytes as they travelled, of some kinds of files."""
    asked = [r for r in watched.requests if r.resource_type in kinds]
    return len(asked), sum(r.sizes()["responseBodySize"] for r in asked if r.response())


OURS = {"document", "stylesheet", "script", "font", "other", "fetch", "xhr", "manifest"}


@pytest.mark.parametrize(("path", "requests", "kilobytes"), [("/", 8, 75), (f"/w/{demo.address('hall')}", 15, 350)])
def test_pages_stay_light(visit: Callable, path: str, requests: int, kilobytes: int) -> None:
    """Before pictures and film. (The wordmark is a picture of ours: it counts.)"""
    watched = visit(path)
    watched.page.wait_for_load_state("networkidle")
    count, size = weight(watched, OURS)
    signs = [r for r in watched.requests if r.resource_type == "image" and "/static/" in r.url]
    size += sum(r.sizes()["responseBodySize"] for r in signs)
    print(f"{path}: {count + len(signs)} requests, {size / 1000:.1f} kB before pictures and film")
    assert count + len(signs) <= requests
    assert size <= kilobytes * 1000


def test_forced_colours_and_print_lose_nothing(visit: Callable) -> None:
    page = visit("/", forced_colors="active").page
    assert page.locator(".film-title a:visible").count() > 5
    page.emulate_media(media="print", forced_colors="none")
    assert page.locator(".film-title a:visible").count() > 5
    assert page.locator("header.site:visible, footer:visible").count() == 0


def test_codes_are_printed_without_the_studio_around_them(visit: Callable, own_town: Path) -> None:
    page = visit("/studio/account", own_town, True).page
    page.locator("form[action$='/codes'] button").click()
    codes = page.locator("[data-codes] code")
    assert codes.count() == 10
    page.set_viewport_size({"width": 680, "height": 960})  # the inside of a sheet of A4
    page.emulate_media(media="print")
    assert page.locator("[data-codes] code:visible").count() == 10
    assert page.locator(".studio-side:visible, .toast:visible, .drop-veil:visible, button:visible").count() == 0
    box = page.locator("#content").bounding_box()
    assert box
    assert (box["x"], box["width"]) == (0, 680), "the sheet's own margins are enough"
    assert box["y"] < 40


def test_a_film_s_page_is_printed_as_its_words(visit: Callable) -> None:
    page = visit(f"/w/{demo.address('hall')}").page
    page.wait_for_selector("#film[data-dressed]", state="attached")
    page.emulate_media(media="print")
    assert page.locator("h1:visible").inner_text().startswith("La halle")
    assert page.get_by_text("Les charpentiers lèvent").is_visible()
    assert (
        page.locator("header.site:visible, footer:visible, video:visible, .plyr:visible, button:visible").count() == 0
    )


# what nobody would see as something to press, where the system paints every ground alike
FLAT = """() => [...document.querySelectorAll("a.btn, button")]
    .filter((one) => one.checkVisibility() && !one.closest(".plyr"))
    .filter((one) => {
        const worn = getComputedStyle(one);
        return worn.borderTopStyle === "none" || parseFloat(worn.borderTopWidth) === 0;
    }).map((one) => one.outerHTML)"""
SHOWN = """() => [...document.querySelectorAll("progress")].filter((one) => one.checkVisibility())
    .every((one) => getComputedStyle(one).appearance === "auto")"""


def test_in_forced_colours_a_button_is_a_button(visit: Callable) -> None:
    watched = visit("/studio/", owner=True, forced_colors="active")
    for name in ("watch", "studio", "studio-queue", "studio-video-failed", "add"):
        page = watched.go(screens.PAGES[name][1]).page
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")
        assert page.locator("h1:visible").count() == 1
        assert page.evaluate(FLAT) == [], name
        assert page.evaluate(SHOWN), name


MOVING = """() => [...document.querySelectorAll("*")]
    .flatMap((one) => ["", "::before", "::after"].map((part) => [one, part]))
    .filter(([one, part]) => {
        const worn = getComputedStyle(one, part || null);
        const times = `${worn.animationName === "none" ? "0s" : worn.animationDuration}, ${worn.transitionDuration}`;
        return times.split(", ").some((time) => parseFloat(time) > 0.01);
    }).map(([one, part]) => one.outerHTML.slice(0, 100) + part)"""


def test_nothing_moves_for_whom_it_must_not(visit: Callable) -> None:
    watched = visit("/studio/", owner=True, reduced_motion="reduce")
    for name in ("home", "watch", "studio", "studio-queue", "add"):
        page = watched.go(screens.PAGES[name][1]).page
        if page.locator("#film").count():
            page.wait_for_selector("#film[data-dressed]", state="attached")
        assert page.evaluate(MOVING) == [], name
        assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_set_up_form_says_what_is_wrong_beside_each_field(visit: Callable, town_of: Callable, tmp_path: Path) -> None:
    import shutil
    import subprocess
    import sys

    folder = tmp_path / "unset"
    shutil.copytree(town_of("unset"), folder)
    link = subprocess.run(
        [sys.executable, "-c", "from tubehome.cli import main; main()", "owner", "link", "--data", str(folder)],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    watched = visit("/setup/" + link.rsplit("/", 1)[1], folder)
    page = watched.page
    page.evaluate(AXE)
    assert findings(page) == []
    for name, typed in (
        ("site_name", "Ma commune"),
        ("name", "Not A Name"),
        ("password", "long enough for all"),
        ("password_again", "another one"),
    ):
        page.fill(f"#{name}", typed)
    page.click("form button[data-kind=main]")
    for name in ("name", "password_again"):
        wrong = page.locator(f"#{name}")
        assert wrong.get_attribute("aria-invalid") == "true"
        assert page.locator(f"#{name}-error").is_visible()
        assert f"{name}-error" in (wrong.get_attribute("aria-describedby") or "")
    assert page.locator("#site_name").input_value() == "Ma commune"
    page.evaluate(AXE)
    assert findings(page) == []
    page.fill("#name", "claire")
    page.fill("#password", "long enough for all")
    page.fill("#password_again", "long enough for all")
    page.click("form button[data-kind=main]")
    page.wait_for_url("**/studio/welcome/site")
    assert page.locator("h1").inner_text() == "Votre site"
    page.goto(watched.site + "/studio/")
    page.click(".studio-out button")
    page.wait_for_url(watched.site + "/")
