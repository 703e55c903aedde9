"""The page where videos are added, as the server writes it: limits and room said before, the list as it is."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from tubehome.flows.announce import announce
from tubehome.library.models import Channel
from tubehome.pages.add import HOUR
from tubehome.site import Site
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import Upload

ADD = "/studio/add"


def data(page: str, name: str) -> Any:
    """A block of JSON of the page."""
    found = re.search(rf'<script type="application/json" id="{name}"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_limits_and_room_are_said_before_the_first_byte(owner: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "free_bytes", lambda site: 38 * HOUR + 5)
    page = owner.get(ADD).text
    assert "jusqu’à 50\N{NO-BREAK SPACE}Go et 12\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}00 par fichier" in page
    assert "Il reste 304\N{NO-BREAK SPACE}Go sur le disque\N{NO-BREAK SPACE}: environ 38 heures en 1080p." in page
    assert data(page, "upload-data")["limit"] == 50_000_000_000


@pytest.mark.parametrize(
    ("free", "said"), [(HOUR, "environ 1 heure en"), (HOUR - 1, "Il reste 8"), (-7, "presque plein")]
)
def test_little_room_is_said_plainly(owner: FlaskClient, monkeypatch: pytest.MonkeyPatch, free: int, said: str) -> None:
    monkeypatch.setattr(desk, "free_bytes", lambda site: free)
    assert said in owner.get(ADD).text


def test_what_is_under_way_stands_in_the_page_with_and_without_script(
    owner: FlaskClient, site: Site, token_of: Callable
) -> None:
    row = announce(site, desk.Said(name="conseil_17.mp4", length=10, title="</script><b>"))
    incoming.path(site, row.uuid).write_bytes(b"1234")
    page = owner.get(ADD).text
    assert "<bdi>conseil_17.mp4</bdi>" in page
    assert "4\N{NO-BREAK SPACE}octets sur 10\N{NO-BREAK SPACE}octets" in page
    (shape,) = data(page, "upload-data")["uploads"]
    assert (shape["state"], shape["offset"], shape["length"]) == ("receiving", 4, 10)
    assert (shape["title"], shape["guess"]) == ("</script><b>", "conseil 17")
    assert token_of(owner.get(ADD))


def test_a_channel_is_chosen_only_where_there_are_several(owner: FlaskClient, site: Site) -> None:
    hidden = 'class="field" hidden><label for="plain-channel"'
    assert hidden in owner.get(ADD).text
    Channel.create(name="fetes", title="Fêtes", default_visibility="private", created_at=0)
    page = owner.get(ADD).text
    assert hidden not in page
    assert '<option value="fetes" data-privacy="private">Fêtes</option>' in page


def test_every_word_of_the_scripts_is_there_in_both_languages(owner: FlaskClient) -> None:
    french, english = (data(owner.get(path).text, "upload-words") for path in (ADD, "/en/studio/add"))
    assert french.keys() == english.keys()
    assert french["counts"]["here"] == ["{n} arrivé", "{n} arrivés"]
    assert "%%" not in json.dumps(french)


def test_the_list_of_the_scripts_tells_how_far_a_video_is(owner: FlaskClient, seeded: Any) -> None:
    made = seeded.preparing
    Upload.create(uuid="a" * 8, name="a.mp4", length=1, state="done", video=made, created_at=0, expires_at=0)
    (shape,) = owner.get("/studio/uploads").json["uploads"]
    assert (shape["state"], shape["video"]["state"]) == ("done", "preparing")
    assert shape["video"]["percent"] in range(100)
    assert "%" in shape["video"]["text"]
