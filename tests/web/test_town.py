"""Settings, channels and their pictures, the pages around them, the first run."""

from __future__ import annotations

import re
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tubehome import settings
from tubehome.base import ids
from tubehome.library import queries
from tubehome.library.models import Channel, Video
from tubehome.owner import recovery, setup
from tubehome.site import Site
from tubehome.web import create_app

CHANNELS = "/studio/channels"


@pytest.fixture
def press(owner: FlaskClient) -> Any:
    """`press(path, **fields)`: a form of the studio, as a browser sends it."""
    mark = re.search(r'name="csrf-token" content="([^"]+)"', owner.get(CHANNELS).text)
    assert mark

    def send(path: str, **fields: Any) -> Any:
        return owner.post(path, data={**fields, "csrf_token": mark[1]})

    return send


@pytest.fixture(scope="module")
def drawing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`drawing(name, size)`: a picture made by ffmpeg."""
    folder = tmp_path_factory.mktemp("drawings")

    def make(name: str = "a.png", size: str = "300x200") -> bytes:
        path: Path = folder / f"{size}-{name}"
        if not path.exists():
            source = "color" if name == "bomb.png" else "testsrc2"
            made = ["-f", "lavfi", "-i", f"{source}=s={size}", "-frames:v", "1", str(path)]
            subprocess.run(["ffmpeg", "-v", "error", *made], check=True)
        return path.read_bytes()

    return make


# settings


def test_settings_are_stored_and_shown(owner: FlaskClient, stranger: FlaskClient, press: Any) -> None:
    said = {"site_name": "Les Prés", "description": "Nos vidéos", "language": "fr", "accent": "#c2243f", "corner": "6",
            "about": "Une **commune**.", "footer": "Mairie, 2 place Haute", "support": "https://don.example.org/x",
            "whole": "1", "wait_transcoding": "on"}  # fmt: skip
    assert press("/studio/settings", **said).status_code == 303
    now = settings.read()
    assert (now.site_name, now.accent, now.corner, now.wait_transcoding) == ("Les Prés", "#c2243f", 6, True)
    home = stranger.get("/").text
    for words in ("Les Prés", "2 place Haute", "https://don.example.org/x", 'href="/about"'):
        assert words in home
    assert "<strong>commune</strong>" in stranger.get("/about").text
    theme = re.search(r'href="(/theme.css[^"]+)"', home)
    assert theme
    sheet = stranger.get(theme[1])
    assert "#c2243f" in sheet.text
    assert "6px" in sheet.text
    assert "immutable" in sheet.headers["Cache-Control"]
    press("/studio/settings", **{**said, "wait_transcoding": ""} | {"about": ""})
    assert stranger.get("/about").status_code == 404
    assert press("/studio/settings", whole="1", site_name="X").status_code == 303
    assert settings.read().wait_transcoding is False


@pytest.mark.parametrize(
    ("field", "value"),
    [("site_name", ""), ("site_name", "x" * 121), ("accent", "red"), ("accent", "#fff;}"), ("corner", "13"),
     ("corner", "x"), ("support", "javascript:alert(1)"), ("support", "https://a b"), ("language", "de"),
     ("footer", "x" * 1001)],
)  # fmt: skip
def test_a_wrong_setting_is_told_and_nothing_stored(press: Any, field: str, value: str) -> None:
    before = settings.read()
    answer = press("/studio/settings", **{"description": "changed", field: value})
    assert answer.status_code == 400
    assert 'class="error"' in answer.text
    assert settings.read() == before


def test_a_colour_of_one_s_own(press: Any) -> None:
    assert press("/studio/settings", accent="own", accent_own="#ABCDEF").status_code == 303
    assert settings.read().accent == "#abcdef"


# channels


def test_a_channel_is_made_and_its_name_is_its_address(press: Any, stranger: FlaskClient) -> None:
    answer = press(CHANNELS, title="Vie de l’école", name="")
    assert answer.headers["Location"] == f"{CHANNELS}/vie_de_l_ecole"
    assert stranger.get("/c/vie_de_l_ecole").status_code == 200
    for name in ("vie_de_l_ecole", "claire", "claire_channel", "peertube", "Été", "a b", "../x"):
        wrong = press(CHANNELS, title="Encore", name=name)
        assert wrong.status_code == 400, name
        assert 'id="name-error"' in wrong.text
    assert 'id="title-error"' in press(CHANNELS, title=" ", name="x").text
    assert press(CHANNELS, title="مجلس", name="").status_code == 400, "nothing of it can be an address: say one"
    assert press(CHANNELS, title="مجلس", name="majlis").status_code == 303


def test_what_is_said_of_a_channel(press: Any, stranger: FlaskClient, site: Site) -> None:
    path = f"{CHANNELS}/claire_channel"
    said = {"title": "Conseil", "description": "**Séances**", "support": "https://don.example.org",
            "default_visibility": "unlisted", "default_language": "fr", "default_licence": "cc-by",
            "keep_originals": "erase"}  # fmt: skip
    assert press(path, **said).status_code == 303
    channel = queries.channel("claire_channel")
    assert (channel.title, channel.default_visibility, channel.default_licence) == ("Conseil", "unlisted", "cc-by")
    page = stranger.get("/c/claire_channel").text
    assert "<strong>Séances</strong>" in page
    assert "https://don.example.org" in page
    assert channel.keep_originals == "erase"
    wrong = press(
        path, **{**said, "title": "", "keep_originals": "sometimes", "support": "ftp://x", "default_visibility": "?"}
    )
    assert wrong.status_code == 400
    assert wrong.text.count('class="error"') >= 2
    assert queries.channel("claire_channel").title == "Conseil"


@pytest.mark.parametrize(("kind", "shape"), [("avatar", (480, 480)), ("banner", (1920, 480))])
@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.webp"])
def test_a_picture_is_redrawn_served_for_ever_and_replaced(
    press: Any, owner: FlaskClient, stranger: FlaskClient, drawing: Any, site: Site, kind: str, shape: Any, name: str
) -> None:
    path = f"{CHANNELS}/claire_channel"
    assert press(f"{path}/{kind}", file=(BytesIO(drawing(name)), "x.bin")).status_code == 303
    page = stranger.get("/c/claire_channel").text
    (address, *_) = re.findall(rf"/pictures/[0-9]+-{kind}-[0-9a-f]+-{shape[0]}\.webp", page)
    picture = stranger.get(address)
    assert picture.mimetype == "image/webp"
    assert "immutable" in picture.headers["Cache-Control"]
    kept = {file.name for file in site.files.pictures.iterdir()}
    assert press(f"{path}/{kind}", file=(BytesIO(drawing("b.png", "64x64")), "y")).status_code == 303
    assert stranger.get(address).status_code == 404
    assert len({file.name for file in site.files.pictures.iterdir()}) == len(kept)
    assert press(f"{path}/{kind}", remove="1").status_code == 303
    assert list(site.files.pictures.iterdir()) == []
    assert list(site.files.cache.glob("sent-*")) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\x89PNG\r\n\x1a\n" + b"x" * 100,
     b"RIFF1234AVI " + b"x" * 50, b"#EXTM3U\nfile:///etc/passwd"],
)  # fmt: skip
def test_what_is_no_picture_is_refused(press: Any, site: Site, content: bytes) -> None:
    answer = press(f"{CHANNELS}/claire_channel/avatar", file=(BytesIO(content), "a.png"))
    assert answer.status_code == 400
    assert queries.channel("claire_channel").avatar == ""
    assert list(site.files.pictures.iterdir()) == []


def test_a_picture_of_too_many_pixels_or_bytes_is_refused(press: Any, owner: FlaskClient, drawing: Any) -> None:
    path = f"{CHANNELS}/claire_channel/avatar"
    assert press(path, file=(BytesIO(drawing("bomb.png", "9000x9000")), "a.png")).status_code == 400
    large = {"CONTENT_LENGTH": "20000000", "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    assert owner.post(path, environ_overrides=large).status_code == 413
    assert press(path, file=(BytesIO(b""), "")).status_code == 400


def test_a_channel_goes_and_its_videos_move(press: Any, stranger: FlaskClient, seeded: Any) -> None:
    moving = Video.select().join(Channel).where(Channel.name == "fetes").count()
    assert moving
    assert press(f"{CHANNELS}/fetes/remove").status_code == 400
    assert press(f"{CHANNELS}/fetes/remove", into="fetes").status_code == 400
    assert press(f"{CHANNELS}/fetes/remove", into="conseil").status_code == 303
    assert stranger.get("/c/fetes").status_code == 404
    assert Video.select().join(Channel).where(Channel.name == "fetes").count() == 0
    listed = Channel.get(Channel.name == "conseil").listed_videos
    assert f"{listed}" in stranger.get("/").text
    assert press(CHANNELS, title="Fêtes", name="fetes").status_code == 400, "its name is never used again"
    assert press(f"{CHANNELS}/claire_channel/remove").status_code == 303
    assert press(f"{CHANNELS}/conseil/remove").status_code == 400, "the last one stays"


# pages around


def test_subscribing(stranger: FlaskClient, seeded: Any) -> None:
    page = stranger.get("/subscribe").text
    assert 'value="http://localhost/feed.xml"' in page
    assert 'href="feed:http://localhost/feed.atom"' in page
    assert stranger.get("/subscribe?channel=conseil").headers["Location"] == "/subscribe/conseil"
    assert "/c/conseil/feed.xml" in stranger.get("/subscribe/conseil").text
    assert stranger.get("/subscribe/nobody").status_code == 404
    assert "Set-Cookie" not in stranger.get("/subscribe").headers


# the first run


def test_the_first_run(bare_site: Site, token_of: Any) -> None:
    client = create_app(bare_site).test_client()
    link = f"/setup/{setup.new_link()}"
    words = "un long mot de passe"
    said = {"name": "claire", "site_name": "Saint-Aubin", "password": words, "password_again": words}
    at = client.post(link, data={**said, "csrf_token": token_of(client.get(link))}).headers["Location"]
    assert at == "/studio/welcome/site"

    def go(path: str, **fields: str) -> Any:
        return client.post(path, data={**fields, "csrf_token": token_of(client.get(path))})

    assert go(at, description="x" * 300, channel="").status_code == 400
    assert go(at, language="tlh", channel="x").status_code == 400
    at = go(at, description="Nos vidéos", channel="Conseil municipal", language="en").headers["Location"]
    assert queries.channel("claire_channel").title == "Conseil municipal"
    assert settings.read().language == "en"
    assert '<html lang="en"' in client.get(at).text, "and it goes on in that language"
    assert go(at, accent="nonsense", corner="2").status_code == 400
    at = go(at, accent="#2a3fa8", corner="12").headers["Location"]
    assert settings.read().accent == "#2a3fa8"
    assert recovery.left() == 0, "looking makes no codes"
    client.get(at)
    shown = go(at).text
    codes = re.findall(r"<code>([a-z0-9-]{14})</code>", shown)
    assert len(codes) == recovery.COUNT
    assert client.get("/studio/").status_code == 200


@pytest.mark.parametrize(("prefix", "main", "other"), [("", "fr", "en"), ("/en", "en", "fr")])
def test_the_site_speaks_the_language_in_which_it_was_set_up(
    bare_site: Site, token_of: Any, prefix: str, main: str, other: str
) -> None:
    client = create_app(bare_site).test_client()
    link = f"{prefix}/setup/{setup.new_link()}"
    words = "un long mot de passe"
    said = {"name": "claire", "site_name": "Saint-Aubin", "password": words, "password_again": words}
    form = client.get(link)
    assert f'<html lang="{main}">' in form.text
    # what is wrong is told in it, too
    wrong = client.post(link, data={**said, "password_again": "x", "csrf_token": token_of(form)})
    assert (wrong.status_code, f'<html lang="{main}">' in wrong.text) == (400, True)
    said["csrf_token"] = token_of(client.get(link))
    landed = client.post(link, data=said, follow_redirects=True)
    # from now on that language needs no prefix, and the other has one
    assert (landed.status_code, landed.request.path) == (200, "/studio/welcome/site")
    assert f'<html lang="{main}">' in landed.text
    assert settings.read().language == main
    stranger = create_app(bare_site).test_client()
    for path, spoken in (("/", main), (f"/{other}/", other), ("/login", main)):
        assert f'<html lang="{spoken}">' in stranger.get(path).text, path
    assert f"<language>{main}</language>" in stranger.get("/feed.xml").text


def test_strangers_are_not_welcome(stranger: FlaskClient) -> None:
    for step in ("site", "colour", "codes"):
        assert stranger.get(f"/studio/welcome/{step}").status_code == 303


def test_a_large_body_is_for_the_owner_alone(app: Flask, stranger: FlaskClient, drawing: Any) -> None:
    large = {"CONTENT_LENGTH": "500000", "CONTENT_TYPE": "multipart/form-data; boundary=x"}
    answer = stranger.post(f"{CHANNELS}/claire_channel/avatar", environ_overrides=large)
    assert answer.status_code == 413
    assert ids.new_uuid() not in answer.text
