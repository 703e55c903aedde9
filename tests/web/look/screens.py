"""Screenshots of every page and state, to be looked at: 1440 and 390 px, light and dark, in French.

    python tests/web/look/screens.py INTO [--pictures FOLDER] [--film FILE] [--only PART-OF-A-NAME] [--language en]

Makes the demo's sites below INTO/sites (kept for the next run), serves them, and writes one PNG a page, width
and theme. Not a test: somebody with eyes has to look.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import BrowserContext, Page, Route, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import demo

from tubehome.base.errors import TooMany
from tubehome.owner.login import FREE_FAILURES

FLAGS = (
    "--no-sandbox --headless --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --force-color-profile=srgb"
).split()
WIDTHS = {"1440": (1440, 900), "390": (390, 844)}


class Shown(NamedTuple):
    """A page as it is looked at. `act`: of ACTS, what is done on it before."""

    scene: str
    path: str
    owner: bool
    act: str = ""


PAGES = {
    "home": Shown("town", "/", False),
    "home-2": Shown("town", "/?page=2", False),
    "home-one": Shown("one", "/", False),
    "home-empty": Shown("none", "/", False),
    "home-empty-owner": Shown("none", "/", True),
    "watch": Shown("town", f"/w/{demo.address('hall')}", False),
    "watch-long": Shown("town", f"/w/{demo.address('long-title')}", False),
    "watch-council": Shown("town", f"/w/{demo.address('council')}", False),
    "watch-portrait": Shown("town", f"/w/{demo.address('portrait')}", False),
    "watch-arabic": Shown("town", f"/w/{demo.address('arabic')}", False),
    "watch-no-picture": Shown("town", f"/w/{demo.address('no-picture')}", False),
    "watch-old-shape": Shown("town", f"/w/{demo.address('river')}", False),
    "watch-alone": Shown("one", f"/w/{demo.address('hall')}", False),
    "watch-sizes": Shown("town", f"/w/{demo.address('sizes')}", False),
    "watch-unlisted": Shown("town", f"/w/{demo.address('unlisted')}", False),
    "watch-private": Shown("town", f"/w/{demo.address('private')}", True),
    "preparing": Shown("town", f"/w/{demo.address('waiting')}", False),
    "preparing-received": Shown("town", f"/w/{demo.address('received')}", True),
    "preparing-failed": Shown("town", f"/w/{demo.address('failed')}", True),
    "channel": Shown("town", "/c/conseil", False),
    "channel-mixed": Shown("town", "/c/commune", False),
    "channel-empty": Shown("town", "/c/festival", False),
    "error-404": Shown("town", "/nowhere", False),
    "error-404-video": Shown("town", f"/w/{demo.address('private')}", False),
    "error-410": Shown("town", "/setup/used", False),
    "not-set-up": Shown("unset", "/", False),
    "about": Shown("town", "/about", False),
    "setup": Shown("unset", f"/setup/{demo.SETUP}", False),
    "subscribe": Shown("town", "/subscribe", False),
    "subscribe-channel": Shown("town", "/subscribe/conseil", False),
    "studio-settings": Shown("town", "/studio/settings", True),
    "studio-channels": Shown("town", "/studio/channels", True),
    "studio-channel": Shown("town", "/studio/channels/conseil", True),
    "welcome-site": Shown("town", "/studio/welcome/site", True),
    "welcome-colour": Shown("town", "/studio/welcome/colour", True),
    "welcome-codes": Shown("town", "/studio/welcome/codes", True),
    "login": Shown("town", "/login", False),
    "recover": Shown("town", "/login/recover", False),
    "studio-account": Shown("town", "/studio/account", True),
    "studio": Shown("town", "/studio/", True),
    "studio-empty": Shown("none", "/studio/", True),
    "studio-videos": Shown("town", "/studio/videos", True),
    "studio-videos-none": Shown("town", "/studio/videos?q=introuvable", True),
    "studio-videos-empty": Shown("none", "/studio/videos", True),
    "studio-queue": Shown("town", "/studio/queue", True),
    "studio-queue-empty": Shown("none", "/studio/queue", True),
    "studio-bin": Shown("town", "/studio/videos?state=bin", True),
    "studio-video": Shown("town", f"/studio/videos/{demo.address('hall')}", True),
    "studio-video-long": Shown("town", f"/studio/videos/{demo.address('long-title')}", True),
    "studio-video-working": Shown("town", f"/studio/videos/{demo.address('waiting')}", True),
    "studio-video-failed": Shown("town", f"/studio/videos/{demo.address('failed')}", True),
    "add": Shown("town", "/studio/add", True),
    "as-visitor": Shown("town", f"/w/{demo.address('hall')}?as=visitor", True),
}
# the same templates in other states: the tests look at them in one language a theme
STATES = {
    "error-405": Shown("town", "/logout", False),
    "login-wrong": Shown("one", "/login", False, "wrong password"),
    "login-pause": Shown("door", "/login", False, "too many passwords"),
    "recover-pause": Shown("door", "/login/recover", False, "too many codes"),
    "recover-wrong": Shown("town", "/login/recover", False, "two passwords"),
    "setup-wrong": Shown("unset", f"/setup/{demo.SETUP}", False, "two passwords"),
    "watch-tags": Shown("town", f"/w/{demo.address('tags')}", False),
    "watch-tags-open": Shown("town", f"/w/{demo.address('tags')}", False, "tags"),
    "watch-share": Shown("town", f"/w/{demo.address('hall')}", False, "share"),
    "watch-wide": Shown("town", f"/w/{demo.address('hall')}", False, "wide"),
    "watch-menu": Shown("town", f"/w/{demo.address('hall')}", False, "menu"),
    "watch-no-film": Shown("town", f"/w/{demo.address('hall')}", False, "no film"),
    "watch-binned": Shown("trouble", f"/w/{demo.address('binned')}", True),
    "watch-held": Shown("trouble", f"/w/{demo.address('held')}", True),
    "watch-room": Shown("trouble", f"/w/{demo.address('room')}", True),
    "watch-damaged": Shown("trouble", f"/w/{demo.address('damaged')}", True),
    "about-support": Shown("trouble", "/about", False),
    "home-emblem": Shown("trouble", "/", False),
    "studio-channels-emblem": Shown("trouble", "/studio/channels", True),
    "channel-banner": Shown("trouble", "/c/ecole", False),
    "studio-trouble": Shown("trouble", "/studio/", True),
    "studio-videos-trouble": Shown("trouble", "/studio/videos", True),
    "studio-videos-2": Shown("trouble", "/studio/videos?page=2", True),
    "studio-videos-undo": Shown("trouble", "/studio/videos?state=failed", True, "undo"),
    "studio-queue-trouble": Shown("trouble", "/studio/queue", True),
    "studio-bin-one": Shown("trouble", "/studio/videos?state=bin", True),
    "studio-video-binned": Shown("trouble", f"/studio/videos/{demo.address('binned')}", True),
    "studio-video-held": Shown("trouble", f"/studio/videos/{demo.address('held')}", True),
    "studio-video-room": Shown("trouble", f"/studio/videos/{demo.address('room')}", True),
    "studio-video-damaged": Shown("trouble", f"/studio/videos/{demo.address('damaged')}", True),
    "studio-video-tags": Shown("town", f"/studio/videos/{demo.address('tags')}", True),
    "studio-video-arabic": Shown("town", f"/studio/videos/{demo.address('arabic')}", True),
    "studio-video-preview": Shown("town", f"/studio/videos/{demo.address('arabic')}", True, "preview"),
    "studio-video-unsaved": Shown("town", f"/studio/videos/{demo.address('hall')}", True, "unsaved"),
    "studio-video-conflict": Shown("town", f"/studio/videos/{demo.address('hall')}", True, "elsewhere"),
    "studio-video-conflict-page": Shown("town", f"/studio/videos/{demo.address('hall')}", True, "elsewhere, by form"),
    "studio-video-wrong": Shown("town", f"/studio/videos/{demo.address('hall')}", True, "wrong title"),
    "studio-channel-banner": Shown("trouble", "/studio/channels/ecole", True),
    "studio-channels-wrong": Shown("town", "/studio/channels", True, "wrong channel"),
    "studio-settings-wrong": Shown("town", "/studio/settings", True, "wrong support"),
    "add-uploads": Shown("trouble", "/studio/add", True, "uploads"),
    "studio-account-keys": Shown("trouble", "/studio/account", True),
    "studio-account-wrong": Shown("trouble", "/studio/account", True, "new password"),
    "studio-account-token": Shown("trouble", "/studio/account", True, "token"),
    "studio-account-codes": Shown("trouble", "/studio/account", True, "codes"),
    "welcome-codes-shown": Shown("trouble", "/studio/welcome/codes", True, "show codes"),
}
SCREENS = PAGES | STATES
BY_FORM = """{
  const form = document.getElementById("sheet").cloneNode(true);
  form.elements.title.value = "La halle, telle qu’elle était hier";
  form.elements.version.value = -1;
  document.body.append(form);
  form.submit();
}"""
SEND = "main form button[data-kind=main]"


def _wrong_password(page: Page) -> None:
    page.fill("#password", "not the right one")
    page.click(SEND)
    page.wait_for_selector(".error")


def _too_many(page: Page, fields: dict[str, str]) -> None:
    """Until the pause begins, which nobody else in this scene has to wait for."""
    for _ in range(FREE_FAILURES + 2):
        for name, typed in fields.items():
            page.fill(f"#{name}", typed)
        with page.expect_navigation() as answered:
            page.click(SEND)
        if answered.value.status == TooMany.status:
            return
    raise AssertionError("no pause began")


def _no_film(page: Page) -> None:
    """Neither its streams nor its file can be had."""
    page.route("**/media/**/*.m*", lambda asked: asked.abort())
    page.reload()
    page.wait_for_selector("#film[data-dressed]", state="attached")
    page.locator(".plyr__control[data-plyr=play]").first.click()
    page.wait_for_selector("#film-trouble")


def _older(request: Route) -> None:
    """The same, begun on a version that is older than any: the server refuses it, and nothing is stored."""
    request.continue_(post_data=json.dumps({**json.loads(request.request.post_data or ""), "version": -1}))


def _elsewhere(page: Page) -> None:
    page.route("**/save", _older)
    page.fill("#title", "La halle, telle qu’elle était hier")
    page.wait_for_selector("[data-conflict]")


def _elsewhere_by_form(page: Page) -> None:
    """As without a script: by a copy of the form, of which the page's own script knows nothing."""
    with page.expect_navigation():
        page.evaluate(BY_FORM)
    page.wait_for_selector("[data-conflict]")


