"""The look's files: no dead rule, no missing sign, nothing from elsewhere, the sizes that were promised."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

WEB = Path(__file__).parents[3] / "tubehome/web"
STATIC = WEB / "static"
SHEETS = sorted((STATIC / "css").glob("*.css"))
PUBLIC = [sheet for sheet in SHEETS if not sheet.name.startswith("studio-")]
TEMPLATES = "\n".join(path.read_text() for path in sorted((WEB / "templates").rglob("*.html")))
SCRIPTS = "\n".join(path.read_text() for path in sorted((STATIC / "js").rglob("*.js")))
PLYR = (STATIC / "vendor/plyr/plyr.min.mjs").read_text()
# signs that no page shows yet and the studio is about to
NEXT_SIGNS = set("search upload code file trash undo plus down next disk edit".split())


def bare(sheet: Path) -> str:
    return re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)


def test_the_public_sheets_stay_small() -> None:
    assert sum(sheet.stat().st_size for sheet in PUBLIC) < 32_000
    assert sum(sheet.stat().st_size for sheet in SHEETS if sheet not in PUBLIC) < 20_000


def test_our_scripts_stay_small() -> None:
    assert sum(script.stat().st_size for script in (STATIC / "js").glob("*.js")) < 24_000  # for visitors
    for entry in set(
        re.findall(r"static\('js/studio/([\w-]+\.js)'\)", TEMPLATES)
    ):  # for the owner: what one page loads
        whole = _with_imports(STATIC / "js/studio" / entry) | _with_imports(STATIC / "js/studio/drop.js")
        assert sum(script.stat().st_size for script in whole) < 52_000, entry


def _with_imports(script: Path) -> set[Path]:
    """A module and what it imports, and so on; of ours."""
    found, new = {script}, [script]
    while new:
        text = new.pop().read_text()
        named = {(script.parent / name).resolve() for name in re.findall(r"""\bfrom\s*["'](\./[\w./-]+)["']""", text)}
        new += named - found
        found |= named
    return found


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_class_of_a_sheet_is_worn(sheet: Path) -> None:
    known = set(re.findall(r"[A-Za-z][\w-]*", TEMPLATES + SCRIPTS))
    classes = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r'url\([^)]*\)|"[^"]*"', "", bare(sheet))))
    unused = {
        name for name in classes - known if not (name.startswith(("plyr", "icon--", "label--")) and _plyr_says(name))
    }
    assert unused == set()


def _plyr_says(name: str) -> bool:
    """Plyr's classes, which it builds from parts."""
    return name in PLYR or all(part in PLYR for part in re.split(r"--|__", name))


def test_every_class_of_a_template_is_drawn() -> None:
    drawn = set(re.findall(r"\.([a-z][\w-]*)", "\n".join(map(bare, SHEETS))))
    worn = {
        name
        for value in re.findall(r'class="([^"]*)"', TEMPLATES)
        for name in re.sub(r"\{[{%].*?[}%]\}", " ", value).split()
    }
    # wide enough to be found by script, or to be drawn one day
    assert worn - drawn <= {"frieze", "icon", "door"}


def test_every_custom_property_exists() -> None:
    whole = "\n".join(map(bare, SHEETS))
    defined = set(re.findall(r"(--[\w-]+)\s*:", whole)) | {"--value"}  # Plyr sets --value
    assert set(re.findall(r"var\((--[\w-]+)", whole)) <= defined


def test_every_sign_is_in_the_sprite_and_the_sprite_has_no_others() -> None:
    sprite = {symbol.get("id", "")[2:] for symbol in ET.parse(STATIC / "icons.svg").getroot()}
    ours = set(re.findall(r"icon\('([\w-]+)'\)", TEMPLATES)) | set(
        re.findall(r"'(?:bad|warn|good|info)': '(\w+)'", TEMPLATES)
    )
    players = set(re.findall(r"#\$\{e\.iconPrefix\}-([\w-]+)", PLYR)) | {
        "play", "pause", "restart", "rewind", "fast-forward", "volume", "muted", "captions-on", "captions-off",
        "settings", "pip", "airplay", "enter-fullscreen", "exit-fullscreen",
    }  # fmt: skip
    assert ours | players <= sprite
    assert sprite - ours - players <= NEXT_SIGNS


def test_templates_carry_no_style_no_handler_and_no_script_without_a_nonce() -> None:
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", TEMPLATES)
    for script in re.findall(r"<script[^>]*>", TEMPLATES):
        assert 'nonce="{{ chrome.nonce }}"' in script


def test_nothing_is_loaded_from_elsewhere() -> None:
    known = {"http://www.w3.org/2000/svg", "https://schema.org"}
    for sheet in SHEETS:
        assert not re.search(r"https?:|//[a-z]|@import", bare(sheet))
    assert set(re.findall(r"https?://[\w./]+", TEMPLATES + SCRIPTS)) <= known | {"https://", "http://"}


def test_the_font_brings_its_licence() -> None:
    assert "SIL OPEN FONT LICENSE" in (STATIC / "font/OFL.txt").read_text().upper()
    assert (STATIC / "font/bricolage-grotesque.woff2").stat().st_size < 50_000


def test_pictures_in_lists_reserve_their_place() -> None:
    for picture in re.findall(r"<img [^>]*>", re.sub(r"\{%.*?%\}", "", TEMPLATES)):
        assert 'width="' in picture
        assert 'height="' in picture
        assert 'alt="' in picture
