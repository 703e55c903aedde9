"""A file that came whole and could not be looked at: its owner has it looked at again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from tubehome.base.errors import NoRoom, ToolFailed, TubehomeError
from tubehome.flows import machine
from tubehome.flows.accept import accept
from tubehome.jobs import rows
from tubehome.library.room import FULL
from tubehome.site import Site
from tubehome.uploads.models import Upload

HERE = "/studio/uploads"


def row(path: str) -> Upload:
    found: Upload = Upload.get(Upload.uuid == path.rsplit("/", 1)[1])
    return found


@pytest.fixture
def failed(site: Site, begin: Any, send: Any) -> Any:
    """`failed(data)`: the address of an upload that is whole, and that could not be looked at; its file is there."""

    def make(data: bytes) -> str:
        path = str(begin(len(data)).headers["Location"])
        send(path, 0, data)
        error = ToolFailed("Something unexpected went wrong while the file was looked at.", cause="Killed")
        Upload.update(state=rows.FAILED, attempts=5, last_error=error.to_json()).execute()
        site.jobs.huey.storage.flush_queue()  # what was rung for the last byte
        return path

    return make


def rung(site: Site) -> list[Any]:
    """What the worker was asked to do."""
    messages = site.jobs.huey.storage.enqueued_items()
    return [site.jobs.huey.serializer.deserialize(message).args for message in messages]


@pytest.mark.slow
def test_what_could_not_be_looked_at_is_taken_again(site: Site, studio: Any, failed: Any, short_clip: Path) -> None:
    path = failed(short_clip.read_bytes())
    (before,) = studio("GET", HERE).json["uploads"]
    assert (before["state"], before["again"]) == ("refused", True)
    assert "imprévu" in before["message"]
    answer = studio("POST", f"{path}/retry")
    assert (answer.status_code, answer.json["state"], answer.json["message"]) == (200, "checking", None)
    assert (row(path).state, row(path).attempts, row(path).last_error) == (rows.WAITING, 0, None)
    assert rung(site) == [["accept", [row(path).id]]]
    assert studio("POST", f"{path}/retry").status_code == 400, "it is under way already"
    accept(site, row(path).id, machine.tools(site))
    assert row(path).state == rows.DONE
    assert row(path).video.source_size == short_clip.stat().st_size
    assert studio("POST", f"{path}/retry").status_code == 400, "it is a video"


def test_what_was_refused_is_not_looked_at_again(site: Site, studio: Any, begin: Any, send: Any) -> None:
    path = begin(10).headers["Location"]
    send(path, 0, b"0123456789")
    accept(site, row(path).id, machine.tools(site))
    assert row(path).state == rows.FAILED
    (shown,) = studio("GET", HERE).json["uploads"]
    assert (shown["state"], shown["again"]) == ("refused", False)
    answer = studio("POST", f"{path}/retry")
    assert answer.status_code == 400
    assert "envoyez-le à nouveau" in answer.json["error"]


def test_only_the_studio_has_it_looked_at_again(
    site: Site, client: FlaskClient, owner: FlaskClient, studio: Any, failed: Any, bearer: dict[str, str], token_of: Any
) -> None:
    path = failed(b"0123456789")
    again = f"{path}/retry"
    assert client.post(again).status_code == 401
    assert client.post(again, headers=bearer).status_code == 401, "a token sends, and does nothing else"
    assert owner.post(again).status_code == 401, "the session alone: a page of others may ask"
    assert studio("POST", again, headers={"Origin": "https://evil.example"}).status_code == 401
    assert studio("POST", f"{HERE}/{'0' * 22}/retry").status_code == 404
    owner.post("/logout", data={"csrf_token": token_of(owner.get("/studio/"))})
    assert studio("POST", again).status_code == 401, "that session has ended"
    assert (row(path).state, rung(site)) == (rows.FAILED, [])


@pytest.mark.parametrize(
    ("error", "waits", "sign"),
    [
        (NoRoom(FULL), "room", "Attend de la place"),
        (ToolFailed("Something unexpected went wrong while the file was looked at."), "again", "Attend"),
        (None, "", "Arrivé, en cours de vérification"),
    ],
)
def test_what_waits_says_so_and_for_what(
    owner: FlaskClient, studio: Any, failed: Any, error: TubehomeError | None, waits: str, sign: str
) -> None:
    failed(b"0123456789")
    Upload.update(state=rows.WAITING, last_error=error.to_json() if error else None).execute()
    (shown,) = studio("GET", HERE).json["uploads"]
    assert (shown["state"], shown["waits"]) == ("checking", waits)
    without_script = owner.get("/studio/add").text.split("<template")[0].split('<section id="uploads"')[1]
    kind = "warn" if waits else "good"
    assert re.search(rf'<span class="state" data-kind="{kind}"><svg.*?</svg><span>{sign}</span></span>', without_script)
    assert 'class="error"' not in without_script, "it goes on by itself"
    if error:
        assert error.sentence("fr") in without_script


def test_what_was_refused_waits_for_nothing(studio: Any, failed: Any) -> None:
    failed(b"0123456789")
    (shown,) = studio("GET", HERE).json["uploads"]
    assert (shown["state"], shown["waits"]) == ("refused", "")
