"""The studio's first page: what wants attention, and only that; nothing invented."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient

from tubehome.base import clock, ids
from tubehome.base.errors import NoRoom, Refused
from tubehome.jobs import rows
from tubehome.library.limits import KEPT_SECONDS
from tubehome.library.models import Step, Video
from tubehome.owner import recovery
from tubehome.pages import studio
from tubehome.site import Site
from tubehome.uploads.models import Upload

HERE = "/studio/"
DAY = 86_400.0


def test_a_new_site_says_what_to_do(owner: FlaskClient) -> None:
    page = owner.get(HERE).text
    assert "Bienvenue" in page
    assert page.count('href="/studio/add"') >= 2
    assert "codes de secours" in page
    recovery.new_codes()
    assert "Demande votre attention" not in owner.get(HERE).text


def test_nothing_waits(owner: FlaskClient, seeded: Any) -> None:
    recovery.new_codes()
    Video.delete().where(Video.id << [seeded.failed.id, seeded.preparing.id]).execute()
    assert "Rien n’attend." in owner.get(HERE).text


def test_what_wants_attention(owner: FlaskClient, seeded: Any, site: Site) -> None:
    refused = Refused("{name} is not a video: nothing in it can be recognised.", name="x").to_json()
    common = {"name": "x", "length": 1, "expires_at": 0}
    Upload.create(state=rows.FAILED, uuid=ids.new_uuid(), created_at=0, last_error=refused, **common)
    Upload.create(state="receiving", uuid=ids.new_uuid(), created_at=clock.timestamp() - 2 * DAY, **common)
    Video.update(removed_at=clock.timestamp() - KEPT_SECONDS + DAY).where(Video.id == seeded.binned.id).execute()
    full = NoRoom("The disk is full: the preparation goes on by itself when there is room.").to_json()
    Step.update(last_error=full, attempts=0, state=rows.WAITING).where(Step.video == seeded.preparing).execute()
    page = owner.get(HERE).text
    for words in ("Préparation arrêtée", "1 fichier n’a pas pu être pris", "1 envoi est inachevé",
                  "1 vidéo quitte la corbeille", "Le disque est plein", "codes de secours"):  # fmt: skip
        assert words in page, words


def test_the_day_the_disk_is_full_is_said_only_when_it_can_be(site: Site, seeded: Any) -> None:
    assert studio.today(site).disk.full_on is None, "a few days are no pace"
    Video.update(created_at=clock.timestamp() - 60 * DAY, source_size=10**9).execute()
    free = site.files.free_bytes()
    when = studio.today(site).disk.full_on
    added = 10**9 * Video.select().count()
    if free / (added / (60 * DAY)) < 10 * 365 * DAY:
        assert when
        assert when > clock.now()


def test_five_thousand_videos(owner: FlaskClient, seeded: Any) -> None:
    base = Video.select().where(Video.id == seeded.public[0].id).dicts().get()
    del base["id"]
    for start in range(0, 5000, 500):
        Video.insert_many(
            [{**base, "uuid": ids.new_uuid(), "title": f"v {n}"} for n in range(start, start + 500)]
        ).execute()
    assert owner.get(HERE).status_code == 200
    assert owner.get("/studio/videos?q=v+4999").text.count("<tr data-row") == 1
