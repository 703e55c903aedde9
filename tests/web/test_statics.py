"""Static files: prepared once, whole or not at all, served for ever under names that change with the bytes."""

from __future__ import annotations

import gzip
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tubehome.site import Site
from tubehome.web import create_app, statics
from tubehome.web.engine import engine_of

WEB = Path(statics.__file__).parent
SHEETS = {
    "tokens.css": '@font-face{src:url("../font/a.woff2")}',
    "base.css": "b{}",
    "components.css": "c{}",
    "player.css": "p{}",
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A small set of files that name each other."""
    folder = tmp_path / "static"
    files = {
        **{f"css/{name}": text for name, text in SHEETS.items()},
        "css/studio.css": "a{background:url(../img/x.svg#y)} i{background:url(data:image/png;base64,AA)}",
        "img/x.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>" * 20,
        "js/main.js": 'import {a} from "./part.js"; const b = await import("../vendor/v/v.mjs"); // from "nothing"',
        "js/part.js": "export const a = 1;",
        "vendor/v/v.mjs": 'import x from "./not-ours.js";',
        "vendor/vendor.lock.json": "[]",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "font").mkdir()
    (folder / "font/a.woff2").write_bytes(os.urandom(300))
    return folder


def _text(made: statics.Catalogue, name: str) -> str:
    return (made.folder / made.address(name).removeprefix("/static/")).read_text()


def test_names_carry_the_hash_of_their_bytes(tmp_path: Path, source: Path) -> None:
    first = statics.prepare(tmp_path / "cache", source)
    assert re.fullmatch(r"/static/js/part\.[0-9a-f]{12}\.js", first.address("js/part.js"))
    (source / "js/part.js").write_text("export const a = 2;")
    second = statics.prepare(tmp_path / "cache", source)
    changed = {name for name, address in second.addresses.items() if first.addresses[name] != address}
    assert changed == {"js/part.js", "js/main.js"}  # what imports it changes with it
    assert second.fingerprint != first.fingerprint


def test_sheets_are_joined_in_order_and_their_addresses_rewritten(tmp_path: Path, source: Path) -> None:
    made = statics.prepare(tmp_path, source)
    sheet = _text(made, "css/site.css")
    assert [sheet.index(mark) for mark in ("@font-face", "b{}", "c{}", "p{}")] == sorted(
        sheet.index(mark) for mark in ("@font-face", "b{}", "c{}", "p{}")
    )
    assert f'url("{made.address("font/a.woff2")}")' in sheet
    assert f'url("{made.address("img/x.svg")}#y")' in _text(made, "css/studio.css")
    assert "url(data:image/png;base64,AA)" in _text(made, "css/studio.css")
    for part in ("css/tokens.css", "css/player.css", "vendor/vendor.lock.json"):
        with pytest.raises(LookupError):
            made.address(part)


def test_modules_import_hashed_names_and_vendored_files_stay_as_they_are(tmp_path: Path, source: Path) -> None:
    made = statics.prepare(tmp_path, source)
    module = _text(made, "js/main.js")
    assert f'from "{made.address("js/part.js")}"' in module
    assert f'import("{made.address("vendor/v/v.mjs")}")' in module
    assert 'from "nothing"' in module
    assert _text(made, "vendor/v/v.mjs") == 'import x from "./not-ours.js";'


def test_a_name_that_does_not_exist_stops_the_start(tmp_path: Path, source: Path) -> None:
    (source / "css/studio.css").write_text("a{background:url(../img/none.svg)}")
    with pytest.raises(LookupError, match=r"img/none\.svg"):
        statics.prepare(tmp_path, source)
    (source / "css/studio.css").write_text("")
    (source / "js/part.js").write_text('import "./main.js";')
    with pytest.raises(LookupError, match="circle"):
        statics.prepare(tmp_path, source)


def test_text_is_compressed_once_and_only_where_it_pays(tmp_path: Path, source: Path) -> None:
    made = statics.prepare(tmp_path, source)
    picture = made.folder / made.address("img/x.svg").removeprefix("/static/")
    assert gzip.decompress(picture.with_name(picture.name + ".gz").read_bytes()) == picture.read_bytes()
    assert not list(made.folder.rglob("*.woff2.gz"))


def test_a_second_start_finds_it_and_old_ones_go(tmp_path: Path, source: Path) -> None:
    first = statics.prepare(tmp_path, source)
    stamps = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    assert statics.prepare(tmp_path, source) == first
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == stamps
    left = tmp_path / "static-0.x.part"
    left.mkdir()
    os.utime(left, (1, 1))
    being_built = tmp_path / "static-1.y.part"
    being_built.mkdir()
    (tmp_path / "other").mkdir()
    (source / "js/part.js").write_text("export const a = 3;")
    second = statics.prepare(tmp_path, source)
    assert {p.name for p in tmp_path.glob("static-*")} == {second.folder.name, being_built.name}
    assert (tmp_path / "other").is_dir()


PREPARE = """
import sys, time
from pathlib import Path
from tubehome.web import statics
cache, source, go = map(Path, sys.argv[1:])
print("here", flush=True)
while not go.exists():
    time.sleep(0.001)
made = statics.prepare(cache, source)
assert all((made.folder / a.removeprefix("/static/")).is_file() for a in made.addresses.values())
"""


def test_several_at_once_do_not_disturb_each_other(tmp_path: Path, source: Path) -> None:
    for turn in range(3):
        cache, go = tmp_path / "cache", tmp_path / f"go{turn}"
        command = [sys.executable, "-c", PREPARE, *map(str, (cache, source, go))]
        running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(4)]
        for one in running:
            assert one.stdout
            one.stdout.readline()
        go.touch()
        assert [one.wait(60) for one in running] == [0] * 4
        for one in running:
            one.stdout.close()
        made = statics.prepare(cache, source)
        assert [p.name for p in cache.iterdir()] == [made.folder.name]
        (source / "js/part.js").write_text(f"export const a = {turn};")


# served


def test_every_file_that_a_template_names_exists(app: Flask) -> None:
    named = set()
    for template in (WEB / "templates").rglob("*.html"):
        named |= set(re.findall(r"""\bstatic\(\s*['"]([^'"]+)['"]\s*\)""", template.read_text()))
    assert named
    for name in sorted(named):
        assert engine_of(app).statics.address(name), name


def test_every_file_is_served_for_ever_with_its_own_type(app: Flask, stranger: FlaskClient) -> None:
    types = {".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css", ".woff2": "font/woff2",
             ".svg": "image/svg+xml", ".webp": "image/webp", ".mp4": "video/mp4", ".txt": "text/plain"}  # fmt: skip
    for name, address in engine_of(app).statics.addresses.items():
        answer = stranger.get(address)
        assert answer.status_code == 200, name
        assert answer.headers["Cache-Control"] == "max-age=315360000, public, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.mimetype == types.get(Path(name).suffix, answer.mimetype), name
        assert re.search(r"\.[0-9a-f]{12}(\.\w+)?$", address), name
        small = stranger.get(address, headers={"Accept-Encoding": "gzip"})
        if small.headers.get("Content-Encoding"):
            assert gzip.decompress(small.data) == answer.data
            assert small.headers["Vary"] == "Accept-Encoding"
        again = stranger.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert again.status_code == 304
        for one in (answer, small, again):
            one.close()


def test_nothing_else_is_served(app: Flask, stranger: FlaskClient) -> None:
    for path in ("/static/", "/static/css/site.css", "/static/css/tokens.css", "/static/vendor/vendor.lock.json",
                 "/static/../__init__.py", "/static/js", "/static/css/site.000000000000.css",
                 engine_of(app).statics.address("css/site.css") + ".gz"):  # fmt: skip
        answer = stranger.get(path)
        assert answer.status_code == 404, path
        assert answer.mimetype == "text/plain"


def test_the_catalogue_lies_in_the_data_folder_and_is_found_again(site: Site, app: Flask) -> None:
    folder = engine_of(app).statics.folder
    assert folder.parent == site.files.cache
    before = folder.stat().st_ino
    assert engine_of(create_app(site)).statics.folder.stat().st_ino == before
