"""The player in a real browser: the stream, its sizes, moments, the keyboard, and what happens when something fails."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import demo
import pytest
from conftest import Watched
from playwright.sync_api import Route

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HALL = f"/w/{demo.address('hall')}"
FILM = "document.getElementById('film')"
NOW = f"{FILM}.currentTime"
# lines of the picture that is shown
LINES = f"{FILM}.videoHeight"


def dressed(watched: Watched) -> Watched:
    watched.page.wait_for_selector("#film[data-dressed]", state="attached")
    return watched


def press(watched: Watched, label: str) -> None:
    watched.page.get_by_role("button", name=label, exact=True).last.click()


@pytest.fixture
def seen(visit: Callable[..., Watched]) -> Watched:
    return dressed(visit(HALL))


def test_nothing_of_the_film_is_fetched_before_it_is_wanted(seen: Watched) -> None:
    seen.page.wait_for_timeout(1000)
    asked = [r.url for r in seen.requests if "/media/" in r.url and "thumbnail" not in r.url]
    assert [url.rsplit("/", 1)[1] for url in asked] == ["master.m3u8"]
    assert seen.page.evaluate(f"{FILM}.paused")
    assert seen.page.locator(".plyr__time--duration").inner_text() == "00:20"


def test_the_stream_plays_and_its_size_can_be_chosen_by_keyboard(seen: Watched) -> None:
    page = seen.page
    press(seen, "Lire")
    seen.until(f"{NOW} > 1")
    assert page.evaluate(f"{FILM}.currentSrc").startswith("blob:")
    for size, lines in (("180p", 180), ("360p", 360)):
        page.get_by_role("button", name="Réglages").focus()
        page.keyboard.press("Enter")
        page.get_by_role("menuitem", name="Définition").focus()
        page.keyboard.press("Enter")
        page.get_by_role("menuitemradio", name=size, exact=True).focus()
        page.keyboard.press("Enter")
        before = page.evaluate(NOW)
        seen.until(f"{LINES} === {lines}", 15)
        seen.until(f"{NOW} > {before}")
        page.keyboard.press("Escape")


def test_a_small_picture_of_the_moment_stands_over_the_bar(seen: Watched) -> None:
    page = seen.page
    sheets = [r.url for r in seen.requests if "storyboard" in r.url]
    assert sheets == [], "not before somebody looks"
    bar = page.locator(".plyr__progress").bounding_box()
    assert bar
    places = []
    for share in (0.02, 0.52, 0.98):
        page.mouse.move(bar["x"] + bar["width"] * share, bar["y"] + bar["height"] / 2)
        page.wait_for_selector(".peek:not([hidden])")
        seen.until("!document.querySelector('.peek > i').hidden")
        places.append(page.evaluate("document.querySelector('.peek > i').style.backgroundPosition"))
        box = page.locator(".peek").bounding_box()
        assert box
        assert bar["x"] - 1 <= box["x"] <= bar["x"] + bar["width"] - box["width"] + 3, "never beyond the bar"
        assert box["y"] + box["height"] <= bar["y"], "above it"
        assert page.locator(".peek > span").inner_text() == f"0:{int(20 * share):02}"
    assert len(set(places)) == 3
    assert places[0] in ("0px 0px", "-0px -0px")
    assert sorted(r.url.rsplit("/", 1)[1] for r in seen.requests if "storyboard" in r.url) == [
        "storyboard.jpg", "storyboard.vtt"
    ]  # fmt: skip
    page.mouse.move(bar["x"] + 1, bar["y"] + bar["height"] / 2)
    page.wait_for_selector(".plyr__control--overlaid", state="hidden")  # it would cover the picture
    page.mouse.move(bar["x"], bar["y"] - 200)
    page.wait_for_selector(".peek", state="hidden")
    page.wait_for_selector(".plyr__control--overlaid", state="visible")
    page.locator("input[data-plyr=seek]").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".peek:not([hidden])")
    assert page.locator(".peek > span").inner_text() == "0:10"
    page.wait_for_selector(".peek", state="hidden")


def test_a_finger_on_the_bar_sees_the_time_and_most_of_the_film(visit: Callable[..., Watched]) -> None:
    options = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    watched = dressed(visit(HALL, **options))
    page = watched.page
    bar = page.locator(".plyr__progress").bounding_box()
    assert bar
    finger = page.context.new_cdp_session(page)
    at = {"x": bar["x"] + bar["width"] / 2, "y": bar["y"] + bar["height"] / 2}
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at]})
    watched.until("document.querySelector('.peek > i') && !document.querySelector('.peek > i').hidden")
    assert page.locator(".peek > span").inner_text() in ("0:09", "0:10")
    box = page.locator(".peek > i").bounding_box()
    assert box
    assert box["width"] < 0.4 * bar["width"]
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.wait_for_selector(".peek", state="hidden")


def test_a_jump_before_the_first_play_changes_the_time(seen: Watched) -> None:
    page = seen.page
    bar = page.locator(".plyr__progress").bounding_box()
    assert bar
    page.mouse.click(bar["x"] + bar["width"] * 0.6, bar["y"] + bar["height"] / 2)
    seen.until("document.querySelector('.plyr__time--current').textContent.match(/00:1[12]/)")
    assert page.evaluate(f"{FILM}.paused")
    assert not [r.url for r in seen.requests if "fragmented" in r.url], "nothing of the film is fetched for it"
    page.keyboard.press("ArrowLeft")
    seen.until("document.querySelector('.plyr__time--current').textContent.match(/00:0[12]/)")


def test_keys_lead_the_film(seen: Watched) -> None:
    page = seen.page
    page.locator("#film").click()
    seen.until(f"!{FILM}.paused && {NOW} > 0.2")
    page.keyboard.press("k")
    seen.until(f"{FILM}.paused")
    before = page.evaluate(NOW)
    page.keyboard.press("ArrowRight")
    seen.until(f"{NOW} > {before} + 9")
    page.keyboard.press("ArrowLeft")
    seen.until(f"{NOW} < {before} + 1")
    page.keyboard.press("m")
    assert page.evaluate(f"{FILM}.muted")


def test_every_control_is_reached_by_tab_and_has_a_name(seen: Watched) -> None:
    page = seen.page
    page.locator(".site-nav a").last.focus()
    page.keyboard.press("Tab")
    names = []
    for _ in range(14):
        names.append(page.evaluate("(at => at.ariaLabel || at.innerText.trim())(document.activeElement)"))
        page.keyboard.press("Tab")
        if not page.evaluate("!!document.activeElement.closest('.plyr')"):
            break
    assert all(names), names
    said = " ".join(names)
    for word in ("Lire", "Reculer de 10", "Aller à", "son", "Volume", "Réglages", "Image dans l’image", "Plein écran"):
        assert word in said, names


def test_speed(seen: Watched) -> None:
    page = seen.page
    page.get_by_role("button", name="Réglages").click()
    page.get_by_role("menuitem", name="Vitesse").click()
    page.get_by_role("menuitemradio").filter(has_text="1.5").click()
    seen.until(f"{FILM}.playbackRate === 1.5")


@pytest.mark.parametrize(("mark", "at"), [("?t=8", 8), ("?t=0m9s", 9), ("#t=7", 7), ("?t=0:06", 6), ("?t=nonsense", 0)])
def test_an_address_can_name_a_moment(visit: Callable[..., Watched], mark: str, at: int) -> None:
    watched = dressed(visit(HALL + mark))
    watched.until(f"Math.abs({NOW} - {at}) < 0.3")
    assert watched.page.evaluate(f"{FILM}.paused")
    press(watched, "Lire")
    watched.until(f"{NOW} > {at} + 0.3 && {NOW} < {at} + 6")


def test_times_in_the_words_lead_to_the_moment_without_reloading(seen: Watched) -> None:
    page = seen.page
    page.evaluate("window.same = true")
    page.click(".prose a[href='?t=8']")
    seen.until(f"{NOW} > 8")
    assert page.evaluate("window.same")
    page.evaluate("location.hash = 't=3'")
    seen.until(f"{NOW} > 2.9 && {NOW} < 5")


def test_the_address_to_share_can_begin_at_this_moment(seen: Watched) -> None:
    page = seen.page
    page.click(".prose a[href='?t=8']")
    seen.until(f"{NOW} > 8.2")
    page.evaluate(f"{FILM}.pause()")
    page.click(".pop summary")
    seen.until("document.querySelector('.pop time').innerText === '0:08'")
    page.check("#start-here")
    assert page.locator("#address").input_value() == f"{seen.site}{HALL}?t=8"
    page.click("[data-copy]")
    seen.until("document.querySelector('[data-copy]').textContent === 'Copié'")


def test_when_the_stream_breaks_the_whole_file_takes_over_at_the_same_moment(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    page = watched.page

    def broken(route: Route) -> None:
        route.fulfill(status=404)

    press(watched, "Lire")
    watched.until(f"{NOW} > 1")
    page.evaluate(f"{FILM}.pause()")
    page.route("**/*-fragmented.mp4", broken)
    page.route("**/*-180.m3u8", broken)
    page.route("**/*-360.m3u8", broken)
    page.get_by_role("button", name="Réglages").click()
    page.get_by_role("menuitem", name="Définition").click()
    size = page.evaluate(LINES)
    page.get_by_role("menuitemradio", name="360p" if size == 180 else "180p", exact=True).click()
    page.evaluate(f"{FILM}.play()")
    watched.until(f"{FILM}.currentSrc.endsWith('360p.mp4')", 40)
    watched.until(f"{NOW} > 1 && !{FILM}.paused")
    assert page.locator("#film-trouble").is_hidden()
    watched.errors[:] = [error for error in watched.errors if "404" not in error]


def test_without_any_stream_the_file_plays_and_without_any_file_the_page_says_so(visit: Callable[..., Watched]) -> None:
    for missing, hidden in (("**/*.m3u8", True), ("**/media/**/*.m*", False)):
        watched = visit("/")
        watched.page.route(missing, lambda route: route.fulfill(status=404))
        dressed(watched.go(HALL))
        press(watched, "Lire")
        if hidden:
            watched.until(f"{NOW} > 0.3", 20)
        else:
            watched.page.wait_for_selector("#film-trouble", timeout=20_000)
            assert watched.page.locator("#film-trouble a").get_attribute("href", timeout=1000)
        assert watched.page.locator("#film-trouble").is_hidden() is hidden
        watched.errors[:] = [error for error in watched.errors if "404" not in error]


def test_a_browser_without_media_source_plays_by_itself(visit: Callable[..., Watched]) -> None:
    watched = visit("/")
    watched.page.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource")
    dressed(watched.go(HALL))
    press(watched, "Lire")
    watched.until(f"{NOW} > 0.3")
    assert watched.page.locator("[data-plyr=settings]").count() >= 1


def test_a_tall_film_keeps_its_shape(visit: Callable[..., Watched]) -> None:
    for width, height in ((1440, 900), (390, 844), (720, 450)):
        watched = dressed(visit(f"/w/{demo.address('portrait')}", viewport={"width": width, "height": height}))
        box = watched.page.locator("#film").bounding_box()
        assert box
        assert box["height"] <= height
        assert abs(box["width"] / box["height"] - 9 / 16) < 0.02 or box["height"] >= 224


def test_full_screen_hides_the_controls_while_it_plays(seen: Watched) -> None:
    page = seen.page
    press(seen, "Lire")
    seen.until(f"{NOW} > 0.2")
    page.get_by_role("button", name="Plein écran").click()
    seen.until("document.fullscreenElement?.classList.contains('plyr')")
    page.mouse.move(300, 200)
    seen.until("getComputedStyle(document.querySelector('.plyr__controls')).opacity === '0'", 8)
    page.mouse.move(320, 220)
    seen.until("getComputedStyle(document.querySelector('.plyr__controls')).opacity === '1'")


@pytest.fixture
def changing(town_of: Callable[[str], Path], tmp_path: Path) -> tuple[Path, Callable[..., Any]]:
    """A copy of the town, and `change(sql, *values)` on its database."""
    folder = tmp_path / "town"
    shutil.copytree(town_of("town"), folder, copy_function=_link, ignore=shutil.ignore_patterns("*.lock", "run"))
    shutil.copy(town_of("town") / "tubehome.db", folder / "tubehome.db")

    def change(sql: str, *values: object) -> None:
        with sqlite3.connect(folder / "tubehome.db") as database:
            database.execute(sql, values)

    return folder, change


def _link(source: str, target: str) -> str:
    if not source.endswith((".db", ".db-wal", ".db-shm")):
        return shutil.copy(source, target)
    return target


def test_a_film_appears_on_its_page_when_it_can_be_played(visit: Callable[..., Watched], changing) -> None:
    folder, change = changing
    waiting = demo._uuid("waiting")
    watched = visit(f"/w/{demo.address('waiting')}", folder)
    page = watched.page
    page.evaluate("window.same = true")
    page.click(".pop summary")
    page.evaluate("scrollTo({top: 120, behavior: 'instant'})")
    place = page.locator("h1").bounding_box()
    shown = page.locator("[data-words]").inner_text()
    change("UPDATE step SET progress = 0.9 WHERE state = 'running'")
    watched.until(f"document.querySelector('[data-words]').innerText !== {shown!r}", 15)
    for file in (folder / "videos" / demo._uuid("hall") / "public").iterdir():
        if not file.name.startswith("thumbnail"):
            shutil.copy(file, folder / "videos" / waiting / "public" / file.name)
    change(
        "INSERT INTO rendition (video_id, height, file, width_px, height_px, size, bandwidth, details, final)"
        " SELECT (SELECT id FROM video WHERE uuid = ?), height, file, width_px, height_px, size, bandwidth, details,"
        " final FROM rendition WHERE video_id = (SELECT id FROM video WHERE uuid = ?)",
        waiting,
        demo._uuid("hall"),
    )
    change("UPDATE video SET processing = 'playable', playable_at = 1, published_at = 1 WHERE uuid = ?", waiting)
    page.wait_for_selector("#film[data-dressed]", state="attached", timeout=20_000)
    assert page.evaluate("window.same"), "the page was not reloaded"
    page.wait_for_timeout(200)
    assert abs(page.locator("h1").bounding_box()["y"] - place["y"]) < 8, "what was being read stays where it is"
    assert page.locator("[data-said]").inner_text() == "La vidéo est prête."
    press(watched, "Lire")
    watched.until(f"{NOW} > 0.5")
