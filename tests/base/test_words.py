"""Ids, names, dates, sizes and durations as people write them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubehome.base import errors, i18n, ids, text, urls


@given(st.uuids())
def test_a_uuid_comes_back_from_its_short_form(full: uuid.UUID) -> None:
    short = ids.shorten(str(full))
    assert len(short) == 22
    assert ids.lengthen(short) == ids.parse(short) == ids.parse(str(full)) == str(full)


def test_the_short_form_is_peertubes() -> None:
    assert ids.shorten("9c9de5e8-0a1e-484a-b099-e80766180a6d") == "kkGMgK9ZtnKfYAgnEtQxbv"


@pytest.mark.parametrize("wrong", ["", "x", "0" * 22, "l" * 22, "Z" * 22, "../../etc/passwd", "é" * 22])
def test_what_is_not_an_id_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - any ValueError
        ids.parse(wrong)


def squash(said: str) -> str:
    return said.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("seconds", "french", "english"),
    [
        (0, "0 s", "0 s"),
        (20, "20 s", "20 s"),
        (60, "1 min", "1 min"),
        (372, "6 min 12", "6 min 12 s"),
        (2905, "48 min", "48 min"),
        (11560, "3 h 12", "3 h 12 min"),
        (3600, "1 h 00", "1 h 00 min"),
        (3599.7, "1 h 00", "1 h 00 min"),
    ],
)
def test_durations(seconds: float, french: str, english: str) -> None:
    assert squash(i18n.duration(seconds, "fr")) == french
    assert squash(i18n.duration(seconds, "en")) == english


@pytest.mark.parametrize(
    ("count", "french", "english"),
    [
        (0, "0 octets", "0 bytes"),
        (999, "999 octets", "999 bytes"),
        (1400, "1,4 ko", "1.4 kB"),
        (999_600, "1 Mo", "1 MB"),
        (412_000_000, "412 Mo", "412 MB"),
        (1_440_000_000, "1,4 Go", "1.4 GB"),
        (5 * 10**15, "5 000 To", "5,000 TB"),
    ],
)
def test_sizes(count: int, french: str, english: str) -> None:
    assert squash(i18n.size(count, "fr")) == french
    assert squash(i18n.size(count, "en")) == english


def test_dates() -> None:
    first = datetime(2026, 5, 1, 9, 5, tzinfo=UTC)
    assert squash(i18n.date(first, "fr")) == "1er mai 2026"
    assert squash(i18n.date(first, "fr", short=True)) == "1er mai 2026"
    assert squash(i18n.date_time(first, "en")) == "1 May 2026, 9:05"
    assert i18n.clock(4155) == "1:09:15"
    assert i18n.clock(250.9) == "4:10"


def test_names_for_addresses() -> None:
    assert text.handle("Vie de la commune") == "vie_de_la_commune"
    assert text.handle("L’œuvre d’Édouard") == "l_oeuvre_d_edouard"
    assert text.handle("日本") == ""
    assert text.title_from_filename("conseil_2026-11-17.mp4") == "conseil 2026-11-17"
    assert text.title_from_filename(".mp4") == ".mp4"


@given(st.text())
def test_a_line_is_one_line_without_controls(anything: str) -> None:
    line = text.clean_line(anything)
    assert not any(c in line for c in "\n\r\t\0\u202e\u2028")
    assert line == text.clean_line(line)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "[x](javascript:alert(1))",
        "![i](http://evil/x.png)",
        '<a href="x" onclick="y">z</a>',
        "<img src=x onerror=y>",
    ],
)
def test_markdown_cannot_carry_anything_that_runs_or_loads(hostile: str) -> None:
    tags: list[tuple[str, list[tuple[str, str | None]]]] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, attributes))  # type: ignore[method-assign]
    parser.feed(text.render_markdown(hostile))
    assert not {tag for tag, _ in tags} & {"script", "img", "iframe", "style"}
    for _, attributes in tags:
        assert not any(name.startswith("on") or "javascript:" in (value or "") for name, value in attributes)


def test_a_summary_is_cut_at_a_word() -> None:
    assert text.plain("Un **budget** [voté](https://x) hier", 100) == "Un budget voté hier"
    assert text.plain("mot " * 100, 20) == "mot mot mot mot mot…"


@pytest.mark.parametrize("hostile", ["[" * 200_000, "[a](" * 50_000, "*" * 200_000, "[]()" * 50_000, "](" * 100_000])
def test_a_hostile_description_does_not_hold_the_site_up(hostile: str) -> None:
    """What was quadratic took minutes: this would not end within the patience of a test run."""
    assert len(text.plain(hostile, 200)) <= 201


def test_an_error_keeps_its_sentence_across_a_row() -> None:
    error = errors.NoRoom("It needs {needed} for {time}.", needed=i18n.Bytes(1400), time=i18n.Seconds(60))
    back = errors.TubehomeError.from_json(error.to_json())
    assert squash(back.sentence("fr")) == squash(error.sentence("fr"))
    assert "1.4" in back.sentence("en")


def test_addresses_have_a_prefix_in_the_other_language_only() -> None:
    assert urls.localised("/w/x", "fr", "fr") == "/w/x"
    assert urls.localised("/w/x", "en", "fr") == "/en/w/x"
    assert urls.channel("a b") == "/c/a%20b"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("à 1:09:15", 'à <a href="?t=4155">1:09:15</a>'),
        ("4:10 et 0:05", '<a href="?t=250">4:10</a> et <a href="?t=5">0:05</a>'),
        ("12:99", "12:99"),
        ("version 1:2:3:4", "version 1:2:3:4"),
        ("9:00:00 est trop loin", "9:00:00 est trop loin"),
        ('<a href="x">4:10</a> <code>4:10</code>', '<a href="x">4:10</a> <code>4:10</code>'),
        ("20:30.", '<a href="?t=1230">20:30</a>.'),
    ],
)
def test_times_lead_to_their_moment(said: str, shown: str) -> None:
    assert text.link_times(said, 3 * 3600) == shown
