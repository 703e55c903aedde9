"""The town in Chromium: a second channel, its sign, and coming out of everywhere."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import demo
import pytest

pytestmark = pytest.mark.browser
HALL = f"/studio/videos/{demo.address('hall')}"


def picture(folder: Path, size: str = "300x300") -> Path:
    path = folder / "sign.png"
    drawn = ["-f", "lavfi", "-i", f"testsrc2=s={size}", "-frames:v", "1", str(path)]
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", *drawn], check=True)
    return path


def test_a_second_channel_and_a_video_that_moves_into_it(visit: Callable, own_town: Path) -> None:
    watched = visit("/studio/channels", scene=own_town, owner=True)
    page = watched.page
    page.fill("#title", "La fanfare")
    page.locator("form:has(#title) button[type=submit]").click()
    page.wait_for_url("**/studio/channels/la_fanfare**")
    assert page.locator("h1").inner_text() == "La fanfare"
    # a video moves into it, which is saved by itself
    watched.go(HALL)
    page.select_option("#channel", "la_fanfare")
    page.locator("[data-saved]").get_by_text("Enregistré à").wait_for()
    # and strangers find it there
    stranger = visit("/c/la_fanfare", scene=own_town).page
    assert stranger.locator("h1").inner_text() == "La fanfare"
    assert stranger.get_by_text("on pose la charpente").count() >= 1
    assert stranger.evaluate("document.cookie") == ""


def test_the_sign_of_a_channel_is_shown_and_goes_again(visit: Callable, own_town: Path, tmp_path: Path) -> None:
    watched = visit("/studio/channels", scene=own_town, owner=True)
    page = watched.page
    page.locator("main a[href*='/studio/channels/']").first.click()
    page.set_input_files("#avatar-file", picture(tmp_path))
    page.locator("form:has(#avatar-file) button").first.click()
    loaded = "[...document.querySelectorAll('main img')].some((i) => i.src.includes('avatar') && i.naturalWidth > 0)"
    watched.until(loaded)
    public = page.locator(".studio-head a.btn").get_attribute("href")
    stranger = visit(public, scene=own_town)
    stranger.until(loaded)
    page.locator("form:has(#avatar-file) button[name=remove]").click()
    page.locator("form:has(#avatar-file) button[name=remove]").wait_for(state="detached")
    stranger.page.reload()
    assert stranger.page.locator("main img[src*=avatar]").count() == 0


def test_what_is_no_picture_is_said_beside_its_field(visit: Callable, own_town: Path, tmp_path: Path) -> None:
    page = visit("/studio/channels", scene=own_town, owner=True).page
    page.locator("main a[href*='/studio/channels/']").first.click()
    wrong = tmp_path / "wrong.png"
    wrong.write_bytes(b"not a picture at all")
    page.set_input_files("#avatar-file", wrong)
    page.locator("form:has(#avatar-file) button").first.click()
    page.locator("fieldset:has(#avatar-file) .error").wait_for()


def test_log_out_everywhere_ends_the_other_browser_and_loses_no_word(visit: Callable, own_town: Path) -> None:
    # given two browsers, one of them writing
    other = visit(HALL, scene=own_town, owner=True)
    here = visit("/studio/account", scene=own_town, owner=True)
    # when this one logs out everywhere
    here.page.locator("form[action$='/sessions/end-all'] button").click()
    here.page.wait_for_url(lambda address: "/studio" not in address)
    here.go("/studio/")
    assert "/login" in here.page.url
    # then the other one is told so at its next word, which stays on its page
    other.page.fill("#description", "Un mot que rien ne doit perdre")
    other.page.locator("[data-toast]").get_by_text("Vous n’êtes plus connecté").wait_for()
    assert other.page.locator("#description").input_value() == "Un mot que rien ne doit perdre"
    other.errors = [error for error in other.errors if "401" not in error]
