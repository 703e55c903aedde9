"""The owner: set-up link, login, session, studio."""

from __future__ import annotations

import re
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from tubehome import settings
from tubehome.base import ids
from tubehome.library.models import Channel
from tubehome.owner import login, setup
from tubehome.site import Site
from tubehome.web import attempts, create_app
from tubehome.web.login import is_local

GOOD = {
    "name": "claire",
    "site_name": "Saint-Aubin-des-Prés",
    "password": "un long mot de passe",
    "password_again": "un long mot de passe",
}


@pytest.fixture
def newcomer(bare_site: Site) -> FlaskClient:
    return create_app(bare_site).test_client()


@pytest.fixture
def link(bare_site: Site) -> str:
    return f"/setup/{setup.new_link()}"


def _send(client: FlaskClient, link: str, token_of, **data: str):  # type: ignore[no-untyped-def]
    return client.post(link, data={**GOOD, **data, "csrf_token": token_of(client.get(link))})


# the set-up link


def test_looking_at_the_link_uses_nothing_up(newcomer: FlaskClient, link: str) -> None:
    for _ in range(3):
        page = newcomer.get(link)
        assert (page.status_code, newcomer.head(link).status_code) == (200, 200)
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["X-Robots-Tag"] == "noindex"
    assert login.the_owner() is None


def test_the_link_opens_the_site_and_logs_in(newcomer: FlaskClient, link: str, token_of) -> None:
    answer = _send(newcomer, link, token_of)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/studio/welcome/site")
    assert newcomer.get("/studio/").status_code == 200
    assert login.log_in(GOOD["password"]).name == "claire"
    assert settings.read().site_name == GOOD["site_name"]
    assert Channel.get().name == "claire_channel"
    assert newcomer.get(link).status_code == 410  # once only
    assert newcomer.post(link, data=GOOD).status_code in (400, 410)
    assert GOOD["site_name"] in newcomer.application.test_client().get("/").text


@pytest.mark.parametrize(
    ("wrong", "fields"),
    [
        ({"password": "short", "password_again": "short"}, {"password"}),
        ({"password_again": "another long one"}, {"password_again"}),
        ({"name": "Claire Dupont"}, {"name"}),
        ({"name": "peertube"}, {"name"}),
        ({"name": ""}, {"name"}),
        ({"site_name": " \u202e "}, {"site_name"}),
        ({"name": "É", "site_name": "", "password": "x", "password_again": "y"}, {"name", "site_name", "password"}),
        ({"password": "x" * 1001, "password_again": "x" * 1001}, {"password"}),
    ],
)
def test_what_is_wrong_stands_at_its_field(
    newcomer: FlaskClient, link: str, token_of, wrong: dict[str, str], fields: set[str]
) -> None:
    answer = _send(newcomer, link, token_of, **wrong)
    assert answer.status_code == 400
    assert set(re.findall(r'id="(\w+)-error"', answer.text)) == fields
    assert set(re.findall(r'id="(\w+)" name="\w+" type="\w+"[^>]*aria-invalid', answer.text)) == fields
    sent = {**GOOD, **wrong}
    for name in ("name", "site_name"):  # kept, the password never
        if sent[name].isascii() and sent[name]:
            assert f'value="{sent[name]}"' in answer.text
    assert f'value="{sent["password"]}"' not in answer.text
    assert login.the_owner() is None
    assert newcomer.get(link).status_code == 200  # and the link is still good


def test_a_link_that_is_used_unknown_or_too_old_is_gone(newcomer: FlaskClient, link: str) -> None:
    assert newcomer.get("/setup/unknown").status_code == 410
    with time_machine.travel(time_machine_later(25)):
        assert newcomer.get(link).status_code == 410
    setup.new_link()
    assert newcomer.get(link).status_code == 410
    assert "tubehome owner link" in newcomer.get(link).text


def time_machine_later(hours: float):  # type: ignore[no-untyped-def]
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(hours=hours)


def test_a_known_owner_gets_a_new_password_by_the_link(app: Flask, owner: FlaskClient, token_of, log_in) -> None:
    link = f"/setup/{setup.new_link()}"
    other = app.test_client()
    page = other.get(link)
    assert 'name="name"' not in page.text
    answer = other.post(
        link,
        data={
            "csrf_token": token_of(page),
            "password": "tout nouveau, tout beau",
            "password_again": "tout nouveau, tout beau",
        },
    )
    assert answer.headers["Location"] == "/studio/"
    assert other.get("/studio/").status_code == 200
    assert owner.get("/studio/").status_code == 303  # the old session ended
    assert log_in(app.test_client(), "tout nouveau, tout beau").status_code == 303
    assert settings.read().site_name == "Saint-Aubin-des-Prés"


