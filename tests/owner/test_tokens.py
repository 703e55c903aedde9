"""Tokens: shown once, checked by their hash, refused when expired or revoked."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tubehome.base import clock
from tubehome.base.errors import NotFound, Refused
from tubehome.owner import tokens
from tubehome.owner.models import Token
from tubehome.site import Site

DAY = 86_400.0


def test_a_token_opens_until_it_is_revoked(site: Site) -> None:
    token = tokens.create("camera")
    assert tokens.check(token).name == "camera"
    assert token not in str(list(Token.select().dicts()))
    tokens.revoke("camera")
    with pytest.raises(Refused, match="not known here, or was revoked"):
        tokens.check(token)
    with pytest.raises(NotFound):
        tokens.revoke("camera")


def test_a_token_expires(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.create("camera", clock.timestamp() + DAY)
    tokens.check(token)
    now = clock.timestamp()
    monkeypatch.setattr(clock, "timestamp", lambda: now + DAY + 1)
    with pytest.raises(Refused, match="camera has expired"):
        tokens.check(token)


@pytest.mark.parametrize("wrong", ["", "th_", "th_" + "a" * 43, "x" * 46, "th_" + "é" * 43, "th_" + "a" * 10_000])
def test_what_is_no_token_of_ours_is_refused(site: Site, wrong: str) -> None:
    tokens.create("camera")
    with pytest.raises(Refused, match="not known here"):
        tokens.check(wrong)


@pytest.mark.parametrize("name", ["", " \n ", "x" * 61])
def test_a_name_that_cannot_be(site: Site, name: str) -> None:
    with pytest.raises(Refused):
        tokens.create(name)


def test_names_are_used_once_and_the_past_is_refused(site: Site) -> None:
    tokens.create("camera")
    with pytest.raises(Refused, match="named camera already"):
        tokens.create(" camera ")
    with pytest.raises(Refused, match="expired already"):
        tokens.create("yesterday", clock.timestamp() - 1)


def test_the_last_use_is_known_to_the_hour_and_costs_no_write_between(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = tokens.create("camera")
    first = tokens.check(token).seen_at
    assert tokens.check(token).seen_at == first
    now = clock.timestamp()
    monkeypatch.setattr(clock, "timestamp", lambda: now + 2 * tokens.SEEN_SECONDS)
    assert tokens.check(token).seen_at > first


def test_the_commands(house: Any) -> None:
    token = house.run("token", "create", "camera", "--expires", "30d", check=0).stdout.strip()
    assert token.startswith("th_")
    said = json.loads(house.run("token", "list", "--json", check=0).stdout)
    assert [(t["name"], t["seen"]) for t in said] == [("camera", None)]
    assert said[0]["expires"] > said[0]["created"]
    assert "camera" in house.run("token", "list", check=0).stdout
    assert house.run("token", "create", "camera", check=2).stdout == ""
    assert "30d" in house.run("token", "create", "b", "--expires", "soon", check=2).stderr
    house.run("token", "revoke", "camera", check=0)
    house.run("token", "revoke", "camera", check=2)
    assert json.loads(house.run("token", "list", "--json", check=0).stdout) == []
