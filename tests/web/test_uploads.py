"""tus 1.0 as the studio and programs use it: what is kept, what is refused, and with which status."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from peewee import OperationalError

from tubehome.base import clock, text
from tubehome.flows import sweep
from tubehome.jobs import rows
from tubehome.owner import tokens
from tubehome.site import Site
from tubehome.uploads import incoming
from tubehome.uploads.models import RECEIVING, WATCHED, Upload

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
HERE = "/studio/uploads"


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def said(**fields: str) -> dict[str, str]:
    return {"Upload-Metadata": ",".join(f"{name} {b64(value)}" for name, value in fields.items())}


def row(path: str) -> Upload:
    found: Upload = Upload.get(Upload.uuid == path.rsplit("/", 1)[1])
    return found


def stored(site: Site, path: str) -> bytes:
    return incoming.path(site, path.rsplit("/", 1)[1]).read_bytes()


def test_what_is_spoken(client: FlaskClient) -> None:
    answer = client.options(HERE)
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        "creation", "creation-with-upload", "termination", "checksum", "expiration"
    }  # fmt: skip
    assert "sha256" in answer.headers["Tus-Checksum-Algorithm"]
    assert int(answer.headers["Tus-Max-Size"]) > 0


def test_a_file_comes_in_pieces(site: Site, begin: Any, send: Any, ask: Any) -> None:
    data = os.urandom(700_000)
    made = begin(len(data))
    assert (made.status_code, made.headers["Tus-Resumable"]) == (201, "1.0.0")
    path = made.headers["Location"]
    assert ask(path).headers["Upload-Offset"] == "0"
    first = send(path, 0, data[:300_000])
    assert (first.status_code, first.headers["Upload-Offset"]) == (204, "300000")
    head = ask(path)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("300000", "700000")
    assert "Upload-Expires" in head.headers
    assert head.headers["Cache-Control"] == "no-store"
    assert row(path).state == RECEIVING
    assert send(path, 300_000, data[300_000:]).headers["Upload-Offset"] == "700000"
    assert row(path).state == rows.WAITING
    assert stored(site, path) == data
    assert ask(path).headers["Upload-Offset"] == "700000"
    assert send(path, 700_000, b"").status_code == 204


def test_the_first_piece_may_come_with_the_announcement(
    site: Site, client: FlaskClient, bearer: dict[str, str]
) -> None:
    headers = {**PIECE, **bearer, "Upload-Length": "10", **said(filename="a.mp4")}
    made = client.post(HERE, data=b"12345", headers=headers)
    assert (made.status_code, made.headers["Upload-Offset"]) == (201, "5")
    assert stored(site, made.headers["Location"]) == b"12345"


def test_a_wrong_offset_changes_nothing(site: Site, begin: Any, send: Any) -> None:
    path = begin(10).headers["Location"]
    send(path, 0, b"12345")
    for wrong in (0, 4, 6, 10):
        answer = send(path, wrong, b"xxxx")
        assert answer.status_code == 409
        assert "5" in answer.text
    assert stored(site, path) == b"12345"


@pytest.mark.parametrize("algorithm", incoming.ALGORITHMS)
def test_a_checksum_is_believed_only_when_it_is_right(site: Site, begin: Any, send: Any, algorithm: str) -> None:
    path = begin(10).headers["Location"]
    right = b64(hashlib.new(algorithm, b"12345", usedforsecurity=False).digest())
    wrong = send(path, 0, b"123x5", Upload_Checksum=f"{algorithm} {right}")
    assert wrong.status_code == 460
    assert stored(site, path) == b""
    assert send(path, 0, b"12345", Upload_Checksum=f"{algorithm} {right}").status_code == 204
    assert stored(site, path) == b"12345"


@pytest.mark.parametrize("checksum", ["crc32 AAAA", "sha1 ***", "sha1"])
def test_a_checksum_that_means_nothing_is_refused(site: Site, begin: Any, send: Any, checksum: str) -> None:
    path = begin(10).headers["Location"]
    assert send(path, 0, b"12345", Upload_Checksum=checksum).status_code in (400, 460)
    assert stored(site, path) == b""


def test_what_was_not_verified_before_a_kill_does_not_count(site: Site, begin: Any, send: Any, ask: Any) -> None:
    path = begin(10).headers["Location"]
    send(path, 0, b"123")
    uuid = path.rsplit("/", 1)[1]
    incoming.path(site, uuid).write_bytes(b"123half")
    incoming._unsure(site, uuid).write_text("3")
    assert ask(path).headers["Upload-Offset"] == "3"
    assert send(path, 3, b"4567890").headers["Upload-Offset"] == "10"
    assert stored(site, path) == b"1234567890"


def test_the_last_byte_before_a_kill_of_the_web_is_work_all_the_same(
    site: Site, begin: Any, ask: Any, send: Any
) -> None:
    """Whoever sent asks for the offset, sees that all is here, and sends nothing more."""
    asked, never_asked, half = (begin(10).headers["Location"] for _ in range(3))
    for path, size in ((asked, 10), (never_asked, 10), (half, 9)):
        incoming.path(site, path.rsplit("/", 1)[1]).write_bytes(b"0123456789"[:size])
    assert ask(asked).headers["Upload-Offset"] == "10"
    assert row(asked).state == rows.WAITING
    assert row(never_asked).state == RECEIVING
    sweep.sweep(site)
    assert row(never_asked).state == rows.WAITING
    assert row(half).state == RECEIVING
    # and not while somebody writes, nor when its last piece is not verified
    unsure = begin(10).headers["Location"]
    uuid = unsure.rsplit("/", 1)[1]
    incoming.path(site, uuid).write_bytes(b"0123456789")
    incoming._unsure(site, uuid).write_text("3")
    sweep.sweep(site)
    assert row(unsure).state == RECEIVING
    incoming._unsure(site, uuid).unlink()
    with incoming.held(site, uuid):
        sweep.sweep(site)
        assert row(unsure).state == RECEIVING
    sweep.sweep(site)
    assert row(unsure).state == rows.WAITING


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("call", ["pwrite", "fdatasync"])
@pytest.mark.parametrize(("code", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 500)])
def test_a_disk_that_takes_nothing_costs_nothing_that_was_confirmed(
    site: Site, begin: Any, send: Any, ask: Any, monkeypatch: pytest.MonkeyPatch, checksum: bool, call: str,
    code: int, status: int,
) -> None:  # fmt: skip
    path = begin(10).headers["Location"]
    send(path, 0, b"12345")
    more = {"Upload_Checksum": f"sha1 {b64(hashlib.sha1(b'67890').digest())}"} if checksum else {}

    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as bad_disk:
        bad_disk.setattr(incoming.os, call, fail)
        answer = send(path, 5, b"67890", **more)
    assert answer.status_code == status
    assert "disque" in answer.text
    assert ask(path).headers["Upload-Offset"] == "5"
    assert send(path, 5, b"67890", **more).headers["Upload-Offset"] == "10"
    assert stored(site, path) == b"1234567890"
    assert len(list(site.files.incoming.iterdir())) == 1


def test_no_room_to_say_that_a_piece_is_in_doubt(
    site: Site, begin: Any, send: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of that word would put everything in doubt that had been confirmed."""
    path = begin(10).headers["Location"]
    send(path, 0, b"12345")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as no_room:
        no_room.setattr("tubehome.uploads.incoming.files.write", full)
        answer = send(path, 5, b"67890", Upload_Checksum=f"sha1 {b64(hashlib.sha1(b'67890').digest())}")
    assert answer.status_code == 507
    assert ask(path).headers["Upload-Offset"] == "5"
    assert stored(site, path) == b"12345"