# the login


def test_login_and_logout(app: Flask, password: str, log_in, token_of) -> None:
    client = app.test_client()
    assert client.get("/studio/").headers["Location"] == "/login?next=/studio/"
    assert log_in(client, "wrong password").status_code == 400
    assert client.get("/studio/").status_code == 303
    assert log_in(client, password).headers["Location"] == "/studio/"
    studio = client.get("/studio/")
    assert studio.status_code == 200
    assert client.get("/login").headers["Location"] == "/studio/"
    left = client.post("/logout", data={"csrf_token": token_of(studio)})
    assert left.headers["Location"] == "/"
    assert client.get("/studio/").status_code == 303
    assert client.get("/logout").status_code == 405


def test_the_cookie_is_the_owners_alone(app: Flask, site: Site, configured, password: str, log_in) -> None:
    cookie = log_in(app.test_client(), password).headers["Set-Cookie"]
    for flag in ("HttpOnly", "SameSite=Lax", "Path=/", "Expires="):
        assert flag in cookie
    assert "Secure" not in cookie
    assert "Domain" not in cookie
    secure = create_app(configured(site, url="https://video.example.org")).test_client()
    cookie = log_in(secure, password, base_url="https://video.example.org").headers["Set-Cookie"]
    assert cookie.startswith("__Host-tubehome-")
    assert "; Secure" in cookie


def test_two_instances_on_one_machine_have_two_cookies(app: Flask, site: Site) -> None:
    name = app.config["SESSION_COOKIE_NAME"]
    site.files.instance.write_text("another-instance\n")
    assert create_app(site).config["SESSION_COOKIE_NAME"] != name


def test_public_pages_neither_set_nor_renew_the_owners_cookie(owner: FlaskClient, seeded) -> None:
    for path in ("/", "/c/conseil", "/feed.xml", "/nothing", "/?page=9", f"/media/{seeded.private.uuid}/720p.mp4"):
        answer = owner.get(path)
        answer.close()
        assert "Set-Cookie" not in answer.headers, path
    assert "Set-Cookie" in owner.get("/studio/").headers  # renewed where the owner works


def test_a_session_planted_before_the_login_is_worth_nothing(app: Flask, password: str, log_in) -> None:
    """Session fixation: what the browser held before shares nothing with what it holds after."""
    name, client = app.config["SESSION_COOKIE_NAME"], app.test_client()
    client.get("/login")
    planted = client.get_cookie(name)
    assert planted
    log_in(client, password)
    held = client.get_cookie(name)
    assert held
    assert held.value != planted.value
    attacker = app.test_client()
    attacker.set_cookie(name, planted.value)
    assert attacker.get("/studio/").status_code == 303
    with client.session_transaction() as after, attacker.session_transaction() as before:
        assert not set(after.values()) & set(before.values())


def test_a_new_password_ends_every_session(app: Flask, owner: FlaskClient) -> None:
    known = login.the_owner()
    assert known
    login.set_password(known, "another long password")
    assert owner.get("/studio/").status_code == 303
    assert "/studio/" not in owner.get("/").text


@pytest.mark.parametrize("forged", ["", "x", "eyJfdXNlcl9pZCI6IjEueCJ9.aaaa.bbbb", "\u00e9", "a" * 5000])
def test_a_forged_cookie_is_no_session(app: Flask, seeded, forged: str) -> None:
    client = app.test_client()
    cookie = f"{app.config['SESSION_COOKIE_NAME']}={forged}"
    for path in ("/studio/", f"/media/{seeded.private.uuid}/720p.mp4", "/"):
        answer = client.get(path, headers={"Cookie": cookie.encode().decode("latin-1")})
        assert answer.status_code == {"/studio/": 303, "/": 200}.get(path, 404)


def test_a_session_lasts_thirty_days(app: Flask, password: str, log_in) -> None:
    client = app.test_client()
    log_in(client, password)
    cookie = client.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie
    for days, code in ((29, 200), (31, 303)):
        with time_machine.travel(time_machine_later(24 * days)):
            other = app.test_client()
            other.set_cookie(cookie.key, cookie.value)
            assert other.get("/studio/").status_code == code


def test_wrong_passwords_cost_a_growing_pause(app: Flask, password: str, log_in) -> None:
    client = app.test_client()
    codes = [log_in(client, f"wrong {i}").status_code for i in range(6)]
    assert codes[:4] == [400] * 4
    assert codes[-1] == 429
    refused = log_in(client, password)  # even the right one waits
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) > 0
    with time_machine.travel(time_machine_later(1)):
        assert log_in(client, password).status_code == 303


