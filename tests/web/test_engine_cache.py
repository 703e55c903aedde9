"""Pages in memory: made once for each content version, sent with a nonce of their own, never the owner's."""

from __future__ import annotations

import gzip
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tubehome import settings
from tubehome.base import urls
from tubehome.library.models import Video
from tubehome.site import Site
from tubehome.store.db import bump
from tubehome.web import create_app, security, views
from tubehome.web.cache import Kept, PageCache
from tubehome.web.engine import engine_of


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The templates that were rendered, in order."""
    names: list[str] = []
    real = views.render
    monkeypatch.setattr(views, "render", lambda name, **values: names.append(name) or real(name, **values))
    return names


def _pages(seeded) -> tuple[str, ...]:
    return "/", "/en/", urls.watch(seeded.public[0].uuid), "/c/conseil"


def test_a_page_is_made_once_and_again_after_a_change(
    stranger: FlaskClient, site: Site, seeded, made: list[str]
) -> None:
    for path in _pages(seeded):
        made.clear()
        first, second = stranger.get(path), stranger.get(path)
        assert len(made) == 1, path
        assert _without_nonce(first.text) == _without_nonce(second.text)
        with site.db.atomic():
            Video.update(title="Un nouveau titre").where(Video.id == seeded.public[0].id).execute()
            bump()
        third = stranger.get(path)
        assert len(made) == 2
        assert third.headers["ETag"] != first.headers["ETag"]
        assert "Un nouveau titre" in third.text


def _without_nonce(text: str) -> str:
    return re.sub(r'nonce="[^"]+"', "", text)


def test_each_answer_has_its_own_nonce_and_its_true_length(stranger: FlaskClient, seeded) -> None:
    for path in _pages(seeded):
        seen = set()
        for _ in range(4):
            answer = stranger.get(path)
            nonces = set(re.findall(r'nonce="([^"]+)"', answer.text))
            assert len(nonces) == 1
            assert f"'nonce-{nonces.copy().pop()}'" in answer.headers["Content-Security-Policy"]
            assert security.NONCE not in answer.text + str(answer.headers)
            assert int(answer.headers["Content-Length"]) == len(answer.data)
            seen |= nonces
        assert len(seen) == 4


def test_who_has_it_already_gets_304(stranger: FlaskClient, app: Flask, seeded) -> None:
    for path in (*_pages(seeded), "/feed.xml", "/feed.atom", "/c/conseil/feed.xml"):
        whole = stranger.get(path)
        tag = whole.headers["ETag"]
        assert tag.startswith('W/"')
        for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}'):
            for emptied in (False, True):  # from memory, and after memory was lost
                if emptied:
                    engine_of(app).pages.clear()
                answer = stranger.get(path, headers={"If-None-Match": asked})
                assert (answer.status_code, answer.data) == (304, b"")
                assert answer.headers["ETag"] == tag
                assert answer.headers["Vary"] == whole.headers["Vary"]
                # the browser keeps the policy of the page it stored, with that page's nonce
                assert "Content-Security-Policy" not in answer.headers
                assert "Content-Length" not in answer.headers or answer.headers["Content-Length"] == "0"
            stranger.get(path)
        assert stranger.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_validators_do_not_outlive_the_program_nor_mix_hosts(
    site: Site, stranger: FlaskClient, seeded, monkeypatch
) -> None:
    tag = stranger.get("/").headers["ETag"]
    assert create_app(site).test_client().get("/").headers["ETag"] == tag  # a restart keeps them
    assert stranger.get("/", base_url="http://other.example/").headers["ETag"] != tag
    assert stranger.get("/", base_url="https://localhost/").headers["ETag"] != tag
    monkeypatch.setattr("tubehome.web.cache.__version__", "9.9")
    assert create_app(site).test_client().get("/").headers["ETag"] != tag


def test_a_page_never_names_the_host_of_another_request(stranger: FlaskClient, seeded) -> None:
    evil = stranger.get("/", base_url="http://evil.example/")
    assert "http://evil.example/" in evil.text
    for path in ("/", "/feed.xml"):
        assert "evil.example" not in stranger.get(path).text


def test_feeds_answer_by_date_too(stranger: FlaskClient, site: Site, seeded) -> None:
    whole = stranger.get("/feed.xml")
    date = whole.headers["Last-Modified"]
    assert stranger.get("/feed.xml", headers={"If-Modified-Since": date}).status_code == 304
    assert stranger.get("/feed.xml", headers={"If-Modified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}).status_code == 200
    assert stranger.get("/feed.xml", headers={"If-Modified-Since": "yesterday"}).status_code == 200
    # a validator decides alone
    both = {"If-Modified-Since": date, "If-None-Match": '"other"'}
    assert stranger.get("/feed.xml", headers=both).status_code == 200
    assert stranger.get("/", headers={"If-Modified-Since": date}).status_code == 200  # a page has no date


def test_feeds_are_compressed_for_who_takes_it(stranger: FlaskClient, seeded) -> None:
    plain = stranger.get("/feed.xml")
    for _ in range(2):
        small = stranger.get("/feed.xml", headers={"Accept-Encoding": "br, gzip"})
        assert small.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(small.data) == plain.data
        assert int(small.headers["Content-Length"]) == len(small.data) < len(plain.data) / 2
    for refused in ("gzip;q=0", "gzip;q=0, br", "identity", ""):
        assert "Content-Encoding" not in stranger.get("/feed.xml", headers={"Accept-Encoding": refused}).headers


def test_pages_ask_each_time_and_the_owners_are_stored_nowhere(
    stranger: FlaskClient, owner: FlaskClient, seeded, made
) -> None:
    for path in _pages(seeded):
        assert stranger.get(path).headers["Cache-Control"] == "no-cache"
        tag = stranger.get(path).headers["ETag"]
        made.clear()
        for _ in range(2):
            answer = owner.get(path, headers={"If-None-Match": tag})
            assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
            assert "ETag" not in answer.headers
        assert len(made) == 2
        # nothing of the owner's page reached memory
        assert "/studio/" not in stranger.get(path).text


def test_the_owner_sees_what_strangers_do_not(owner: FlaskClient, stranger: FlaskClient, seeded) -> None:
    path = urls.watch(seeded.private.uuid)
    assert owner.get(path).status_code == 200
    assert stranger.get(path).status_code == 404
    assert "ETag" not in owner.get(path).headers


def test_a_page_whose_progress_moves_is_not_kept(stranger: FlaskClient, seeded, made: list[str]) -> None:
    for _ in range(2):
        assert stranger.get(urls.watch(seeded.preparing.uuid)).status_code == 200
    assert len(made) == 2


def test_what_is_not_found_is_not_kept(stranger: FlaskClient, app: Flask, seeded) -> None:
    for path in ("/nothing", "/?page=9", "/c/nobody", urls.watch(seeded.private.uuid)):
        assert stranger.get(path).status_code == 404
    assert len(engine_of(app).pages) == 0


def test_unknown_parameters_neither_split_nor_poison_the_memory(stranger: FlaskClient, app: Flask, seeded) -> None:
    for query in ("utm_source=x", "t=90", "page=1", "x=<script>"):
        assert stranger.get("/?" + query).headers["ETag"] == stranger.get("/").headers["ETag"]
    assert len(engine_of(app).pages) == 1


def test_settings_show_at_once(stranger: FlaskClient, seeded) -> None:
    stranger.get("/")
    settings.change(site_name="Nouveau nom")
    assert "Nouveau nom" in stranger.get("/").text


def test_memory_is_bounded_and_the_least_used_go_first() -> None:
    cache = PageCache("seal", limit=100_000)
    for i in range(50):
        cache.put((i,), Kept(b"x" * 8_000, (), "t", None))
        cache.get((0,))
    assert len(cache) == 10
    assert cache.bytes <= 100_000
    assert cache.get((0,))  # asked for all the while
    assert cache.get((20,)) is None
    cache.put(("giant",), Kept(b"x" * 90_000, (), "t", None))
    assert cache.get(("giant",)) is None
    for _ in range(3):  # replaced, not counted twice
        cache.put((0,), Kept(b"x" * 8_000, (), "t", None))
    assert cache.bytes == 100_000
