"""A film is watched while it is still being encoded: from its beginning, back and forth, to its end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from tubehome.base import ids

pytestmark = [pytest.mark.slow, pytest.mark.browser]
FLAGS = ["--no-sandbox", "--headless", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--mute-audio"]
# Too few keyframes to be copied; a range of a minute follows a short one.
FILM = (
    "-f lavfi -i testsrc2=s=1280x720:r=25:d=70 -f lavfi -i sine=f=330:d=70"
    " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 1000 -c:a aac"
).split()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        made = browser.new_page(locale="fr-FR")
        made.set_default_timeout(15_000)
        yield made
        browser.close()


def test_a_film_is_watched_while_it_grows(house: Any, drill: Any, page: Page, clip: Callable[..., Path]) -> None:
    # given a film of which the first range alone is there
    (house.folder / "config.toml").write_text("[media]\njobs = 1\nheights = [480]\n")
    house.serve()
    uuid = drill.uuid_of(house.run("publish", clip("seventy.mp4", *FILM), check=0).stdout)
    short = ids.shorten(uuid)
    drill.wait_for(lambda: drill.ask(house.url, f"/media/{uuid}/master.m3u8").status == 200, 60, "its first seconds")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.goto(f"{house.url}/w/{short}")
    listed = lists(drill, house.url, uuid)
    assert all("#EXT-X-ENDLIST" not in text for text in listed.values())
    begun = {name: served(drill, house.url, uuid, text) for name, text in listed.items()}
    # when it is played at once
    page.locator("#film[data-dressed]").wait_for(state="attached")
    page.evaluate("document.querySelector('video').play()")
    page.wait_for_timeout(1500)
    at = page.evaluate("document.querySelector('video').currentTime")
    assert 0 < at < 4, f"it begins at its beginning, not at {at}"
    short_length = page.evaluate("document.querySelector('video').duration")
    assert short_length < 60
    # then it grows, can be sought back in, and goes on to its end without being loaded again
    grown(page, short_length)
    page.evaluate("document.querySelector('video').currentTime = 1")
    page.evaluate("{ const film = document.querySelector('video'); film.playbackRate = 8; film.play(); }")
    house.wait_ready(uuid)
    ended = "document.querySelector('video').ended"
    for _ in range(900):
        if page.evaluate(ended):
            break
        page.wait_for_timeout(100)
    assert page.evaluate(ended), (page.evaluate("document.querySelector('video').currentTime"), faults)
    assert page.evaluate("document.querySelector('video').duration") == pytest.approx(70, abs=0.3)
    assert faults == []
    # and what had been served is what it was
    now = lists(drill, house.url, uuid)
    for name, text in listed.items():
        assert "#EXT-X-ENDLIST" in now[name]
        assert served(drill, house.url, uuid, text) == begun[name]


def lists(drill: Any, url: str, uuid: str) -> dict[str, str]:
    master = drill.ask(url, f"/media/{uuid}/master.m3u8").text
    names = [line for line in master.splitlines() if line.endswith(".m3u8")]
    return {name: drill.ask(url, f"/media/{uuid}/{name}").text for name in names}


def served(drill: Any, url: str, uuid: str, text: str) -> list[str]:
    """A digest of each piece that a list names."""
    file, pieces = drill.ranges(text, growing=True)
    spans = [f"bytes={offset}-{offset + size - 1}" for offset, size in pieces]
    bodies = [drill.ask(url, f"/media/{uuid}/{file}", Range=span).body for span in spans]
    assert [len(body) for body in bodies] == [size for _, size in pieces]
    return [hashlib.sha256(body).hexdigest() for body in bodies]


def grown(page: Page, before: float) -> None:
    for _ in range(1200):
        if page.evaluate("document.querySelector('video').duration") > before:
            return
        page.wait_for_timeout(100)
    raise AssertionError("the film never grew in the player")
