"""Screenshots of every page and state, to be looked at: 1440 and 390 px, light and dark, in French.

    python tests/web/look/screens.py INTO [--pictures FOLDER] [--film FILE] [--only PART-OF-A-NAME] [--language en]

Makes the demo's sites below INTO/sites (kept for the next run), serves them, and writes one PNG a page, width
and theme. Not a test: somebody with eyes has to look.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import demo

FLAGS = (
    "--no-sandbox --headless --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --force-color-profile=srgb"
).split()
WIDTHS = {"1440": (1440, 900), "390": (390, 844)}
# name: (scene, path, as the owner?)
PAGES = {
    "home": ("town", "/", False),
    "home-2": ("town", "/?page=2", False),
    "home-one": ("one", "/", False),
    "home-empty": ("none", "/", False),
    "home-empty-owner": ("none", "/", True),
    "watch": ("town", f"/w/{demo.address('hall')}", False),
    "watch-long": ("town", f"/w/{demo.address('long-title')}", False),
    "watch-council": ("town", f"/w/{demo.address('council')}", False),
    "watch-portrait": ("town", f"/w/{demo.address('portrait')}", False),
    "watch-arabic": ("town", f"/w/{demo.address('arabic')}", False),
    "watch-no-picture": ("town", f"/w/{demo.address('no-picture')}", False),
    "watch-old-shape": ("town", f"/w/{demo.address('river')}", False),
    "watch-alone": ("one", f"/w/{demo.address('hall')}", False),
    "watch-sizes": ("town", f"/w/{demo.address('sizes')}", False),
    "watch-unlisted": ("town", f"/w/{demo.address('unlisted')}", False),
    "watch-private": ("town", f"/w/{demo.address('private')}", True),
    "preparing": ("town", f"/w/{demo.address('waiting')}", False),
    "preparing-received": ("town", f"/w/{demo.address('received')}", True),
    "preparing-failed": ("town", f"/w/{demo.address('failed')}", True),
    "channel": ("town", "/c/conseil", False),
    "channel-mixed": ("town", "/c/commune", False),
    "channel-empty": ("town", "/c/festival", False),
    "error-404": ("town", "/nowhere", False),
    "error-404-video": ("town", f"/w/{demo.address('private')}", False),
    "error-410": ("town", "/setup/used", False),
    "not-set-up": ("unset", "/", False),
    "subscribe": ("town", "/subscribe", False),
    "subscribe-channel": ("town", "/subscribe/conseil", False),
    "studio-settings": ("town", "/studio/settings", True),
    "studio-channels": ("town", "/studio/channels", True),
    "studio-channel": ("town", "/studio/channels/conseil", True),
    "welcome-site": ("town", "/studio/welcome/site", True),
    "welcome-colour": ("town", "/studio/welcome/colour", True),
    "welcome-codes": ("town", "/studio/welcome/codes", True),
    "login": ("town", "/login", False),
    "recover": ("town", "/login/recover", False),
    "studio-account": ("town", "/studio/account", True),
    "studio": ("town", "/studio/", True),
    "studio-empty": ("none", "/studio/", True),
    "studio-videos": ("town", "/studio/videos", True),
    "studio-videos-none": ("town", "/studio/videos?q=introuvable", True),
    "studio-videos-empty": ("none", "/studio/videos", True),
    "studio-queue": ("town", "/studio/queue", True),
    "studio-queue-empty": ("none", "/studio/queue", True),
    "studio-bin": ("town", "/studio/videos?state=bin", True),
    "studio-video": ("town", f"/studio/videos/{demo.address('hall')}", True),
    "studio-video-long": ("town", f"/studio/videos/{demo.address('long-title')}", True),
    "studio-video-working": ("town", f"/studio/videos/{demo.address('waiting')}", True),
    "studio-video-failed": ("town", f"/studio/videos/{demo.address('failed')}", True),
    "add": ("town", "/studio/add", True),
    "as-visitor": ("town", f"/w/{demo.address('hall')}?as=visitor", True),
}


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


def shoot(context: BrowserContext, address: str, file: Path) -> None:
    page = context.new_page()
    page.goto(address)
    if page.locator("#film").count():
        page.wait_for_selector("#film[data-dressed]", state="attached", timeout=15_000)
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
    chosen = {name: page for name, page in PAGES.items() if given.only in name}
    sites = given.into / "sites"
    sites.mkdir(parents=True, exist_ok=True)
    with ExitStack() as open_, sync_playwright() as tools:
        served = {}
        for scene in sorted({scene for scene, _, _ in chosen.values()}):
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
                    for name, (scene, path, by_owner) in chosen.items():
                        if by_owner != owner:
                            continue
                        if owner and scene not in inside:
                            come_in(context.new_page(), served[scene])
                            inside.add(scene)
                        shoot(context, served[scene] + prefix + path, given.into / f"{name}-{size}-{theme}.png")
                    context.close()
        browser.close()


if __name__ == "__main__":
    main()
