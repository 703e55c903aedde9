"""Access: sessions end when they are ended, codes open once, known devices are not slowed by strangers."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tubehome.base import clock
from tubehome.owner import devices, login, recovery, sessions, tokens
from tubehome.owner.models import KnownDevice, Owner, RecoveryCode, Session
from tubehome.site import Site
from tubehome.uploads import desk

HERE = "/studio/account"
NEW = "tout nouveau, tout beau"


def mark(client: FlaskClient) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get(HERE).text)
    assert found
    return found[1]


@pytest.fixture
def press(owner: FlaskClient) -> Any:
    def send(path: str, client: FlaskClient = owner, **fields: str) -> Any:
        return client.post(HERE + path, data={**fields, "csrf_token": mark(client)})

    return send


@pytest.fixture
def second(app: Flask, owner: FlaskClient, log_in: Any) -> FlaskClient:
    """Another browser in which the owner is logged in."""
    client = app.test_client()
    assert log_in(client, headers={"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Firefox/142.0"}).status_code == 303
    return client


def inside(client: FlaskClient) -> bool:
    return client.get(HERE).status_code == 200


def test_a_copied_cookie_dies_with_its_session(owner: FlaskClient, app: Flask, token_of: Any) -> None:
    thief = app.test_client()
    name = app.config["SESSION_COOKIE_NAME"]
    thief.set_cookie(name, owner.get_cookie(name).value)  # type: ignore[union-attr]
    assert inside(thief)
    owner.post("/logout", data={"csrf_token": mark(owner)})
    assert not inside(thief)
    assert Session.select().count() == 0


def test_sessions_are_listed_and_ended_one_by_one(owner: FlaskClient, second: FlaskClient, press: Any) -> None:
    page = owner.get(HERE).text
    assert "Firefox, Windows" in page
    assert page.count("(celui-ci)") == 1
    (other,) = re.findall(r"/sessions/(\d+)/end", page)
    assert press(f"/sessions/{other}/end").status_code == 303
    assert inside(owner)
    assert not inside(second)
    assert press(f"/sessions/{other}/end").status_code == 404


def test_everywhere_else_and_everywhere(owner: FlaskClient, second: FlaskClient, press: Any) -> None:
    assert press("/sessions/end-others").status_code == 303
    assert (inside(owner), inside(second)) == (True, False)
    assert press("/sessions/end-all").headers["Location"] == "/login"
    assert not inside(owner)


def test_a_session_ends_after_thirty_days_without_a_visit(owner: FlaskClient) -> None:
    with time_machine.travel(clock.timestamp() + 20 * 86_400, tick=False):
        assert inside(owner), "a visit renews it"
        with time_machine.travel(clock.timestamp() + 29 * 86_400, tick=False):
            assert inside(owner)
            with time_machine.travel(clock.timestamp() + 31 * 86_400, tick=False):
                assert not inside(owner)


def test_a_session_that_stood_still_ends_whatever_its_cookie_says(site: Site) -> None:
    key = sessions.begin("")
    with time_machine.travel(clock.timestamp() + 31 * 86_400, tick=False):
        assert sessions.find(key) is None
        assert Session.select().count() == 0


def test_a_visit_is_written_once_an_hour(owner: FlaskClient) -> None:
    before = Session.get().seen_at
    inside(owner)
    assert Session.get().seen_at == before
    with time_machine.travel(clock.timestamp() + 4000, tick=False):
        inside(owner)
        assert Session.get().seen_at > before


def test_a_stranger_is_asked_nothing_of_the_database(stranger: FlaskClient, owner: FlaskClient) -> None:
    assert "Set-Cookie" not in stranger.get("/").headers
    assert "Set-Cookie" not in owner.get("/").headers


def test_an_answer_that_outlives_its_session_does_not_log_out_who_logged_in_again(
    owner: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Set-Cookie" in owner.get("/studio/add").headers, "renewed, as long as it lives"
    real = desk.shown

    def ended_meanwhile() -> Any:
        Session.delete().execute()
        return real()

    monkeypatch.setattr(desk, "shown", ended_meanwhile)
    late = owner.get("/studio/add")
    assert late.status_code == 200
    assert "Set-Cookie" not in late.headers
    for path in ("/studio/add", "/login"):  # a page that asks whether somebody is logged in again
        assert "Set-Cookie" not in owner.get(path).headers


def test_the_password_is_changed_by_who_knows_it(
    owner: FlaskClient, second: FlaskClient, press: Any, password: str
) -> None:
    wrong = press("/password", present="not this one", password=NEW, password_again=NEW)
    assert wrong.status_code == 400
    assert 'id="present-error"' in wrong.text
    short = press("/password", present=password, password="short", password_again="other")
    assert set(re.findall(r'id="(\w+)-error"', short.text)) == {"password", "password_again"}
    same = press("/password", present=password, password=password, password_again=password)
    assert "mot de passe actuel" in same.text
    assert press("/password", present=password, password=NEW, password_again=NEW).status_code == 303
    assert (inside(owner), inside(second)) == (True, False)
    assert login.log_in(NEW)


def test_codes_open_once_and_new_ones_void_the_old(app: Flask, owner: FlaskClient, press: Any, token_of: Any) -> None:
    page = press("/codes").text
    codes = re.findall(r"<li><code>([a-z0-9-]+)</code>", page)
    assert len(set(codes)) == recovery.COUNT
    assert not any(code in str(list(RecoveryCode.select().dicts())) for code in codes)

    def recover(code: str, new: str = NEW, again: str = NEW) -> Any:
        client = app.test_client()
        data = {"code": code, "password": new, "password_again": again}
        return client, client.post(
            "/login/recover", data={**data, "csrf_token": token_of(client.get("/login/recover"))}
        )

    _, short = recover(codes[0], "short", "short")
    assert short.status_code == 400
    assert recovery.left() == recovery.COUNT, "nothing is used up by a wrong form"
    client, answer = recover(codes[0].upper().replace("-", " "))
    assert answer.status_code == 303
    assert inside(client)
    assert not inside(owner), "every session has ended"
    assert recovery.left() == recovery.COUNT - 1
    assert recover(codes[0])[1].status_code == 400
    recovery.new_codes()
    assert recover(codes[1])[1].status_code == 400


def test_wrong_codes_are_counted_as_wrong_passwords(app: Flask, owner: FlaskClient, token_of: Any) -> None:
    recovery.new_codes()
    client = app.test_client()
    statuses = []
    for _ in range(login.FREE_FAILURES + 1):
        data = {"code": "aaaa-bbbb-cccc", "password": NEW, "password_again": NEW}
        answer = client.post("/login/recover", data={**data, "csrf_token": token_of(client.get("/login/recover"))})
        statuses.append(answer.status_code)
    assert statuses[-1] == 429
    assert "Retry-After" in answer.headers
    assert recovery.left() == recovery.COUNT


def test_strangers_who_guess_do_not_slow_the_owner(app: Flask, owner: FlaskClient, log_in: Any, password: str) -> None:
    owner.post("/logout", data={"csrf_token": mark(owner)})
    stranger = app.test_client()
    answers = [log_in(stranger, "wrong password").status_code for _ in range(login.FREE_FAILURES + 2)]
    assert answers[-1] == 429
    assert log_in(app.test_client(), password).status_code == 429, "an unknown browser waits, whatever it knows"
    assert log_in(owner, password).status_code == 303, "the owner's own does not"
    assert Owner.get().failures >= login.FREE_FAILURES, "and strangers go on waiting"


def test_a_known_device_is_slowed_by_its_own_guesses(
    app: Flask, owner: FlaskClient, log_in: Any, password: str
) -> None:
    owner.post("/logout", data={"csrf_token": mark(owner)})
    for _ in range(login.FREE_FAILURES + 1):
        answer = log_in(owner, "wrong password")
    assert answer.status_code == 429
    assert Owner.get().failures == 0
    assert log_in(app.test_client(), password).status_code == 303


def test_the_cookie_of_a_device_opens_nothing(app: Flask, owner: FlaskClient) -> None:
    assert KnownDevice.select().count() == 1
    name = app.config["SESSION_COOKIE_NAME"] + "-device"
    cookie = owner.get_cookie(name)
    assert cookie
    assert cookie.http_only
    other = app.test_client()
    other.set_cookie(name, cookie.value)
    assert not inside(other)


def test_tokens_are_shown_once(owner: FlaskClient, press: Any) -> None:
    made = press("/tokens", name="caméra", expires="2999-12-31")
    token = re.search(r'value="(th_[^"]+)"', made.text)
    assert token
    assert tokens.check(token[1]).name == "caméra"
    assert token[1] not in owner.get(HERE).text
    assert press("/tokens", name="caméra").status_code == 400
    assert press("/tokens", name="b", expires="soon").status_code == 400
    assert press("/tokens", name="b", expires="2001-01-01").status_code == 400
    assert press("/tokens/revoke", name="caméra").status_code == 303
    assert not tokens.tokens()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140 Safari/537.36 Edg/140",
            "Edge, Windows",
        ),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1", "Safari, iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("<script>", ""),
        ("", ""),
    ],
)
def test_browsers_in_words(agent: str, words: str) -> None:
    assert devices.describe(agent) == words


def test_only_so_many_are_kept(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST", 3)
    monkeypatch.setattr(devices, "MOST", 3)
    keys = [sessions.begin("") for _ in range(5)]
    for _ in range(5):
        devices.remember()
    assert Session.select().count() <= 4
    assert KnownDevice.select().count() <= 4
    assert sessions.find(keys[-1])
