"""The studio's videos: found and filtered, saved field by field, into the bin and back."""

from __future__ import annotations

import json
import re
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tubehome.base import ids, urls
from tubehome.flows import machine, pipeline
from tubehome.flows.intake import Intake, intake
from tubehome.library.models import Channel, Step, Video
from tubehome.site import Site
from tubehome.store.db import content_version

LIST = "/studio/videos"


def one(video: Video, act: str = "") -> str:
    return f"{LIST}/{ids.shorten(video.uuid)}{act}"


@pytest.fixture
def send(owner: FlaskClient) -> Any:
    """`send(path, json)`: as a script of the studio; `send.form(path, **fields)`: as its form without a script."""
    mark = re.search(r'name="csrf-token" content="([^"]+)"', owner.get(LIST).text)
    assert mark

    class Send:
        def __call__(self, path: str, json: object = None) -> Any:
            return owner.post(path, json=json, headers={"X-CSRFToken": mark[1], "Accept": "application/json"})

        def form(self, path: str, **fields: Any) -> Any:
            return owner.post(path, data={**fields, "csrf_token": mark[1]})

    return Send()


def shown(page: str) -> list[str]:
    return re.findall(r'<tr data-row="([^"]+)"', page)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {"public", "private", "unlisted", "preparing", "failed", "waiting"}),
        ("?state=bin", {"binned"}),
        ("?state=failed", {"failed"}),
        ("?state=preparing", {"preparing", "waiting"}),
        ("?privacy=private", {"private"}),
        ("?privacy=unlisted", {"unlisted"}),
        ("?q=REPETITION+privee", {"private"}),
        ("?q=corbeille", set()),
        ("?q=%25", set()),
        ("?q=introuvable", set()),
        ("?state=nonsense&privacy=x&sort=y", {"public", "private", "unlisted", "preparing", "failed", "waiting"}),
    ],
)
def test_what_is_found(owner: FlaskClient, seeded: Any, query: str, found: set[str]) -> None:
    answer = owner.get(LIST + query)
    assert answer.status_code == 200
    kinds = {"private", "unlisted", "preparing", "failed", "waiting", "binned"}
    there = {kind for kind in kinds if ids.shorten(getattr(seeded, kind).uuid) in shown(answer.text)}
    if set(shown(answer.text)) & {ids.shorten(v.uuid) for v in seeded.public}:
        there.add("public")
    assert there == found


def test_a_channel_and_an_order(owner: FlaskClient, seeded: Any) -> None:
    page = owner.get(f"{LIST}?channel=fetes&sort=title").text
    titles = [Video.get(Video.uuid == ids.parse(short)).title for short in shown(page)]
    assert titles
    assert titles == sorted(titles, key=str.lower)
    assert len(titles) == Video.select().join(Channel).where(Channel.name == "fetes").count()


def test_pages(owner: FlaskClient, site: Site, seeded: Any) -> None:
    from tubehome.pages import studio_videos

    total = Video.select().where(Video.removed.is_null()).count()
    with pytest.MonkeyPatch.context() as small:
        small.setattr(studio_videos, "ROWS_A_PAGE", 4)
        first, second = owner.get(f"{LIST}?sort=title").text, owner.get(f"{LIST}?sort=title&page=2").text
        assert len(shown(first)) == 4
        assert not set(shown(first)) & set(shown(second))
        assert "sort=title&amp;page=2" in first
        assert owner.get(f"{LIST}?page={total}").status_code == 404


def test_states_of_what_is_shown(owner: FlaskClient, seeded: Any) -> None:
    shorts = [ids.shorten(v.uuid) for v in (seeded.preparing, seeded.failed, seeded.public[0], seeded.binned)]
    said = owner.get(f"{LIST}/states?" + "&".join(f"v={s}" for s in [*shorts, "nonsense"])).json
    assert [said[short]["state"] for short in shorts] == ["preparing", "failed", seeded.public[0].processing, "bin"]
    assert set(said) == set(shorts)


def test_saving_field_by_field(owner: FlaskClient, seeded: Any, send: Any) -> None:
    video = seeded.public[0]
    answer = send(one(video, "/save"), {"title": "  Un   titre ", "tags": "Budget, école,  budget, "})
    assert (answer.status_code, answer.json["saved"], answer.json["title"]) == (200, True, "Un titre")
    after = Video.get_by_id(video.id)
    assert (after.title, after.tags) == ("Un titre", '["budget", "école"]')
    assert after.description == video.description
    page = owner.get(one(video)).text
    assert "budget, école" in page
    assert 'value="Un titre"' in page


