"""What a stranger may not see answers 404 on every route there is, and on those to come.

The walk goes over the application's own table of addresses: a rule that takes a value and has no case here
fails, so nobody can add a way in without saying what strangers get there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tubehome.base import ids, urls
from tubehome.library.models import Rendition, Video
from tubehome.site import Site

# each rule (without its language) and the addresses that a video has there
CASES = {
    "/w/<name>": lambda v: [ids.shorten(v.uuid), v.uuid],
    "/w/<name>/state": lambda v: [f"{ids.shorten(v.uuid)}/state", f"{v.uuid}/state"],
    "/videos/watch/<name>": lambda v: [v.uuid, ids.shorten(v.uuid)],
    "/media/<uuid>/<name>": lambda v: [f"{v.uuid}/{name}" for name in _files(v)],
}
# rules that take something else than a video
OTHERS = {"/c/<name>", "/c/<name>/feed.<any(xml, atom):kind>", "/feed.<any(xml, atom):kind>", "/setup/<token>",
          "/subscribe/<name>", "/pictures/<name>"}  # fmt: skip


def _files(video: Video) -> list[str]:
    film = [r.file for r in Rendition.select().where(Rendition.video == video)]
    lists = [name.replace("-fragmented.mp4", ".m3u8") for name in film]
    return [*film, *lists, "master.m3u8", "720p.mp4", "segments-sha256.json",
            "thumbnail-320.jpg", "thumbnail-1280.webp", "no-such-file.mp4"]  # fmt: skip


def _rules(app: Flask) -> Iterator[tuple[str, str]]:
    """(prefix of the language, rule without it) of every rule that takes a value."""
    for rule in app.url_map.iter_rules():
        if rule.arguments:
            prefix = rule.rule[:3] if rule.rule.startswith(("/fr/", "/en/")) else ""
            yield prefix, rule.rule.removeprefix(prefix)


def _addresses(app: Flask, video: Video) -> Iterator[str]:
    for prefix, rule in _rules(app):
        if rule in CASES:
            head = prefix + rule.split("<")[0]
            yield from (head + rest for rest in CASES[rule](video))


def test_every_rule_that_takes_a_value_has_its_case(app: Flask) -> None:
    rules = {rule for _, rule in _rules(app) if not rule.startswith("/studio/")}
    assert rules - set(CASES) - OTHERS == set(), "say here what strangers get at these addresses"
    assert set(CASES) | OTHERS <= rules, "these rules are gone"


def test_nobody_but_the_owner_enters_the_studio(app: Flask, stranger: FlaskClient, seeded) -> None:
    """Every rule of the studio, those to come included: the way to the door, or 401; a form of others gets 400."""
    walked = 0
    for rule in app.url_map.iter_rules():
        if "/studio/" not in rule.rule:
            continue
        for method in sorted((rule.methods or set()) - {"OPTIONS"}):
            path = re.sub(r"<any\((\w+)[^)]*\):\w+>", r"\1", rule.rule)
            path = re.sub(r"<int:[^>]*>", "1", path)
            path = re.sub(r"<[^>]*>", ids.shorten(seeded.private.uuid), path)
            answer = stranger.open(path, method=method)
            walked += 1
            assert answer.status_code in (301, 303, 400, 401), (method, path, answer.status_code)
            if answer.status_code == 303:
                assert "/login?next=" in answer.headers["Location"]
            assert seeded.private.title not in answer.text
    assert walked > 10


@pytest.mark.parametrize("kind", ["private", "binned", "waiting"])
def test_what_is_hidden_is_not_there(app: Flask, stranger: FlaskClient, seeded, kind: str) -> None:
    video = seeded.hidden[kind]
    unknown = ids.new_uuid()
    addresses = [*_addresses(app, video)]
    assert len(addresses) > 15
    for address in addresses:
        if address.startswith("/fr/"):
            continue  # redirects to the address without it, whatever it names
        for headers in ({}, {"Range": "bytes=0-9"}, {"If-None-Match": "*"}, {"Accept": "application/activity+json"}):
            answer = stranger.get(address, headers=headers)
            assert answer.status_code == 404, (address, headers)
            assert video.title not in answer.text
        assert stranger.head(address).status_code == 404
        # word for word what an address answers that never was
        never = address.replace(video.uuid, unknown).replace(ids.shorten(video.uuid), ids.shorten(unknown))
        other = stranger.get(never)
        assert other.status_code == 404
        assert _told(answer.text, video.uuid) == _told(other.text, unknown)


def _told(text: str, uuid: str) -> str:
    import re

    text = text.replace(uuid, "…").replace(ids.shorten(uuid), "…")
    return re.sub(r'nonce="[^"]+"', "", text)


def test_the_owner_has_what_is_hidden(app: Flask, owner: FlaskClient, seeded) -> None:
    for kind, video in seeded.hidden.items():
        for address in _addresses(app, video):
            if "no-such-file" in address or address.startswith("/fr/"):
                continue
            answer = owner.get(address)
            answer.close()
            assert answer.status_code in (200, 301), (kind, address, answer.status_code)
            if answer.status_code == 200:
                assert "no-store" in answer.headers["Cache-Control"], address


def test_the_owner_is_told_that_it_lies_in_the_bin(owner: FlaskClient, stranger: FlaskClient, seeded) -> None:
    page = owner.get(urls.watch(seeded.binned.uuid))
    assert "à la corbeille" in page.text
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert stranger.get(urls.watch(seeded.binned.uuid)).status_code == 404


def test_what_is_unlisted_is_there_for_who_has_its_address(app: Flask, stranger: FlaskClient, seeded) -> None:
    for address in _addresses(app, seeded.unlisted):
        answer = stranger.get(address)
        answer.close()
        assert answer.status_code in ((404,) if "no-such-file" in address else (200, 301)), address


def test_no_list_and_no_feed_names_what_is_hidden(
    stranger: FlaskClient, owner: FlaskClient, site: Site, seeded
) -> None:
    hidden = [*seeded.hidden.values(), seeded.unlisted, seeded.preparing, seeded.failed]
    for path in (
        "/",
        "/en/",
        "/c/conseil",
        "/feed.xml",
        "/feed.atom",
        "/c/conseil/feed.xml",
        "/c/conseil/feed.atom",
        "/robots.txt",
        "/metrics",
    ):
        text = stranger.get(path).text
        for video in hidden:
            assert video.uuid not in text, (path, video.title)
            assert ids.shorten(video.uuid) not in text
            assert video.title not in text
    for path in ("/feed.xml", "/c/conseil/feed.atom"):  # a feed is the same for everybody
        assert owner.get(path).text == stranger.get(path).text


def test_what_becomes_hidden_is_gone_at_once_though_it_was_in_memory(stranger: FlaskClient, site: Site, seeded) -> None:
    from tubehome.store.db import bump

    video = seeded.public[0]
    path = f"/w/{ids.shorten(video.uuid)}"
    tag = stranger.get(path).headers["ETag"]
    with site.db.atomic():
        Video.update(visibility="private").where(Video.id == video.id).execute()
        bump()
    assert stranger.get(path).status_code == 404
    assert stranger.get(path, headers={"If-None-Match": tag}).status_code == 404
    for listing in ("/", "/c/conseil", "/feed.xml"):
        assert video.uuid not in stranger.get(listing).text