def _two_passwords(page: Page) -> None:
    for name, typed in (("code", "abcd-efgh-jkmn"), ("site_name", "Ma commune"), ("name", "claire")):
        if page.locator(f"#{name}").count():
            page.fill(f"#{name}", typed)
    page.fill("#password", "long enough for all")
    page.fill("#password_again", "but not the same one")
    page.click(SEND)
    page.wait_for_selector("#password_again[aria-invalid]")


def _undo(page: Page) -> None:
    """As if it were done: others look at these rows."""
    page.route(
        "**/discard",
        lambda asked: asked.fulfill(json={"done": "« Séance du 2 mai » est à la corbeille, pour 30 jours."}),
    )
    page.locator("form[data-discard] button").first.click()
    page.wait_for_selector("[data-toast-undo]:visible")


def _preview(page: Page) -> None:
    page.click("[data-preview-box] summary")
    page.wait_for_selector("[data-preview-html] p")


def _unsaved(page: Page) -> None:
    page.route("**/save", lambda asked: asked.abort())
    page.fill("#title", "La halle, mois par mois, ce qui ne part pas")
    page.wait_for_selector("[data-saved][data-kind=warn]")


def _wrong_title(page: Page) -> None:
    page.fill("#title", "")
    page.wait_for_selector("#title[aria-invalid]")