def test_what_is_refused_with_its_announcement_leaves_nothing(
    site: Site, client: FlaskClient, bearer: dict[str, str]
) -> None:
    """Nobody was told its address: it could only lie there."""
    headers = {**PIECE, **bearer, "Upload-Length": "5", **said(filename="a.mp4")}
    wrong = f"sha1 {b64(hashlib.sha1(b'other').digest())}"
    assert client.post(HERE, data=b"12345", headers={**headers, "Upload-Checksum": wrong}).status_code == 460
    assert client.post(HERE, data=b"123456", headers=headers).status_code == 400
    assert Upload.select().count() == 0
    assert list(site.files.incoming.iterdir()) == []


def test_too_much_is_said(client: FlaskClient, bearer: dict[str, str]) -> None:
    headers = {**TUS, **bearer, "Upload-Length": "5", **said(description="x" * 9000)}
    answer = client.post(HERE, headers=headers)
    assert answer.status_code == 400
    assert "Upload-Metadata" in answer.text


@pytest.mark.parametrize(("accept", "kind"), [("application/json", "application/json"), ("*/*", "text/plain")])
def test_a_database_that_does_not_answer_is_told_as_programs_read_it(
    client: FlaskClient, bearer: dict[str, str], monkeypatch: pytest.MonkeyPatch, accept: str, kind: str
) -> None:
    def busy(*_: object) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr("tubehome.web.uploads.announce", busy)
    answer = client.post(HERE, headers={**TUS, **bearer, "Upload-Length": "5", "Accept": accept})
    assert (answer.status_code, answer.mimetype) == (503, kind)
    assert "Retry-After" in answer.headers
    told = answer.text if kind == "text/plain" else answer.get_json()["error"]
    assert "occupé" in told


