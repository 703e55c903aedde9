"""Errors: a sentence for people, JSON or a line for programs, a traceback for nobody but the log."""

from __future__ import annotations

import logging

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient

from tubehome.base.errors import Gone, NoRoom, NotFound, Refused, TooLarge, TooMany, TubehomeError, Unavailable
from tubehome.site import Site
from tubehome.store.db import db
from tubehome.web import create_app

SECRET = "the private cause"
RAISED: dict[str, tuple[Exception, int]] = {
    "refused": (Refused("This password is not the right one.", cause=SECRET), 400),
    "notfound": (NotFound("There is no channel {name}.", name="<b>x</b>"), 404),
    "gone": (Gone("This link is no longer valid."), 410),
    "large": (TooLarge("This is too large.", cause=SECRET), 413),
    "many": (TooMany("Too many wrong passwords.", retry_after=7), 429),
    "room": (NoRoom("The disk is full.", cause=SECRET), 507),
    "away": (Unavailable("No worker runs.", cause=SECRET), 503),
    "plain": (TubehomeError("Something went wrong.", cause=SECRET), 500),
    "bug": (ZeroDivisionError(SECRET), 500),
}


@pytest.fixture
def faulty(app: Flask) -> Flask:
    """The application with addresses that fail."""

    def fail(name: str) -> str:
        if name.isdigit():
            abort(int(name))
        raise RAISED[name][0]

    for head in ("/fail", "/en/fail", "/api/v1", "/media/fail/deeper"):
        app.add_url_rule(f"{head}/<name>", head, fail)
    return app


@pytest.mark.parametrize("name", RAISED)
def test_people_get_a_page_with_a_sentence(faulty: Flask, name: str, caplog: pytest.LogCaptureFixture) -> None:
    error, code = RAISED[name]
    for head, language in (("/fail", "fr"), ("/en/fail", "en")):
        answer = faulty.test_client().get(f"{head}/{name}")
        assert answer.status_code == code
        assert answer.mimetype == "text/html"
        assert f'<html lang="{language}"' in answer.text
        assert SECRET not in answer.text
        assert "Traceback" not in answer.text
        assert "ZeroDivision" not in answer.text
        assert "<b>" not in answer.text.split("<main")[1]
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Content-Security-Policy" in answer.headers
        assert "Set-Cookie" not in answer.headers
        if isinstance(error, TubehomeError) and language == "en":
            assert error.sentence("en").split("<")[0] in answer.text
    if code >= 500:
        assert SECRET in caplog.text
    else:
        assert "Traceback" not in caplog.text


@pytest.mark.parametrize("name", RAISED)
def test_programs_get_json_or_a_line(faulty: Flask, name: str) -> None:
    answer = faulty.test_client().get(f"/api/v1/{name}")
    assert answer.status_code == RAISED[name][1]
    assert set(answer.json) == {"error"}
    line = faulty.test_client().get(f"/media/fail/deeper/{name}")
    assert (line.mimetype, line.text.count("\n")) == ("text/plain", 1)
    assert SECRET not in answer.text + line.text


def test_when_to_come_back(faulty: Flask) -> None:
    client = faulty.test_client()
    assert client.get("/fail/many").headers["Retry-After"] == "7"
    assert client.get("/fail/away").headers["Retry-After"] == "30"
    assert client.get("/fail/503").headers["Retry-After"] == "30"


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        (400, 400),
        (403, 404),
        (401, 404),
        (404, 404),
        (410, 410),
        (413, 413),
        (418, 418),
        (429, 429),
        (500, 500),
        (503, 503),
    ],
)
def test_http_errors_become_pages_too(faulty: Flask, raised: int, shown: int) -> None:
    answer = faulty.test_client().get(f"/fail/{raised}")
    assert answer.status_code == shown
    assert str(shown) in answer.text
    assert "werkzeug" not in answer.text.lower()


def test_a_wrong_method_says_which_are_right(stranger: FlaskClient) -> None:
    answer = stranger.open("/c/x", method="PROPFIND")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


def test_feeds_and_states_fail_in_their_own_shape(stranger: FlaskClient, seeded) -> None:
    assert stranger.get("/c/nobody/feed.xml").mimetype == "text/plain"
    assert stranger.get("/w/nothing/state").mimetype == "application/json"
    assert stranger.get("/en/w/nothing/state").mimetype == "application/json"
    assert stranger.get("/media/x/y").mimetype == "text/plain"


def test_debugging_shows_it(faulty: Flask) -> None:
    faulty.debug = True
    answer = faulty.test_client().get("/fail/bug")
    assert answer.status_code == 500
    assert "ZeroDivisionError" in answer.text
    assert answer.mimetype == "text/plain"


def test_a_page_without_a_database(
    site: Site, seeded, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error page itself needs none, and names the site as it was last known."""
    from peewee import OperationalError

    client = create_app(site).test_client()
    client.get("/")

    def broken(*_: object, **__: object) -> None:
        raise OperationalError("disk I/O error")

    db.close()
    for at in ("_connect", "execute_sql"):
        with monkeypatch.context() as patch:
            patch.setattr(db, at, broken)
            for path in ("/", "/en/", "/c/conseil", "/login", "/w/x", "/nothing"):
                answer = client.get(path)
                if at == "execute_sql" and answer.status_code in (200, 404):
                    continue  # from memory, or it needed none
                assert answer.status_code == 503, (at, path)
                assert answer.headers["Retry-After"] == "30"
                assert "Saint-Aubin-des-Prés" in answer.text
                assert "disk I/O" not in answer.text
            assert client.get("/feed.atom").mimetype in ("text/plain", "application/atom+xml")
    assert "disk I/O error" in caplog.text
    assert client.get("/").status_code == 200  # and it comes back by itself


def test_health_says_when_the_database_does_not_answer(stranger: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from peewee import OperationalError

    def broken() -> None:
        raise OperationalError("unable to open database file")

    db.close()
    monkeypatch.setattr(db, "_connect", broken)
    assert stranger.get("/healthz").status_code == 503


def test_an_error_page_that_fails_is_still_a_sentence(
    faulty: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR)
    monkeypatch.setattr(
        "tubehome.web.errors.render", lambda *_, **__: (_ for _ in ()).throw(LookupError("no template"))
    )
    answer = faulty.test_client().get("/en/fail/gone")
    assert (answer.status_code, answer.mimetype) == (410, "text/plain")
    assert answer.text == "This link is no longer valid.\n"


def test_the_log_holds_no_secret_address(
    faulty: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tubehome.owner.setup.check_link", lambda token: 1 / 0)
    assert faulty.test_client().get("/setup/s3cret-t0ken").status_code == 500
    assert "/setup/<token>" in caplog.text
    assert "s3cret-t0ken" not in caplog.text


def test_a_request_gives_its_connection_back(stranger: FlaskClient, seeded) -> None:
    db.close()
    for path in (
        "/",
        "/nothing",
        "/feed.xml",
        f"/media/{seeded.public[0].uuid}/720p.mp4",
        "/w/x",
        "/healthz",
        "/login",
    ):
        for _ in range(2):
            answer = stranger.get(path, buffered=False)
            assert db.is_closed(), path  # before a byte of the body was asked for
            answer.close()
    assert not db._in_use
