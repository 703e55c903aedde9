"""The three pages and what stands around them: languages, numbers, other addresses, « not set up yet »."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from tubehome import settings
from tubehome.base import ids, urls
from tubehome.base.errors import Refused
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing, move
from tubehome.site import Site
from tubehome.web import create_app


def _short(video: Video) -> str:
    return ids.shorten(video.uuid)


def test_pages_name_what_they_show(stranger: FlaskClient, seeded) -> None:
    for path, words in (
        ("/", ["Saint-Aubin-des-Prés", "séance 6", "Fêtes &amp; marchés"]),
        (urls.watch(seeded.public[0].uuid), [seeded.public[0].title, "master.m3u8", "720p.mp4"]),
        ("/c/fetes", ["Fêtes &amp; marchés", seeded.public[1].title]),
    ):
        answer = stranger.get(path)
        assert answer.status_code == 200
        assert answer.content_type == "text/html; charset=utf-8"
        for word in words:
            assert word in answer.text, (path, word)


def test_lists_hold_nothing_that_is_not_public(stranger: FlaskClient, seeded) -> None:
    for path in ("/", "/c/conseil", urls.watch(seeded.public[0].uuid)):
        page = stranger.get(path).text
        for hidden in (*seeded.hidden.values(), seeded.unlisted, seeded.preparing, seeded.failed):
            assert hidden.title not in page, (path, hidden.title)
            assert hidden.uuid not in page


def test_an_unlisted_video_has_a_page_that_search_engines_leave_alone(stranger: FlaskClient, seeded) -> None:
    answer = stranger.get(urls.watch(seeded.unlisted.uuid))
    assert answer.status_code == 200
    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_a_page_that_waits_says_so(stranger: FlaskClient, seeded) -> None:
    for video in (seeded.preparing, seeded.failed):
        answer = stranger.get(urls.watch(video.uuid))
        assert answer.status_code == 200
        assert "master.m3u8" not in answer.text
        assert "ETag" not in answer.headers


@pytest.mark.parametrize("number", ["0", "-1", "x", "1x", "01", "+1", "99999999999", "²", "١", "", " 1", "7"])
def test_a_page_number_that_is_none_is_not_found(stranger: FlaskClient, number: str) -> None:
    for path in ("/", "/c/conseil", "/en/"):
        assert stranger.get(path, query_string={"page": number}).status_code == 404


def test_numbered_pages(stranger: FlaskClient, site: Site, seeded) -> None:
    with site.db.atomic():
        for i in range(30):
            Video.create(
                **{
                    **_columns(seeded.public[0]),
                    "uuid": ids.new_uuid(),
                    "title": f"Ancienne {i}",
                    "published_at": 1000 + i,
                }
            )
        from tubehome.store.db import bump

        bump()
    first, second = stranger.get("/"), stranger.get("/?page=2")
    assert first.status_code == second.status_code == 200
    assert first.text != second.text
    assert 'rel="canonical" href="http://localhost/?page=2"' in second.text
    assert 'href="/en/?page=2"' in second.text
    assert stranger.get("/?page=1").text.replace("nonce", "") != second.text
    assert stranger.get("/c/conseil?page=3").status_code == 200
    assert stranger.get("/c/conseil?page=4").status_code == 404


def _columns(video: Video) -> dict[str, object]:
    return {name: value for name, value in video.__data__.items() if name != "id"}


def test_unknown_names_are_not_found(stranger: FlaskClient) -> None:
    unknown = ids.shorten(ids.new_uuid())
    for path in (f"/w/{unknown}", f"/w/{unknown}/state", "/w/x", "/w/" + "1" * 22, "/w/" + "z" * 22, "/c/nobody",
                 "/c/nobody/feed.xml", "/c/%00", "/w/%2e%2e%2f", "/videos/watch/x", "/" + "a" * 4000,
                 "/c/" + "é" * 500):  # fmt: skip
        assert stranger.get(path).status_code == 404, path


def test_other_addresses_of_a_video_lead_to_its_one(stranger: FlaskClient, seeded) -> None:
    video = seeded.public[0]
    for path in (
        f"/w/{video.uuid}",
        f"/videos/watch/{video.uuid}",
        f"/videos/watch/{_short(video)}",
        f"/w/{video.uuid.upper()}",
    ):
        answer = stranger.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (301, f"/w/{_short(video)}"), path
    assert stranger.get(f"/w/{video.uuid}?t=90").headers["Location"] == f"/w/{_short(video)}?t=90"
    assert stranger.get(f"/en/w/{video.uuid}").headers["Location"] == f"/en/w/{_short(video)}"


def test_the_state_of_a_preparation(stranger: FlaskClient, site: Site, seeded) -> None:
    path = urls.watch_state(seeded.preparing.uuid)
    before = stranger.get(path)
    assert before.headers["Cache-Control"] == "no-store"
    assert set(before.json or {}) == {"state", "percent", "remaining", "text", "playable"}
    assert (before.json["state"], before.json["playable"]) == ("preparing", False)
    Step.update(progress=0.5).where(Step.video == seeded.preparing, Step.position == 1).execute()
    after = stranger.get(path)
    assert after.json["percent"] > before.json["percent"]  # though no version was bumped
    assert "%" in stranger.get("/en" + path).json["text"]
    with site.db.atomic():
        move(seeded.preparing.id, Processing.PREPARING, Processing.PLAYABLE)
    assert stranger.get(path).json["playable"] is True


def test_the_other_language_stands_under_its_prefix(stranger: FlaskClient, seeded) -> None:
    paths = ["/", "/c/conseil", urls.watch(seeded.public[0].uuid)]
    for path in paths:
        french, english = stranger.get(path), stranger.get("/en" + path)
        assert '<html lang="fr"' in french.text
        assert '<html lang="en"' in english.text
        assert f'href="/en{path}"' in french.text  # the switch
        assert f'hreflang="fr" href="http://localhost{path}"' in english.text
        assert 'href="/en/' in english.text  # its links stay in the language
        assert "21 novembre" not in english.text or path != "/"


def test_the_main_language_has_one_address(stranger: FlaskClient, seeded) -> None:
    assert (stranger.get("/fr/").status_code, stranger.get("/fr/").headers["Location"]) == (301, "/")
    assert stranger.get("/fr/c/conseil?page=1").headers["Location"] == "/c/conseil?page=1"
    settings.change(language="en")
    assert '<html lang="en"' in stranger.get("/").text
    assert stranger.get("/en/").headers["Location"] == "/"
    assert '<html lang="fr"' in stranger.get("/fr/").text


def test_what_is_not_a_page_has_no_language(stranger: FlaskClient, seeded) -> None:
    for path in ("/feed.xml", "/theme.css", "/healthz", "/robots.txt", f"/media/{seeded.public[0].uuid}/720p.mp4"):
        assert stranger.get("/en" + path).status_code == 404, path


def test_a_reader_gets_no_cookie(stranger: FlaskClient, seeded) -> None:
    watch = urls.watch(seeded.public[0].uuid)
    for path in ("/", "/en/", "/fr/", watch, watch + "/state", "/c/conseil", "/feed.xml", "/c/conseil/feed.atom",
                 "/theme.css", "/healthz", "/robots.txt", "/favicon.ico", "/nothing", f"/w/{seeded.public[0].uuid}",
                 f"/media/{seeded.public[0].uuid}/720p.mp4", "/?page=x", "/studio/"):  # fmt: skip
        answer = stranger.get(path)
        answer.close()
        assert "Set-Cookie" not in answer.headers, path


def test_pages_vary_by_cookie_alone_and_feeds_by_encoding(stranger: FlaskClient, seeded) -> None:
    for path in ("/", urls.watch(seeded.public[0].uuid), "/c/conseil"):
        assert stranger.get(path).headers["Vary"] == "Cookie"
    assert stranger.get("/feed.xml").headers["Vary"] == "Accept-Encoding"


def test_the_theme_is_the_owners_colour_and_nothing_else(stranger: FlaskClient, site: Site) -> None:
    sheet = stranger.get("/theme.css")
    assert sheet.mimetype == "text/css"
    assert "--accent: #0b7a55" in sheet.text
    assert re.search(r"/static/img/wordmark\.\w+\.svg", sheet.text)
    assert "immutable" in stranger.get("/theme.css?v=0b7a55-2").headers["Cache-Control"]
    assert sheet.headers["Cache-Control"] == "no-cache"
    assert stranger.get("/theme.css", headers={"If-None-Match": sheet.headers["ETag"]}).status_code == 304
    settings.change(accent="#112233")
    assert "--accent: #112233;" in stranger.get("/theme.css").text
    with pytest.raises(Refused):
        settings.change(accent="red; } body { display: none")
    settings.Setting.update(content='"red; } body { display: none"').where(settings.Setting.key == "accent").execute()
    assert "display" not in stranger.get("/theme.css").text


def test_before_an_owner_every_page_says_so(bare_site: Site) -> None:
    client = create_app(bare_site).test_client()
    for path in ("/", "/en/", "/w/x", "/c/x", "/feed.xml", "/login", "/studio/", "/nothing"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "tubehome owner link" in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Set-Cookie" not in answer.headers
    assert client.post("/login").status_code == 200
    for path, code in (("/healthz", 200), ("/theme.css", 200), ("/robots.txt", 200), ("/setup/wrong", 410)):
        assert client.get(path).status_code == code, path


def test_health_and_numbers(stranger: FlaskClient, seeded) -> None:
    assert stranger.get("/healthz").text == "ok\n"
    numbers = stranger.get("/metrics")
    assert numbers.mimetype == "text/plain"
    for line in ('tubehome_info{version="', 'tubehome_videos{processing="ready"} 8', 'tubehome_steps{state="failed"} 1',
                 "tubehome_disk_free_bytes ", "tubehome_content_version "):  # fmt: skip
        assert line in numbers.text, line


def test_numbers_are_for_this_machine_or_who_has_the_token(site: Site, configured, seeded) -> None:
    client = create_app(configured(site, metrics_token="s3cret")).test_client()
    far = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_overrides=far).status_code == 404
    assert client.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 404
    assert client.get("/metrics", headers={"Forwarded": "for=127.0.0.1"}).status_code == 404
    for given, code in (
        ("Bearer s3cret", 200),
        ("bearer s3cret", 200),
        ("Bearer wrong", 404),
        ("s3cret", 404),
        ("Bearer ", 404),
        ("Bearer é", 404),
    ):
        assert client.get("/metrics", environ_overrides=far, headers={"Authorization": given}).status_code == code, (
            given
        )
    none = create_app(site).test_client()
    assert none.get("/metrics", environ_overrides=far, headers={"Authorization": "Bearer "}).status_code == 404


def test_robots_and_the_sign_in_the_tab(stranger: FlaskClient) -> None:
    assert "Disallow: /studio/" in stranger.get("/robots.txt").text
    sign = stranger.get("/favicon.ico", follow_redirects=True)
    assert (sign.status_code, sign.mimetype) == (200, "image/svg+xml")
    sign.close()


def test_head_is_get_without_its_body(stranger: FlaskClient, seeded) -> None:
    for path in ("/", urls.watch(seeded.public[0].uuid), "/feed.xml", "/nothing"):
        for _ in range(2):  # made, then from memory
            got, head = stranger.get(path), stranger.head(path)
            assert head.data == b""
            assert (head.status_code, head.headers["Content-Length"]) == (
                got.status_code,
                got.headers["Content-Length"],
            )


def test_other_methods_are_refused_with_what_is_allowed(stranger: FlaskClient) -> None:
    answer = stranger.put("/")
    assert answer.status_code in (400, 405)  # without a token it is not even looked at
    assert stranger.open("/", method="PROPFIND").status_code == 405