def test_the_pause_of_an_address_does_not_count_against_the_owner(app: Flask, password: str, log_in) -> None:
    crowd = {"environ_overrides": {"REMOTE_ADDR": "203.0.113.9"}}
    for i in range(20):
        log_in(app.test_client(), f"wrong {i}", **crowd)
    known = login.the_owner()
    assert known
    assert known.failures <= 5  # the rest was not even looked at
    with time_machine.travel(time_machine_later(0.02)):  # 72 s: the account's own pause is over
        assert log_in(app.test_client(), password).status_code == 303


def test_addresses_are_remembered_truncated_and_not_for_ever() -> None:
    table = attempts.Attempts()
    for i in range(attempts.MOST + 100):
        table.begin(f"10.{i // 256}.{i % 256}.0")
    assert len(table._failures) == attempts.MOST
    for _ in range(4):
        table.begin("203.0.113.0")
    with pytest.raises(attempts.TooMany):
        table.begin("203.0.113.0")
    table.succeeded("203.0.113.0")
    table.begin("203.0.113.0")


LOCAL = ("/studio/", "/en/studio/?page=2", "/w/x#t=1", "/", "/c/a:b")
FOREIGN = ("//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example",
           "https://evil.example", "javascript:alert(1)", "evil",
           "/\t/evil.example", "/\n/evil.example", "", "/studio\\..", "http:evil.example",
           "/x\r\nSet-Cookie: a=b", "/\x00", "/\u202e")  # fmt: skip


def test_only_paths_of_this_site_are_local() -> None:
    assert all(map(is_local, LOCAL))
    assert not any(map(is_local, FOREIGN))


def test_after_the_login_one_stays_on_this_site(app: Flask, password: str, log_in) -> None:
    from urllib.parse import quote

    for wanted in FOREIGN:
        answer = log_in(app.test_client(), password, f"/login?next={quote(wanted)}")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/studio/"), wanted
    assert log_in(app.test_client(), password, "/login?next=/en/studio/").headers["Location"] == "/en/studio/"


def test_the_studio_comes_back_to_what_was_wanted(app: Flask, password: str) -> None:
    client = app.test_client()
    assert (
        client.get("/en/studio/?page=2&x=//evil").headers["Location"]
        == "/en/login?next=/en/studio/%3Fpage%3D2%26x%3D//evil"
    )


def test_the_studio_lists_everything_the_bin_included(owner: FlaskClient, seeded) -> None:
    page = owner.get("/studio/videos").text + owner.get("/studio/videos?state=bin").text
    for video in (*seeded.public, *seeded.hidden.values(), seeded.unlisted, seeded.preparing, seeded.failed):
        assert ids.shorten(video.uuid) in page
    assert owner.get("/studio/videos?page=9").status_code == 404
    assert '<html lang="en"' in owner.get("/en/studio/").text


def test_the_owners_pages_are_stored_nowhere(owner: FlaskClient, stranger: FlaskClient) -> None:
    for answer in (owner.get("/studio/"), stranger.get("/login"), stranger.get("/studio/")):
        assert answer.headers["Cache-Control"] == "no-store"


# --- as visitors see it


def test_the_owner_sees_a_page_as_visitors_do(owner: FlaskClient, stranger: FlaskClient, seeded: Any) -> None:
    public = f"/w/{ids.shorten(seeded.public[0].uuid)}"
    plain, seen = stranger.get(public).text, owner.get(f"{public}?as=visitor")
    assert "C’est ce que les visiteurs trouvent à cette adresse." in seen.text
    assert "/studio/videos/" not in seen.text
    assert "/studio/videos/" in owner.get(public).text
    assert "visiteurs trouvent" not in plain
    assert seen.headers["Cache-Control"] == "no-store"


def test_what_visitors_may_not_see_is_not_there_for_the_owner_as_a_visitor(owner: FlaskClient, seeded: Any) -> None:
    private = f"/w/{ids.shorten(seeded.private.uuid)}"
    assert owner.get(private).status_code == 200
    answer = owner.get(f"{private}?as=visitor")
    assert answer.status_code == 404
    assert "C’est ce que les visiteurs trouvent à cette adresse." in answer.text


def test_a_stranger_who_asks_as_a_visitor_gets_the_same_page(stranger: FlaskClient) -> None:
    plain, asked = (re.sub(r'nonce="[^"]+"', "", stranger.get(path).text) for path in ("/", "/?as=visitor"))
    assert plain == asked