def _wrong_channel(page: Page) -> None:
    page.fill("#title", "Le comité")
    page.fill("#name", "Comité des Fêtes !")
    page.click(SEND)
    page.wait_for_selector("#name[aria-invalid]")


def _wrong_support(page: Page) -> None:
    page.locator("form:has(#support)").evaluate("form => { form.noValidate = true; }")
    page.fill("#support", "une tirelire")
    page.click("form:has(#support) button[type=submit]")
    page.wait_for_selector("#support[aria-invalid]")


def _uploads(page: Page) -> None:
    page.wait_for_selector("[data-head]:visible")
    page.locator("[data-details]:visible summary").first.click()


def _new_password(page: Page) -> None:
    page.fill("#present", demo.PASSWORD)
    page.fill("#password", "long enough for all")
    page.fill("#password_again", "but not the same one")
    page.click("form:has(#present) button")
    page.wait_for_selector("#password_again[aria-invalid]")


def _token(page: Page) -> None:
    page.fill("#name", f"Caméra {time.time_ns()}")
    page.click("form:has(#name) button[type=submit]")
    page.wait_for_selector("#new-token")


def _codes(page: Page) -> None:
    page.once("dialog", lambda asked: asked.accept())
    page.click("form[action$='/account/codes'] button")
    page.wait_for_selector("[data-codes]")