def test_what_is_wrong_is_told_by_field_and_nothing_is_stored(seeded: Any, send: Any) -> None:
    video = seeded.public[0]
    said = {"title": " ", "description": "x" * 10_001, "language": "??", "licence": "mine", "privacy": "secret",
            "channel": "nobody", "tags": ["x" * 61]}  # fmt: skip
    answer = send(one(video, "/save"), said)
    assert answer.status_code == 400
    assert set(answer.json["errors"]) == set(said)
    assert all(sentence.strip().endswith((".", "…")) for sentence in answer.json["errors"].values())
    assert Video.get_by_id(video.id).title == video.title
    for nonsense in (None, [], {"processing": "ready"}, {"title": 3}):
        assert send(one(video, "/save"), nonsense).status_code == 400


def test_two_windows_do_not_overwrite_each_other(seeded: Any, send: Any) -> None:
    video = seeded.public[0]
    first = send(one(video, "/save"), {"title": "A"}).json["version"]
    second = send(one(video, "/save"), {"title": "B", "version": first})
    assert second.status_code == 200
    late = send(one(video, "/save"), {"title": "C", "version": first})
    assert late.status_code == 409
    assert late.json["version"] == second.json["version"], "for whoever then means it"
    assert late.json["stored"] == {
        "title": "B", "description": video.description, "tags": ", ".join(json.loads(video.tags)),
        "language": video.language, "licence": video.licence, "privacy": video.visibility,
        "channel": video.channel.name,
    }  # fmt: skip
    assert Video.get_by_id(video.id).title == "B"
    assert send(one(video, "/save"), {"title": "B", "version": first}).status_code == 200, "nothing would change"


def test_without_a_script_the_form_saves_or_comes_back(owner: FlaskClient, seeded: Any, send: Any) -> None:
    video = seeded.public[0]
    answer = send.form(one(video), title="Par formulaire", privacy="private", description="d", tags="", language="fr",
                       licence="cc-by", channel="fetes", version="-1")  # fmt: skip
    assert answer.status_code == 409
    assert f"{len('Par formulaire')} signes sur" in answer.text, "of what was written, which is still there"
    assert re.search(r"data-conflict>", answer.text)
    assert re.search(r"data-conflict hidden>", owner.get(one(video)).text)
    stored = re.search(r'name="version" value="([^"]+)"', answer.text)
    assert stored
    answer = send.form(one(video), title="Par formulaire", privacy="private", channel="fetes", version=stored[1])
    assert answer.status_code == 303
    after = Video.get_by_id(video.id)
    assert (after.title, after.visibility, after.channel.name) == ("Par formulaire", "private", "fetes")
    wrong = send.form(one(video), title="", privacy="public")
    assert wrong.status_code == 400
    assert 'aria-invalid="true"' in wrong.text
    assert Video.get_by_id(video.id).visibility == "private"


def test_moving_to_another_channel_counts_both_anew(seeded: Any, send: Any) -> None:
    video = seeded.public[0]
    here, there = seeded.channels
    before = {c.name: c.listed_videos for c in Channel.select()}
    send(one(video, "/save"), {"channel": there.name})
    after = {c.name: c.listed_videos for c in Channel.select()}
    assert after[here.name] == before[here.name] - 1
    assert after[there.name] == before[there.name] + 1


def test_the_preview_is_what_visitors_see(send: Any) -> None:
    said = send(f"{LIST}/preview", {"text": "**gras** <script>alert(1)</script> [x](javascript:alert(1))"}).json["html"]
    assert "<strong>gras</strong>" in said
    assert "<script" not in said
    assert "javascript:" not in re.sub(r">[^<]*<", "><", said)
    assert send(f"{LIST}/preview", {"text": "x" * 50_000}).status_code == 400


def test_the_bin(owner: FlaskClient, stranger: FlaskClient, seeded: Any, send: Any) -> None:
    video = seeded.public[0]
    address = f"/w/{ids.shorten(video.uuid)}"
    assert stranger.get(address).status_code == 200
    assert send(one(video, "/erase")).status_code == 400, "not before it is in the bin"
    assert video.title in send(one(video, "/discard")).json["done"]
    assert stranger.get(address).status_code == 404
    assert ids.shorten(video.uuid) in shown(owner.get(f"{LIST}?state=bin").text)
    assert owner.get(one(video)).status_code == 200
    assert send(one(video, "/discard")).status_code == 400, "a second click"
    assert send(one(video, "/undelete")).status_code == 200
    assert stranger.get(address).status_code == 200
    send.form(one(video, "/discard"))
    answer = send.form(one(video, "/erase"))
    assert answer.status_code == 303
    assert Video.get_or_none(Video.id == video.id) is None


def test_a_failed_step_is_told_with_its_details_and_tried_again(owner: FlaskClient, seeded: Any, send: Any) -> None:
    page = owner.get(one(seeded.failed)).text
    assert "/retry" in page
    assert Step.select().where(Step.video == seeded.failed, Step.state == "failed").exists()
    assert send.form(one(seeded.failed, "/retry")).status_code == 303
    assert not Step.select().where(Step.video == seeded.failed, Step.state == "failed").exists()


