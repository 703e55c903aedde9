"""What the player remembers and offers: all of it in the visitor's browser, none of it on the server."""

from __future__ import annotations

from collections.abc import Callable

import demo
import pytest
from conftest import Watched

pytestmark = [pytest.mark.browser, pytest.mark.slow]

HALL = f"/w/{demo.address('hall')}"
FILM = "document.getElementById('film')"


def dressed(watched: Watched) -> Watched:
    watched.page.wait_for_selector("#film[data-dressed]", state="attached")
    return watched


def left_at(watched: Watched, seconds: int) -> None:
    """As if the film had been left there."""
    watched.page.evaluate(
        f"localStorage.setItem('places', JSON.stringify({{[{FILM}.dataset.id]: [{seconds}, Date.now()]}}))"
    )


def test_it_goes_on_where_it_was_left_and_can_start_again(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    left_at(watched, 9)
    watched.page.reload()
    dressed(watched)
    watched.until(f"Math.abs({FILM}.currentTime - 9) < 0.5")
    line = watched.page.locator("#resumed")
    assert "0:09" in line.inner_text()
    line.get_by_role("button").click()
    watched.until(f"{FILM}.currentTime < 3")
    assert line.is_hidden()


def test_left_while_it_plays_it_goes_on_there_another_time(visit: Callable[..., Watched]) -> None:
    """Nothing is written by hand: it is played, left by a link, and met again on the home page."""
    path = f"/w/{demo.address('sharp')}"
    watched = visit("/")
    page = watched.page
    link = page.locator(f".film-title a[href='{path}']").first
    link.click()
    dressed(watched)
    assert page.locator("#resumed").is_hidden()
    page.evaluate(f"{FILM}.muted = true")
    dressed(watched.go(f"{path}?t=15"))
    page.locator(".plyr__controls [data-plyr=play]").click()
    watched.until(f"!{FILM}.paused && {FILM}.currentTime > 16.1", 20)
    page.locator(".site a.wordmark").click()
    page.wait_for_url(f"{watched.site}/")
    link.click()
    dressed(watched)
    at = watched.until(f"{FILM}.currentTime > 15.9 && {FILM}.currentTime")
    assert at < 19, "where it was left, and not at the end"
    assert page.evaluate(f"{FILM}.paused")
    assert f"0:{int(at)}" in page.locator("#resumed").inner_text()
    # another film knows nothing of it
    dressed(watched.go(HALL))
    assert page.evaluate(f"{FILM}.currentTime") == 0
    assert page.locator("#resumed").is_hidden()


def test_an_address_that_names_a_moment_goes_before(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    left_at(watched, 9)
    watched.go(HALL + "?t=4")
    dressed(watched)
    watched.until(f"Math.abs({FILM}.currentTime - 4) < 0.5")
    assert watched.page.locator("#resumed").is_hidden()


def test_the_place_is_kept_while_it_plays_and_forgotten_at_the_end(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    page = watched.page
    page.evaluate(f"{FILM}.dataset.length = 4000")  # as a long film
    page.evaluate(f"{FILM}.dispatchEvent(new Event('film:load')); {FILM}.currentTime = 18")
    watched.until(f"{FILM}.currentTime > 17")
    page.evaluate(f"{FILM}.dispatchEvent(new Event('pause'))")
    kept = page.evaluate(f"JSON.parse(localStorage.getItem('places'))[{FILM}.dataset.id][0]")
    assert kept == 18
    page.evaluate(f"{FILM}.currentTime = 1")
    watched.until(f"{FILM}.currentTime < 2")
    page.evaluate(f"{FILM}.dispatchEvent(new Event('pause'))")
    assert page.evaluate("localStorage.getItem('places')") == "{}"


def test_sound_and_speed_are_remembered(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    watched.page.evaluate(f"{FILM}.volume = 0.4; {FILM}.muted = true; {FILM}.playbackRate = 1.5")
    watched.until("JSON.parse(localStorage.getItem('player') || '{}').speed === 1.5")
    watched.page.reload()
    dressed(watched)
    watched.until(f"{FILM}.muted && Math.abs({FILM}.volume - 0.4) < 0.01 && {FILM}.playbackRate === 1.5")


def test_the_wide_room_by_button_and_key_is_remembered(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    page = watched.page
    narrow = page.locator(".watch-film").bounding_box()
    page.get_by_role("button", name="En large").click()
    wide = page.locator(".watch-film").bounding_box()
    assert narrow
    assert wide
    assert wide["width"] > narrow["width"]
    page.reload()
    dressed(watched)
    assert page.get_by_role("button", name="En large").get_attribute("aria-pressed") == "true"
    page.locator("h1").click()
    page.keyboard.press("t")
    assert page.get_by_role("button", name="En large").get_attribute("aria-pressed") == "false"


def test_keys_lead_the_film_but_never_from_a_field(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    page = watched.page
    page.locator("h1").click()
    page.keyboard.press("5")
    watched.until(f"Math.abs({FILM}.currentTime - 10) < 1")
    page.keyboard.press("j")
    watched.until(f"{FILM}.currentTime < 1")
    page.keyboard.press("l")
    watched.until(f"{FILM}.currentTime > 9")
    page.keyboard.press("m")
    watched.until(f"{FILM}.muted")
    page.get_by_text("Partager").first.click()
    page.locator("#address").focus()
    page.keyboard.press("m")
    page.keyboard.press("0")
    assert page.evaluate(f"{FILM}.muted")
    assert page.evaluate(f"{FILM}.currentTime") > 9


def test_the_system_knows_what_plays(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    said = watched.page.evaluate(
        "(m => [m.title, m.artist, m.album, m.artwork.length])(navigator.mediaSession.metadata)"
    )
    assert said[0].startswith("La halle")
    assert said[2] == "Saint-Aubin-des-Prés"
    assert said[3] == 1
    assert watched.page.locator("[data-plyr=pip]").count() == 1


# what the system's buttons would call, and what they would be told
SYSTEM = """
    window.handlers = {};
    MediaSession.prototype.setActionHandler = (name, act) => { handlers[name] = act; };
    MediaSession.prototype.setPositionState = (state) => { window.position = state; };
"""


def test_the_system_s_buttons_lead_the_film(visit: Callable[..., Watched]) -> None:
    watched = visit("/")
    page = watched.page
    page.add_init_script(SYSTEM)
    dressed(watched.go(HALL))
    page.evaluate(f"{FILM}.muted = true")
    names = page.evaluate("Object.keys(handlers)")
    assert set(names) == {"play", "pause", "seekbackward", "seekforward", "seekto"}
    page.evaluate("void handlers.play({action: 'play'})")
    watched.until(f"!{FILM}.paused && {FILM}.currentTime > 0.2")
    page.evaluate("handlers.pause({action: 'pause'})")
    watched.until(f"{FILM}.paused")
    page.evaluate("handlers.seekto({action: 'seekto', seekTime: 7.5})")
    watched.until(f"{FILM}.currentTime === 7.5 && !{FILM}.seeking")
    watched.until("window.position?.position === 7.5 && Math.round(position.duration) === 20")
    page.evaluate("handlers.seekforward({action: 'seekforward'})")
    watched.until(f"{FILM}.currentTime === 17.5")
    page.evaluate("handlers.seekbackward({action: 'seekbackward', seekOffset: 4})")
    watched.until(f"{FILM}.currentTime === 13.5")
    page.evaluate("handlers.seekbackward({action: 'seekbackward'}); handlers.seekbackward({action: 'seekbackward'})")
    watched.until(f"{FILM}.currentTime === 0")
    assert page.evaluate(f"{FILM}.paused"), "none of it begins to play"


def test_sharing_at_a_time(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL + "?t=7"))
    watched.until(f"{FILM}.currentTime > 6")
    page = watched.page
    page.get_by_text("Partager").first.click()
    page.locator("#start-here").check()
    assert page.input_value("#address").endswith("?t=7")


def test_nothing_of_it_is_told_to_the_server(visit: Callable[..., Watched]) -> None:
    watched = dressed(visit(HALL))
    assert watched.page.context.cookies() == []
    assert all(request.method == "GET" for request in watched.requests)
