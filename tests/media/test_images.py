"""The thumbnail shows something: not black, not white, not halfway through a fade."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.media.ffmpeg import Tools
from tubehome.media.images import HIGH, WIDE, Image, Look, evenness, moments, score, thumbnails
from tubehome.media.plan import Policy, plan
from tubehome.media.probe import probe

Make = Callable[..., Path]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "25"]
FADES = "fade=t=in:st=1:d=2,fade=t=out:st=5:d=1"


def taken(source: Path, folder: Path, tools: Tools) -> tuple[Image, ...]:
    folder.mkdir(exist_ok=True)
    return thumbnails(source, plan(probe(source, tools), Policy()), folder, tools)


def brightness(path: Path, ffmpeg: Any, raw: Path) -> tuple[float, float]:
    """Mean and spread (largest less smallest) of a picture, 0 to 255."""
    ffmpeg("-i", path, "-vf", "scale=32:18,format=gray", "-f", "rawvideo", raw)
    data = raw.read_bytes()
    return sum(data) / len(data), max(data) - min(data)


@pytest.mark.slow
def test_black_fades_and_white_are_passed_over(make: Make, tmp_path: Path, tools: Tools, ffmpeg: Any) -> None:
    source = make(
        "fades.mp4", "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d=6,{FADES}", "-f", "lavfi", "-i",
        "color=white:s=320x180:r=25:d=4", "-filter_complex", "[0][1]concat", *X264,
    )  # fmt: skip
    images = taken(source, tmp_path, tools)
    mean, spread = brightness(tmp_path / images[0].file, ffmpeg, tmp_path / "raw")
    # As bright as the film in full light (its mean is about 120), so neither dark, nor halfway, nor white.
    assert 100 < mean < 150
    assert spread > 150


@pytest.mark.slow
def test_a_film_with_one_keyframe_that_is_black(make: Make, tmp_path: Path, tools: Tools, ffmpeg: Any) -> None:
    source = make("one-key.mp4", "-f", "lavfi", "-i", f"testsrc2=s=320x180:r=25:d=6,{FADES}", *X264, "-g", "999")
    images = taken(source, tmp_path, tools)
    assert brightness(tmp_path / images[0].file, ffmpeg, tmp_path / "raw")[0] > 80


@pytest.mark.slow
def test_the_last_resort_of_a_dark_film(make: Make, tmp_path: Path, tools: Tools, ffmpeg: Any) -> None:
    source = make(
        "dark.mp4", "-f", "lavfi", "-i", "color=black:s=320x180:r=25:d=5", "-vf",
        "drawbox=c=0x202020:t=fill:enable='gte(t,3)'", *X264,
    )  # fmt: skip
    images = taken(source, tmp_path, tools)
    assert brightness(tmp_path / images[0].file, ffmpeg, tmp_path / "raw")[0] > 20


def test_sizes_never_above_the_source(make: Make, tmp_path: Path, tools: Tools) -> None:
    for size, widths in [
        ("1280x720", [320, 640, 1280]),
        ("360x640", [320]),
        ("100x76", [100]),
        ("850x480", [320, 640]),
    ]:
        source = make(f"size-{size}.mp4", "-f", "lavfi", "-i", f"testsrc2=s={size}:d=0.2", *X264)
        images = taken(source, tmp_path / size, tools)
        assert [image.width for image in images] == [width for width in widths for _ in range(2)]
        for image in images:
            data = (tmp_path / size / image.file).read_bytes()
            assert len(data) == image.size
            assert data[:3] == (b"\xff\xd8\xff" if image.file.endswith(".jpg") else b"RIF")
            assert image.file.startswith(f"thumbnail-{image.width}.")
            assert b"Lav" not in data


def test_the_same_twice(clip: Path, tmp_path: Path, tools: Tools) -> None:
    first = taken(clip, tmp_path / "a", tools)
    assert taken(clip, tmp_path / "b", tools) == first
    for image in first:
        assert (tmp_path / "a" / image.file).read_bytes() == (tmp_path / "b" / image.file).read_bytes()


def test_moments_are_few_and_inside() -> None:
    assert moments(0.04) == [0.0]
    assert moments(2.5) == [0.0, 0.625, 1.875]
    assert len(moments(10_800)) == 10
    assert all(0 <= at < 10_800 for at in moments(10_800))


def pattern(light: float, shift: int = 0) -> bytes:
    """A chequered picture; `light` 0 to 1."""
    return bytes(
        round(light * (230 if ((x + shift) // 8 + y // 6) % 2 else 40)) for y in range(HIGH) for x in range(WIDE)
    )


def look(before: bytes, shown: bytes, after: bytes) -> Look:
    return Look(0, False, 1, before, shown, after)


def test_scores() -> None:
    still = score(look(pattern(1), pattern(1), pattern(1)))
    moving = score(look(pattern(1), pattern(1, 3), pattern(1, 6)))
    fading = score(look(pattern(0.2), pattern(0.5), pattern(0.8)))
    dissolve = score(look(pattern(1), bytes(round((a + b) / 2) for a, b in zip(pattern(1), pattern(1, 8), strict=True)),
                          pattern(1, 8)))  # fmt: skip
    white = score(look(*[bytes([250]) * WIDE * HIGH] * 3))
    grey = score(look(*[bytes([30]) * WIDE * HIGH] * 3))
    black = score(look(*[bytes(WIDE * HIGH)] * 3))
    assert still > 0.9
    assert moving > 0.5
    assert max(fading, dissolve) < 0.2
    assert min(moving, still) > max(fading, dissolve) > white > black
    assert grey > black


def test_evenness_tells_fades_from_motion() -> None:
    assert evenness(look(pattern(0.2), pattern(0.5), pattern(0.8))) > 0.9
    assert evenness(look(pattern(1), pattern(1), pattern(1))) == 0
    assert evenness(look(pattern(1), pattern(1, 2), pattern(1, 5))) < 0.5


def test_a_real_film(tmp_path: Path, tools: Tools, ffmpeg: Any) -> None:
    source = Path(__file__).parents[3] / "shared" / "media" / "the_last_man_on_earth.mp4"
    if not source.exists():
        pytest.skip("the clip is not in this checkout's neighbourhood")
    images = taken(source, tmp_path, tools)
    mean, spread = brightness(tmp_path / images[0].file, ffmpeg, tmp_path / "raw")
    assert 40 < mean < 215
    assert spread > 80