def test_a_token_may_bear_the_name_of_the_watched_folder(site: Site, client: FlaskClient) -> None:
    token = tokens.create("watched folder")
    headers = {**TUS, "Authorization": f"Bearer {token}", "Upload-Length": "5"}
    path = client.post(HERE, headers=headers).headers["Location"]
    incoming.path(site, path.rsplit("/", 1)[1]).write_bytes(b"12345")
    sweep.sweep(site)
    assert row(path).state == rows.WAITING
    assert row(path).token != WATCHED
    assert text.clean_line(WATCHED) != WATCHED


def test_two_writers_at_once(site: Site, begin: Any, send: Any) -> None:
    path = begin(10).headers["Location"]
    with incoming.held(site, path.rsplit("/", 1)[1]):
        answer = send(path, 0, b"12345")
    assert answer.status_code == 423
    assert "autre connexion" in answer.text
    assert stored(site, path) == b""


def test_more_than_was_announced_is_refused(site: Site, begin: Any, send: Any, ask: Any) -> None:
    path = begin(5).headers["Location"]
    assert send(path, 0, b"1234567").status_code == 400
    assert int(ask(path).headers["Upload-Offset"]) <= 5


@pytest.mark.parametrize(
    ("length", "status"), [("0", 400), ("99999999999999", 413), ("-1", 400), ("ten", 400), ("", 400)]
)
def test_a_length_that_cannot_be(client: FlaskClient, bearer: dict[str, str], length: str, status: int) -> None:
    answer = client.post(HERE, headers={**TUS, **bearer, "Upload-Length": length, **said(filename="a.mp4")})
    assert answer.status_code == status
    assert answer.text.strip().endswith(".")
    assert Upload.select().count() == 0


def test_no_deferred_length(client: FlaskClient, bearer: dict[str, str]) -> None:
    answer = client.post(HERE, headers={**TUS, **bearer, "Upload-Defer-Length": "1"})
    assert answer.status_code == 400


def test_the_room_of_open_uploads_is_promised_once(site: Site, begin: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = site.config.limits.reserve_bytes
    monkeypatch.setattr(type(site.files), "free_bytes", lambda self: reserve + 1_000_000)
    assert begin(700_000).status_code == 201
    refused = begin(700_000)
    assert refused.status_code == 507
    assert "assez de place" in refused.text
    assert begin(200_000).status_code == 201
    assert len(list(site.files.incoming.iterdir())) == 2


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\x00b.mp4", "x" * 5000 + ".mp4", "\u202efdp.exe", " ", "/", "..", "a\nb.mp4"]
)
def test_a_name_is_only_words(site: Site, begin: Any, name: str) -> None:
    made = begin(10, filename=name)
    assert made.status_code == 201
    kept = row(made.headers["Location"]).name
    assert len(kept) <= 255
    assert kept
    assert not re.search(r"[\x00-\x1f\u202e]", kept)
    assert all(re.fullmatch(r"[0-9a-f-]{36}\.upload", path.name) for path in site.files.incoming.iterdir())


@pytest.mark.parametrize(
    "fields", [{"channel": "nobody"}, {"privacy": "secret"}, {"language": "??"}, {"title": "x" * 121}]
)
def test_what_cannot_be_said_is_refused_before_the_first_byte(begin: Any, fields: dict[str, str]) -> None:
    assert begin(10, **fields).status_code in (400, 404)
    assert Upload.select().count() == 0


