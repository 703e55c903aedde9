"""A browser without script sends a file by a plain form: straight to its place, and each refusal is a sentence."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tubehome.jobs import rows
from tubehome.site import Site
from tubehome.uploads import incoming
from tubehome.uploads.models import Upload
from tubehome.web import plain

ADD = "/studio/add"
KIND = "multipart/form-data; boundary=b"


def part(name: str, more: str = "") -> bytes:
    """The head of a part of the form."""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()


@pytest.fixture
def post(owner: FlaskClient, token_of: Callable[[TestResponse], str]) -> Callable[..., TestResponse]:
    """`post(bytes, name, field=…)`: the form, filled in and sent."""

    def send(content: bytes, name: str = "bal.mp4", **fields: str) -> TestResponse:
        form = {"csrf_token": token_of(owner.get(ADD)), **fields}
        body = b"".join(part(field) + value.encode() + b"\r\n" for field, value in form.items())
        body += part("file", f'; filename="{name}"') + content + b"\r\n--b--\r\n"
        return owner.post(ADD, data=body, content_type=KIND)

    return send


def test_the_file_and_what_is_said_of_it_become_work(site: Site, post: Callable[..., TestResponse]) -> None:
    content = os.urandom(3 * plain.CHUNK + 17) + b"\r\n--"  # not a whole number of pieces, and nearly a boundary
    answer = post(content, title="Le bal", channel="claire_channel", privacy="private")
    assert (answer.status_code, answer.headers["Location"]) == (303, ADD)
    row = Upload.get()
    assert (row.state, row.name, row.length) == (rows.WAITING, "bal.mp4", len(content))
    assert (row.title, row.channel, row.visibility) == ("Le bal", "claire_channel", "private")
    assert incoming.path(site, row.uuid).read_bytes() == content


def test_the_whole_file_never_lies_in_memory(
    site: Site, post: Callable[..., TestResponse], monkeypatch: pytest.MonkeyPatch
) -> None:
    largest = 0

    def receive(site: Site, uuid: str, fd: int, at: int, length: int, read: Callable[[int], bytes], *more: Any) -> int:
        nonlocal largest
        while data := read(1 << 30):
            largest = max(largest, len(data))
            at += len(data)
        return at

    monkeypatch.setattr(incoming, "receive", receive)
    assert post(bytes(8 << 20)).status_code == 303
    assert 0 < largest <= plain.CHUNK + plain.FIELD_BYTES


@pytest.mark.parametrize(
    ("name", "content", "fields", "said"),
    [
        ("", b"", {}, "Choisissez d’abord un fichier vidéo."),
        ("vide.mp4", b"", {}, "vide.mp4 est vide"),
        ("a.mp4", b"1234", {"privacy": "secret"}, "visibilité"),
        ("a.mp4", b"1234", {"channel": "nulle_part"}, "nulle_part"),
        ("a.mp4", b"1234", {"title": "x" * 130}, "trop long"),
    ],
)
def test_what_cannot_be_taken_is_said_on_the_page_and_leaves_nothing(
    site: Site, post: Callable[..., TestResponse], name: str, content: bytes, fields: dict[str, str], said: str
) -> None:
    answer = post(content, name, **fields)
    assert answer.status_code in (400, 404)
    assert 'role="alert"' in answer.text
    assert said in answer.text
    assert not Upload.select().exists()
    assert list(site.files.incoming.iterdir()) == []


def test_a_file_above_the_limit_is_refused_before_it_is_kept(site: Site, post: Callable[..., TestResponse]) -> None:
    object.__setattr__(site.config.limits, "upload_bytes", 1000)  # frozen, and of this site alone
    answer = post(bytes(5000))
    assert answer.status_code == 413
    assert "bal.mp4 est trop gros" in answer.text
    assert list(site.files.incoming.iterdir()) == []


def test_without_its_token_or_the_owner_nothing_is_read(
    owner: FlaskClient, stranger: FlaskClient, site: Site, post: Callable[..., TestResponse]
) -> None:
    wrong = owner.post(ADD, data={"csrf_token": "wrong", "file": (io.BytesIO(b"1234"), "a.mp4")})
    assert wrong.status_code == 400
    late = owner.post(ADD, data={"file": (io.BytesIO(b"1234"), "a.mp4"), "csrf_token": "behind the file"})
    assert late.status_code == 400
    assert stranger.post(ADD, data={"file": (io.BytesIO(b"1234"), "a.mp4")}).status_code == 401
    assert not Upload.select().exists()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"csrf_token=a"),
        ("multipart/form-data", b"--b\r\n"),
        ("multipart/form-data; boundary=b", b"no parts"),
        ("multipart/form-data; boundary=b", b"--b\r\n\r\nno head\r\n--b--\r\n"),
        ("multipart/form-data; boundary=b", b"--b--\r\n"),
        (
            "multipart/form-data; boundary=b",
            part("a") + bytes(200_000),
        ),
    ],
)
def test_nonsense_is_a_400(owner: FlaskClient, kind: str, body: bytes) -> None:
    assert owner.post(ADD, data=body, content_type=kind).status_code == 400


def test_a_form_that_breaks_off_leaves_nothing(
    owner: FlaskClient, site: Site, token_of: Callable[[TestResponse], str]
) -> None:
    token = token_of(owner.get(ADD)).encode()
    body = part("csrf_token") + token + b"\r\n" + part("file", '; filename="a.mp4"') + bytes(50_000)
    answer = owner.post(ADD, data=body, content_type=KIND)
    assert answer.status_code == 400
    assert not Upload.select().exists()
    assert list(site.files.incoming.iterdir()) == []