def _show_codes(page: Page) -> None:
    page.click(SEND)
    page.wait_for_selector("[data-codes]")


# what somebody does, by name; what is done here leaves the demo's rows as others look at them
ACTS: dict[str, Callable[[Page], None]] = {
    "wrong password": _wrong_password,
    "two passwords": _two_passwords,
    "new password": _new_password,
    "token": _token,
    "codes": _codes,
    "show codes": _show_codes,
    "tags": lambda page: page.click(".facts summary"),
    "share": lambda page: page.click(".pop summary"),
    "wide": lambda page: page.click("[data-wide]"),
    "menu": lambda page: page.click("[data-plyr=settings]"),
    "too many passwords": lambda page: _too_many(page, {"password": "not the right one"}),
    "too many codes": lambda page: _too_many(
        page, {"code": "abcd-efgh-jkmn", "password": "long enough for all", "password_again": "long enough for all"}
    ),
    "no film": _no_film,
    "elsewhere": _elsewhere,
    "elsewhere, by form": _elsewhere_by_form,
    "undo": _undo,
    "preview": _preview,
    "unsaved": _unsaved,
    "wrong title": _wrong_title,
    "wrong channel": _wrong_channel,
    "wrong support": _wrong_support,
    "uploads": _uploads,
}


def act_on(page: Page, name: str) -> None:
    """The page as it is looked at: its player dressed, and what ACTS says done, if it says anything."""
    if page.locator("#film").count():
        page.wait_for_selector("#film[data-dressed]", state="attached", timeout=15_000)
    if name:
        ACTS[name](page)


# down the page and back, for the pictures that wait until they are near
SCROLL = """async (tall) => {
  for (let y = 0; y < tall; y += 600) {
    scrollTo({top: y, behavior: "instant"});
    await new Promise((done) => setTimeout(done, 60));
  }
  scrollTo({top: 0, behavior: "instant"});
}"""


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The web part alone, in a process of its own, so that nothing works on the demo's rows."""
    command = [sys.executable, str(Path(__file__).parent / "serve_web.py"), str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        yield server.stdout.readline().split()[1].rstrip("/")
    finally:
        server.terminate()
        server.wait(10)


def come_in(page: Page, site: str) -> None:
    page.goto(f"{site}/login")
    page.fill("#password", demo.PASSWORD)
    page.click("form button[data-kind=main]")
    page.wait_for_url("**/studio/")


def shoot(context: BrowserContext, address: str, act: str, file: Path) -> None:
    page = context.new_page()
    page.goto(address)
    act_on(page, act)
    page.evaluate("document.fonts.ready")
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.evaluate(SCROLL, tall)
    page.wait_for_timeout(150)
    page.screenshot(path=file, full_page=True)
    wide = page.evaluate("document.documentElement.scrollWidth") - page.viewport_size["width"]
    print(f"{file.name}: {tall} px" + (f", {wide} px TOO WIDE" if wide > 0 else ""))
    page.close()


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("into", type=Path)
    asked.add_argument("--pictures", type=Path)
    asked.add_argument("--film", type=Path)
    asked.add_argument("--only", default="")
    asked.add_argument("--language", default="fr")
    asked.add_argument("--themes", default="light,dark")
    given = asked.parse_args()
    chosen = {name: page for name, page in SCREENS.items() if given.only in name}
    sites = given.into / "sites"
    sites.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_, sync_playwright() as tools:
        served = {}
        for scene in sorted({shown.scene for shown in chosen.values()}):
            if not (sites / scene).exists():
                demo.make_apart(sites / scene, scene, given.pictures, given.film)
            served[scene] = open_.enter_context(serving(sites / scene))
        browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        prefix = "" if given.language == "fr" else f"/{given.language}"
        for size, (width, height) in WIDTHS.items():
            for theme in given.themes.split(","):
                for owner in (False, True):
                    small = size == "390"
                    context = browser.new_context(
                        viewport={"width": width, "height": height},
                        color_scheme=theme,
                        locale="fr-FR",
                        has_touch=small,
                        is_mobile=small,
                    )
                    inside = set()
                    for name, (scene, path, by_owner, act) in chosen.items():
                        if by_owner != owner:
                            continue
                        if owner and scene not in inside:
                            come_in(context.new_page(), served[scene])
                            inside.add(scene)
                        shoot(context, served[scene] + prefix + path, act, given.into / f"{name}-{size}-{theme}.png")
                    context.close()
        browser.close()


if __name__ == "__main__":
    main()
