"""The pictures of README and guides, taken anew from the demo's town, in French.

    python tests/web/look/pictures.py [--site FOLDER] [--pictures FOLDER] [--film FILE] [--only PART-OF-A-NAME]

Writes docs/img/*.webp; `--site`: where the town is made, or lies already. Look at each before it is committed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import demo
import screens

INTO = Path(__file__).parents[3] / "docs/img"


class Taken(NamedTuple):
    """What is seen is `seen` pixels wide; the file is `width` × `height`, and `most` bytes."""

    page: str  # of screens.PAGES
    seen: int
    width: int
    height: int
    most: int
    theme: str = "light"


PICTURES = {
    "home": Taken("home", 1440, 1440, 1270, 84_000),
    "studio": Taken("studio", 1344, 1100, 688, 34_000),
    "queue": Taken("studio-queue", 1344, 1100, 782, 34_000, "dark"),
    "video": Taken("studio-video", 1344, 1100, 688, 31_000),
    "watch": Taken("watch", 1100, 800, 745, 20_300),
    "colour": Taken("welcome-colour", 390, 390, 1100, 19_000),
}
# from the best on
QUALITIES = (("-lossless", "1"), *(("-quality", str(n)) for n in range(90, 20, -5)))


def take(browser: Browser, site: str, taken: Taken, file: Path) -> None:
    shown = screens.PAGES[taken.page]
    context = browser.new_context(
        viewport={"width": taken.seen, "height": round(taken.height * taken.seen / taken.width)},
        color_scheme=taken.theme,
        locale="fr-FR",
    )
    page = context.new_page()
    if shown.owner:
        screens.come_in(page, site)
    page.goto(site + shown.path)
    screens.act_on(page, shown.act)
    page.evaluate("document.fonts.ready")
    page.wait_for_load_state("networkidle")
    with tempfile.NamedTemporaryFile(suffix=".png") as whole:
        page.screenshot(path=whole.name)
        quality = next(each for each in QUALITIES if _written(Path(whole.name), taken, each, file) <= taken.most)
    print(f"{file.name}: {file.stat().st_size} bytes, {' '.join(quality)}")
    context.close()


def _written(whole: Path, taken: Taken, quality: tuple[str, str], file: Path) -> int:
    """Bytes of the file in this quality."""
    shape = f"scale={taken.width}:{taken.height}:flags=lanczos"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(whole), "-vf", shape]
    subprocess.run([*command, *quality, "-compression_level", "6", str(file)], check=True, timeout=60)
    return file.stat().st_size


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--site", type=Path)
    asked.add_argument("--pictures", type=Path)
    asked.add_argument("--film", type=Path)
    asked.add_argument("--only", default="")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as tools:
        town = given.site or Path(folder) / "town"
        if not town.exists():
            demo.make_apart(town, "town", given.pictures, given.film)
        browser = tools.chromium.launch(executable_path="/usr/bin/chromium", args=screens.FLAGS)
        with screens.serving(town) as site:
            for name, taken in PICTURES.items():
                if given.only in name:
                    take(browser, site, taken, INTO / f"{name}.webp")
        browser.close()


if __name__ == "__main__":
    main()
