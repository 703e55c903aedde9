"""Chapters and subtitles of a file, on the clock of its first picture, and what hostile files cost: nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.media import inside
from tubehome.media.ffmpeg import Tools
from tubehome.media.inside import Chapter, Inside, look_inside
from tubehome.media.plan import Policy, plan
from tubehome.media.probe import probe

Make = Callable[..., Path]
FILM = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
WORDS = """1
00:00:00,000 --> 00:00:01,000
premier <script>alert(1)</script>

2
00:00:01,500 --> 00:00:02,500
<i>deuxième</i> --> ligne
suite

3
00:00:03,000 --> 00:00:03,800
troisième
"""
CHAPTERS = """;FFMETADATA1
[CHAPTER]
TIMEBASE=1/1000
START=0
END=2000
title=Ouverture
[CHAPTER]
TIMEBASE=1/1000
START=2000
END=4000
title=Débat \u202e
"""


@pytest.fixture
def parts(tmp_path: Path) -> list[Any]:
    """ffmpeg's inputs: a film, subtitles, chapters."""
    (tmp_path / "words.srt").write_text(WORDS)
    (tmp_path / "chapters.txt").write_text(CHAPTERS)
    return [*FILM, "-i", tmp_path / "words.srt", "-i", tmp_path / "chapters.txt", "-map", "0", "-map_chapters", "2"]


def seen(path: Path, folder: Path, tools: Tools) -> tuple[Inside, list[str]]:
    found = probe(path, tools)
    assert found.inside
    made = plan(found, Policy())
    assert made.inside
    out = folder / "out"
    out.mkdir(exist_ok=True)
    told = look_inside(path, made.start, made.duration, out, tools)
    assert Inside.from_json(told.to_json()) == told
    assert sorted(path.name for path in out.iterdir()) == sorted(t.file for t in told.tracks if t.file)
    return told, [(out / track.file).read_text() for track in told.tracks if track.file]


def test_a_phone_s_mp4(make: Make, parts: list[Any], tmp_path: Path, tools: Tools) -> None:
    coded = [*parts, "-map", "1", *X264, "-c:s", "mov_text", "-metadata:s:s:0", "language=fra"]
    told, (words,) = seen(make("inside-text.mp4", *coded), tmp_path, tools)
    assert told.chapters == (Chapter(0, 2, "Ouverture"), Chapter(2, 4, "Débat"))
    assert [(t.codec, t.language, t.refusal) for t in told.tracks] == [("mov_text", "fra", "")]
    assert words.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\npremier")
    assert "<script" not in words
    assert "00:00:03.000 --> 00:00:03.800\ntroisième\n" in words


def test_an_mkv_with_two_languages_that_begins_late(make: Make, parts: list[Any], tmp_path: Path, tools: Tools) -> None:
    tags = [
        "-metadata:s:s:0",
        "language=fre",
        "-metadata:s:s:0",
        "title=Pour sourds",
        "-metadata:s:s:1",
        "language=eng",
    ]
    coded = ["-map", "1", "-map", "1", *X264, "-c:s:0", "srt", "-c:s:1", "ass", *tags]
    plain = make("inside-two.mkv", *parts, *coded, "-disposition:s:1", "forced")
    late = make("inside-late.mkv", "-i", plain, "-map", "0", "-c", "copy", "-output_ts_offset", "5000")
    for path in (plain, late):
        told, words = seen(path, tmp_path, tools)
        assert [(t.language, t.title, t.forced) for t in told.tracks] == [
            ("fre", "Pour sourds", False), ("eng", "", True)
        ]  # fmt: skip
        assert [text.count(" --> 00:00:0") for text in words] == [3, 3]
        assert all("00:00:01.500 --> 00:00:02.500\n" in text for text in words)
        assert [(c.start, c.end) for c in told.chapters] == [(0, 2), (2, 4)]


def test_what_lies_before_the_first_picture_is_left_out(
    make: Make, parts: list[Any], tmp_path: Path, tools: Tools
) -> None:
    cut = [*FILM[:2], "-itsoffset", "2", *FILM[2:], *parts[len(FILM) :], "-map", "1", *X264, "-c:s", "srt"]
    told, (words,) = seen(make("inside-cut.mkv", *cut), tmp_path, tools)
    assert "premier" not in words
    assert "00:00:00.000 --> 00:00:00.500\n<i>deuxième</i>" in words
    assert "00:00:01.000 --> 00:00:01.800\ntroisième" in words
    assert [(c.start, c.end, c.title) for c in told.chapters] == [(0, 2, "Débat")]


def test_words_that_are_pictures_are_named_and_no_more(
    make: Make, parts: list[Any], tmp_path: Path, tools: Tools
) -> None:
    drawn = make("inside-drawn.mkv", *parts, "-map", "1", *X264, "-c:s", "srt")
    # the same track under the name of a codec of pictures
    path = tmp_path / "drawn.mkv"
    path.write_bytes(drawn.read_bytes().replace(b"S_TEXT/UTF8", b"S_HDMV/PGS\0"))
    told, words = seen(path, tmp_path, tools)
    assert [track.refusal for track in told.tracks] == [inside.PICTURES]
    assert words == []


def test_ten_thousand_chapters_and_endless_titles_cost_nothing(make: Make, tmp_path: Path, tools: Tools) -> None:
    many = "".join(f"[CHAPTER]\nTIMEBASE=1/10000\nSTART={n}\nEND={n + 1}\ntitle=t{n}\n" for n in range(10_000))
    listed = tmp_path / "many.txt"
    listed.write_text(f";FFMETADATA1\n{many}")
    told, _ = seen(make("inside-many.mkv", *FILM, "-i", listed, "-map_chapters", 1, *X264), tmp_path, tools)
    assert len(told.chapters) == inside.MOST_CHAPTERS
    listed.write_text(f";FFMETADATA1\n[CHAPTER]\nTIMEBASE=1/1\nSTART=0\nEND=4\ntitle={'long ' * 1_000_000}\n")
    told, _ = seen(make("inside-long.mkv", *FILM, "-i", listed, "-map_chapters", 1, *X264), tmp_path, tools)
    assert told.chapters == ()


def test_a_broken_track_costs_only_itself(make: Make, parts: list[Any], tmp_path: Path, tools: Tools) -> None:
    two = make("inside-broken.mkv", *parts, "-map", "1", "-map", "1", *X264, "-c:s:0", "srt", "-c:s:1", "ass")
    real = inside.run

    def breaks(job: Any, tools: Tools) -> Any:
        if any(out.options["map"] == "0:s:1" for out in job.outputs):
            raise inside.Failed("ffmpeg could not work with this video.")
        return real(job, tools)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inside, "run", breaks)
        told, words = seen(two, tmp_path, tools)
    assert [track.refusal for track in told.tracks] == ["", inside.UNREADABLE]
    assert len(words) == 1
