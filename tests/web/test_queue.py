"""The queue page: what is said of each video, and its buttons."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from tubehome.base import clock, ids
from tubehome.base.errors import NoRoom
from tubehome.jobs import rows
from tubehome.library.models import Step, Video
from tubehome.uploads.models import Upload

QUEUE = "/studio/queue"


@pytest.fixture
def press(owner: FlaskClient) -> Any:
    mark = re.search(r'name="csrf-token" content="([^"]+)"', owner.get(QUEUE).text)
    assert mark

    def act(video: Video, name: str, script: bool = True) -> Any:
        path = f"{QUEUE}/{ids.shorten(video.uuid)}/{name}"
        accept = "application/json" if script else "text/html"
        return owner.post(path, data={"csrf_token": mark[1]}, headers={"Accept": accept})

    return act


def section(page: str, video: Video) -> str:
    found = re.search(rf'<li data-key="{ids.shorten(video.uuid)}">.*?</li>', page, re.DOTALL)
    return found[0] if found else ""


def test_what_waits_and_what_has_stopped(owner: FlaskClient, seeded: Any) -> None:
    page = owner.get(QUEUE).text
    assert "Attend son tour" in section(page, seeded.preparing)
    assert "Arrêtée" in section(page, seeded.failed)
    assert section(page, seeded.public[0]) == ""
    assert section(page, seeded.binned) == ""


def test_what_is_done_says_step_and_speed(owner: FlaskClient, seeded: Any) -> None:
    step = Step.select().where(Step.video == seeded.preparing, Step.state != rows.DONE).order_by(Step.position).first()
    Step.update(state=rows.RUNNING, kind="range", number=1, progress=0.5, started_at=clock.timestamp() - 20).where(
        Step.id == step.id
    ).execute()
    Video.update(duration=80).where(Video.id == seeded.preparing.id).execute()
    said = section(owner.get(f"{QUEUE}/rows").text, seeded.preparing)
    assert "la partie 2 sur 1" in said
    assert "2 × le temps réel" in said.replace("\xa0", " ")


def test_what_waits_for_room_says_so_and_when(owner: FlaskClient, seeded: Any) -> None:
    step = Step.select().where(Step.video == seeded.preparing, Step.state != rows.DONE).order_by(Step.position).first()
    error = NoRoom("The disk is full: the preparation goes on by itself when there is room.")
    Step.update(next_try=clock.timestamp() + 60, last_error=error.to_json()).where(Step.id == step.id).execute()
    said = section(owner.get(QUEUE).text, seeded.preparing)
    assert "Le disque est plein" in said
    assert "Nouvel essai à" in said


def test_buttons(seeded: Any, press: Any, owner: FlaskClient) -> None:
    video = seeded.preparing
    assert "est en pause" in press(video, "hold").json["done"]
    assert "En pause, par vous" in section(owner.get(QUEUE).text, video)
    assert press(video, "resume").status_code == 200
    assert press(video, "first").status_code == 200
    assert "mise en premier" in section(owner.get(QUEUE).text, video)
    assert press(video, "usual").status_code == 200
    assert Video.get_by_id(video.id).priority == 0
    assert press(video, "enough").status_code == 400
    assert press(video, "drop").status_code == 200
    assert Video.get_by_id(video.id).removed
    assert press(video, "hold").status_code == 400
    assert press(seeded.failed, "again", script=False).status_code == 303


def test_files_being_looked_at_are_there_too(owner: FlaskClient, seeded: Any) -> None:
    Upload.create(state=rows.WAITING, uuid=ids.new_uuid(), name="séance.mts", length=1, created_at=0, expires_at=0)
    assert "séance.mts" in owner.get(QUEUE).text


def test_five_hundred_videos_wait(owner: FlaskClient, seeded: Any) -> None:
    base = Video.select().where(Video.id == seeded.preparing.id).dicts().get()
    del base["id"]
    Video.insert_many([{**base, "uuid": ids.new_uuid()} for _ in range(500)]).execute()
    page = owner.get(QUEUE)
    assert page.status_code == 200
    assert "autres vidéos attendent" in page.text


def test_nothing_waits(owner: FlaskClient) -> None:
    assert "Rien n’attend" in owner.get(QUEUE).text


def test_what_is_being_done_is_shown_however_many_come_before_it(owner: FlaskClient, seeded: Any) -> None:
    base = Video.select().where(Video.id == seeded.preparing.id).dicts().get()
    del base["id"]
    Video.update(playable_at=clock.timestamp()).where(Video.id == seeded.preparing.id).execute()
    Video.insert_many([{**base, "uuid": ids.new_uuid(), "playable_at": None} for _ in range(150)]).execute()
    step = Step.select().where(Step.video == seeded.preparing, Step.state != rows.DONE).order_by(Step.position).first()
    Step.update(state=rows.RUNNING).where(Step.id == step.id).execute()
    assert "En ce moment" in section(owner.get(QUEUE).text, seeded.preparing)
