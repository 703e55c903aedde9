"""Sound alone becomes a film: with its cover, else with its own wave; nothing of it is encoded twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubehome.base.errors import Refused
from tubehome.media import still
from tubehome.media.check import Ceilings, check
from tubehome.media.encode import remux_if_needed
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Policy, plan

Make = Callable[..., Path]
CEILINGS = Ceilings(max_bytes=100_000_000, max_seconds=24 * 3600)
SMALL = Policy(heights=(180,), preset="ultrafast")
QUARTERS = ["-f", "lavfi", "-i", "aevalsrc='if(between(t,2,4),0.8*sin(660*PI*t),0.01*sin(660*PI*t))':d=8:s=44100"]
GREEN = ["-f", "lavfi", "-i", "color=green:s=100x100:d=1"]
COVERED = [*QUARTERS, *GREEN, "-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "png"]
COVERED += ["-disposition:v", "attached_pic"]


def drawn(source: Path, folder: Path, tools: Tools, policy: Policy = SMALL) -> tuple[Path, Any]:
    found = check(source, source.name, CEILINGS, tools)
    return remux_if_needed(source, found, folder / "even", tools, policy)


def pixel(film: Path, ffmpeg: Callable[..., Any], x: int, y: int, folder: Path) -> tuple[int, ...]:
    """Red, green and blue of a place of its first picture."""
    out = folder / "pixel.rgb"
    cut = f"crop=2:2:{x}:{y},scale=1:1,format=rgb24"
    ffmpeg("-i", film, "-frames:v", 1, "-vf", cut, "-f", "rawvideo", out)
    return tuple(out.read_bytes())


def test_the_cover_is_the_picture(make: Make, tmp_path: Path, tools: Tools, ffmpeg: Callable[..., Any]) -> None:
    film, probed = drawn(make("still-covered.mp3", *COVERED), tmp_path, tools)
    assert probed.drawn == still.COVER
    assert (probed.picture.width, probed.picture.height) == (320, 180)
    red, green, blue = pixel(film, ffmpeg, 160, 90, tmp_path)
    assert abs(green - 128) < 12, "the colour of the cover"
    assert max(red, blue) < 12
    beside = pixel(film, ffmpeg, 10, 90, tmp_path)
    assert beside[1] > max(beside[0], beside[2]), "the same, darker, beside it"
    assert beside[1] < green


def test_without_a_cover_its_wave_is(make: Make, tmp_path: Path, tools: Tools, ffmpeg: Callable[..., Any]) -> None:
    film, probed = drawn(make("still-quarters.wav", *QUARTERS), tmp_path, tools)
    assert probed.drawn == still.WAVES
    out = tmp_path / "grey"
    ffmpeg("-i", film, "-frames:v", 1, "-vf", "crop=280:180:20:0,scale=280:180,format=gray", "-f", "rawvideo", out)
    rows = [out.read_bytes()[n * 280 : (n + 1) * 280] for n in range(180)]
    heights = [sum(sum(row[x] > 60 for row in rows) for x in range(q * 70, q * 70 + 70)) for q in range(4)]
    assert heights[1] > 2 * max(heights[0], heights[2], heights[3]), "loud in its second quarter"
    assert min(heights) > 0, "quiet is drawn as well"


def test_an_unreadable_cover_counts_as_none(make: Make, tmp_path: Path, tools: Tools) -> None:
    whole = make("still-broken-cover.mp3", *COVERED).read_bytes()
    at = whole.index(b"IDAT")
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(whole[:at] + bytes(40) + whole[at + 40 :])
    _, probed = drawn(broken, tmp_path, tools)
    assert probed.drawn == still.WAVES


def test_twice_the_same_bytes(make: Make, tmp_path: Path, tools: Tools) -> None:
    source = make("still-covered.mp3", *COVERED)
    (tmp_path / "again").mkdir()
    one, two = drawn(source, tmp_path, tools)[0], drawn(source, tmp_path / "again", tools)[0]
    assert one.read_bytes() == two.read_bytes()
    assert not list(tmp_path.glob("*.still"))


@pytest.mark.parametrize("heights", [(1080, 720, 360), (480,), (144,), (2160,)])
def test_its_size_is_one_that_is_wanted_and_it_is_copied(
    heights: tuple[int, ...], make: Make, tmp_path: Path, tools: Tools
) -> None:
    policy = replace(SMALL, heights=heights, max_fps=12)
    _, probed = drawn(make("still-quarters.wav", *QUARTERS), tmp_path, tools, policy)
    made = plan(probed, policy)
    side = max((h for h in heights if h <= 720), default=min(heights))
    assert [(rung.height, rung.copied) for rung in made.rungs] == [(side, True)]
    assert (made.remuxed, made.drawn) == (True, still.WAVES)
    assert float(made.rate) == pytest.approx(12, rel=0.001)  # Matroska counts milliseconds
    assert made.estimated_bytes > 2 * made.source_size


@pytest.mark.slow
def test_two_hours_encode_nothing(make: Make, tmp_path: Path, tools: Tools) -> None:
    source = make("still-two-hours.wav", "-f", "lavfi", "-i", "anullsrc=r=8000:cl=mono:d=7200", "-c:a", "pcm_u8")
    _, probed = drawn(source, tmp_path, tools)
    made = plan(probed, SMALL)
    assert made.encoded == ()
    assert made.duration == pytest.approx(7200, abs=0.2)


def test_what_only_looks_like_sound_is_refused(tmp_path: Path, tools: Tools) -> None:
    empty = tmp_path / "empty.wav"
    head = (
        b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\xbb\x00\x00\x00\x77\x01\x00\x02\x00\x10\x00"
    )
    empty.write_bytes(head + b"data\x00\x00\x00\x00")
    noise = tmp_path / "noise.mp3"
    noise.write_bytes(bytes(range(1, 250)) * 400)
    tag = tmp_path / "tag.mp3"
    tag.write_bytes(b"ID3\x04\x00\x00\x00\x00\x00\x00" + bytes(range(128, 250)) * 400)
    for path in (empty, noise, tag):
        with pytest.raises(Refused):
            check(path, path.name, CEILINGS, tools)