def test_hostile_words_stay_words(owner: FlaskClient, seeded: Any, send: Any) -> None:
    video = seeded.public[0]
    send(
        one(video, "/save"),
        {"title": '"><script>alert(1)</script>', "tags": ["</textarea><script>"] + [f"mot {n}" for n in range(299)]},
    )
    for path in (LIST, one(video)):
        page = owner.get(path).text
        assert "<script>alert" not in page
        assert "</textarea><script>" not in page
    assert send(one(video, "/save"), {"tags": [f"mot {n}" for n in range(301)]}).status_code == 400


def test_many_tags_fold_on_the_watch_page(owner: FlaskClient, seeded: Any, send: Any) -> None:
    """Twenty are seen, the others are one press away, without script; all are in the page once, in their order."""
    video = seeded.public[0]
    for count in (20, 21, 300):
        tags = [f"mot {n}" for n in range(count)]
        assert send(one(video, "/save"), {"tags": tags}).status_code == 200
        page = owner.get(urls.watch(video.uuid)).text
        assert re.findall(r"<li><bdi>(mot \d+)</bdi>", page) == tags
        seen, _, folded = page.partition("mots-clés de plus" if count > 21 else "mot-clé de plus")
        assert (seen.count("<bdi>mot "), folded.count("<bdi>mot ")) == (20, count - 20)


def test_nothing_of_it_for_strangers(stranger: FlaskClient, seeded: Any) -> None:
    for path in (LIST, one(seeded.public[0]), f"{LIST}/states"):
        answer = stranger.get(path)
        assert answer.status_code == 303
        assert "Set-Cookie" not in answer.headers
    assert stranger.post(one(seeded.public[0], "/save"), json={"title": "x"}).status_code in (400, 401)


# its picture, and the original


@pytest.fixture
def filmed(site: Site, short_clip: Path) -> Video:
    """A video that has gone all the way."""
    with short_clip.open("rb") as source:
        video = intake(site, source, Intake("Conseil.mp4"), lambda _: None, machine.tools(site))
    while Video.get_by_id(video.id).processing != "ready":
        pipeline.advance(site, video.id, machine.tools(site))
    return video


def picture_of(site: Site, video: Video) -> bytes:
    return (site.files.public(video.uuid) / "thumbnail-320.webp").read_bytes()


@pytest.mark.slow
def test_its_picture_is_chosen_three_ways(
    site: Site, owner: FlaskClient, send: Any, filmed: Video, short_clip: Path
) -> None:
    page = owner.get(one(filmed)).text
    numbers = re.findall(r'name="candidate" value="(\d)"', page)
    assert numbers
    assert owner.get(one(filmed, f"/candidates/{numbers[0]}")).data[:3] == b"\xff\xd8\xff"
    assert owner.get(one(filmed, "/candidates/9")).status_code == 404
    seen = {picture_of(site, filmed)}
    version = content_version()
    for choice in ({"candidate": numbers[-1]}, {"at": "0:02"}, {"at": "0,5"}):
        assert send.form(one(filmed, "/picture"), **choice).status_code == 303, choice
        seen.add(picture_of(site, filmed))
    assert len(seen) >= 3
    assert content_version() != version
    assert Video.get_by_id(filmed.id).thumbnail == "at-0.500"
    own = site.files.root.parent / "own.png"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(short_clip), "-frames:v", "1", "-vf", "negate", str(own)], check=True
    )
    assert send.form(one(filmed, "/picture"), file=(BytesIO(own.read_bytes()), "x")).status_code == 303
    assert picture_of(site, filmed) not in seen
    for wrong in ({"at": "9:59"}, {"at": "x"}, {"at": "-1"}, {"file": (BytesIO(b"<svg/>"), "a.svg")}):
        answer = send.form(one(filmed, "/picture"), **wrong)
        assert answer.status_code == 400, wrong
        assert 'class="error"' in answer.text
    assert send.form(one(filmed, "/picture"), candidate="7").status_code == 404
    assert list(site.files.trash.iterdir()) == []


@pytest.mark.slow
def test_the_original_is_the_owner_s(
    site: Site, owner: FlaskClient, stranger: FlaskClient, filmed: Video, short_clip: Path
) -> None:
    answer = owner.get(one(filmed, "/original"))
    assert answer.data == short_clip.read_bytes()
    assert "Conseil.mp4" in answer.headers["Content-Disposition"]
    assert owner.get(one(filmed, "/original"), headers={"Range": "bytes=5-9"}).data == short_clip.read_bytes()[5:10]
    assert stranger.get(one(filmed, "/original")).status_code == 303
