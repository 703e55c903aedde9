"""Files that are let go over the studio: anywhere, and no word that was typed there is lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.base import ids

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SLOW = 700_000  # bytes a second
PLACES = ("/studio/", "/studio/videos", "/studio/queue", "/studio/channels", "/studio/settings", "/studio/account")


@pytest.mark.parametrize("path", PLACES)
def test_files_may_be_let_go_anywhere_in_the_studio(place: Any, studio: Any, noise: Callable, path: str) -> None:
    let_go(place, studio.go(path), noise("drag.mp4", 2), path)


def let_go(place: Any, studio: Any, film: Path, path: str) -> None:
    """The page of uploads takes the place of this one while the file travels, and gives it back."""
    page = studio.page
    studio.drag(film, drop=False)
    veil = page.locator("[data-drop]")
    assert veil.is_visible()
    assert "Lâchez n’importe où" in veil.inner_text()
    place.road.rate = SLOW
    studio.drag(film)
    page.wait_for_url("**/studio/add")
    studio.until("drag.mp4", "sending")
    assert veil.is_hidden()
    assert page.title().endswith("Saint-Aubin-des-Prés")
    assert page.locator(".studio-nav a[aria-current=page]").inner_text() == "Ajouter"
    assert page.locator("main").count() == 1
    page.evaluate("history.back()")
    studio.wait(page.locator("[data-toast]").is_visible)
    assert "interromprait l’envoi" in page.locator("[data-toast]").inner_text()
    assert page.url.endswith("/studio/add")
    place.road.rate = 0
    studio.until("drag.mp4", "checking", "refused")
    page.evaluate("history.back()")
    page.wait_for_selector("#add", state="detached")
    assert page.url == studio.url + path


@pytest.fixture(scope="module")
def video(place: Any, short_clip: Path) -> str:
    """The page of a video in the studio."""
    place.house.run("publish", short_clip, check=0)
    (made,) = place.database("SELECT uuid FROM video ORDER BY id DESC LIMIT 1")
    return f"/studio/videos/{ids.shorten(made[0])}"


def test_let_go_on_a_video_s_page_the_words_are_saved(place: Any, studio: Any, noise: Callable, video: str) -> None:
    studio.go(video)
    studio.page.fill("#description", "Dit juste avant\nle film")
    let_go(place, studio, noise("drag.mp4", 2), video)
    assert place.database("SELECT description FROM video ORDER BY id DESC LIMIT 1") == [("Dit juste avant\nle film",)]
    assert studio.page.input_value("#description") == "Dit juste avant\nle film"


def test_let_go_on_a_channel_s_page_no_word_is_lost(place: Any, studio: Any, noise: Callable) -> None:
    path, page, film = "/studio/channels/claire_channel", studio.page, noise("drag.mp4", 2)
    studio.go(path)
    page.fill("#description", "Une phrase à moitié")
    studio.drag(film)
    studio.wait(page.locator("[data-toast]").is_visible)
    assert "n’est pas enregistré" in page.locator("[data-toast]").inner_text()
    assert page.url.endswith(path)
    assert page.input_value("#description") == "Une phrase à moitié"
    # saved, it may be let go there as anywhere
    page.locator("form:has(#description) button[type=submit]").click()
    page.locator("[role=status]", has_text="Enregistré").wait_for()
    let_go(place, studio, film, page.url.removeprefix(studio.url))
    assert page.input_value("#description") == "Une phrase à moitié"


def test_the_films_of_a_folder_are_taken_and_the_rest_is_left(studio: Any, tmp_path: Path) -> None:
    folder = tmp_path / "carte"
    (folder / "PRIVATE").mkdir(parents=True)
    for name in ("00001.MTS", "PRIVATE/00002.mts", "index.txt", ".cache.mp4"):
        (folder / name).write_bytes(b"\0\0\0\0" + os.urandom(2000))
    studio.drag(folder)
    studio.wait(lambda: sorted(studio.names()) == ["00001.MTS", "00002.mts"], told=lambda: str(studio.names()))
    assert "1 fichier qui n’est pas une vidéo a été laissé de côté." in studio.page.locator("[data-aside]").inner_text()