def test_metadata_that_is_not_base64(client: FlaskClient, bearer: dict[str, str]) -> None:
    headers = {**TUS, **bearer, "Upload-Length": "5", "Upload-Metadata": "filename ***"}
    assert client.post(HERE, headers=headers).status_code == 400


def test_giving_up(site: Site, client: FlaskClient, bearer: dict[str, str], begin: Any, send: Any, ask: Any) -> None:
    path = begin(10).headers["Location"]
    send(path, 0, b"12345")
    assert client.delete(path, headers={**TUS, **bearer}).status_code == 204
    assert ask(path).status_code == 404
    assert list(site.files.incoming.iterdir()) == []


def test_what_stands_still_expires(
    site: Site, begin: Any, send: Any, ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = begin(10).headers["Location"]
    send(path, 0, b"12345")
    sweep.sweep(site)
    assert stored(site, path) == b"12345"
    late = clock.timestamp() + 8 * 86_400
    monkeypatch.setattr(clock, "timestamp", lambda: late)
    assert ask(path).status_code == 410
    answer = send(path, 5, b"67890")
    assert answer.status_code == 410
    sweep.sweep(site)
    assert list(site.files.incoming.iterdir()) == []
    assert ask(path).status_code == 410


def test_who_may(client: FlaskClient, owner: FlaskClient, begin: Any, bearer: dict[str, str], site: Site) -> None:
    create = {**TUS, "Upload-Length": "10", **said(filename="a.mp4")}
    assert client.post(HERE, headers=create).status_code == 401
    assert client.post(HERE, headers={**create, "Authorization": "Bearer th_x"}).status_code == 401
    assert client.post(HERE, headers={**create, "Authorization": "Basic abc"}).status_code == 401
    assert owner.post(HERE, headers=create).status_code == 401  # the session alone: a page of others may ask
    mark = re.search(r'name="csrf-token" content="([^"]+)"', owner.get("/studio/").text)
    assert mark
    studio = {**create, "X-CSRFToken": mark[1]}
    assert owner.post(HERE, headers={**studio, "Sec-Fetch-Site": "cross-site"}).status_code == 401
    assert owner.post(HERE, headers={**studio, "Origin": "https://evil.example"}).status_code == 401
    made = owner.post(HERE, headers=studio)
    assert made.status_code == 201
    path = made.headers["Location"]
    assert client.head(path, headers={**TUS, **bearer}).status_code == 404, "a token sees its own alone"
    assert owner.head(begin(10).headers["Location"], headers=TUS).status_code == 200
    assert client.get(HERE, headers={**bearer, "Accept": "application/json"}).status_code == 401


def test_a_revoked_token_sends_no_more(begin: Any, send: Any) -> None:
    path = begin(10).headers["Location"]
    tokens.revoke("camera")
    assert send(path, 0, b"12345").status_code == 401


def test_another_version_is_told_ours(client: FlaskClient, bearer: dict[str, str]) -> None:
    answer = client.post(HERE, headers={**bearer, "Tus-Resumable": "0.2.2", "Upload-Length": "5"})
    assert (answer.status_code, answer.headers["Tus-Version"]) == (412, "1.0.0")


def test_the_studio_sees_and_describes(site: Site, studio: Any, begin: Any, send: Any) -> None:
    path = begin(10, title="Conseil").headers["Location"]
    send(path, 0, b"12345")
    (shown,) = studio("GET", HERE).json["uploads"]
    assert (shown["name"], shown["offset"], shown["length"], shown["state"]) == ("film.mp4", 5, 10, "receiving")
    assert shown["title"] == "Conseil"
    told = studio("POST", f"{path}/details", json={"title": "Séance", "privacy": "private", "description": "Budget"})
    assert told.status_code == 200
    assert (row(path).title, row(path).visibility, row(path).description) == ("Séance", "private", "Budget")
    wrong = studio("POST", f"{path}/details", json={"title": "x" * 500, "privacy": "?"})
    assert wrong.status_code == 400
    assert set(wrong.json["errors"]) == {"title", "privacy"}
    assert row(path).title == "Séance"
    assert studio("POST", f"{path}/details", json={"secret": 1}).status_code == 400
    assert studio("POST", f"{path}/details", json={"title": ""}).json["title"] == ""
    assert studio("POST", f"{path}/dismiss").status_code == 400
