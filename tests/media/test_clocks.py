"""Files whose clock is odd: joined broadcasts, holes, cuts in the middle of a group, sizes that change."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from tubehome.base.errors import Refused
from tubehome.media.check import Ceilings, check
from tubehome.media.encode import remux_if_needed
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Policy, plan
from tubehome.media.probe import probe
from tubehome.media.ranges import encode_range
from tubehome.media.sound import make_sound

Make = Callable[..., Path]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
CEILINGS = Ceilings(max_bytes=10**9, max_seconds=36_000)


def film(size: str = "64x48", length: float = 2) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d={length}", "-f", "lavfi", "-i", f"sine=d={length}"]


def frames(made: Any) -> int:
    return sum(segment.frames for segment in made.renditions[0].segments)


@pytest.mark.slow
def test_a_joined_broadcast_whose_clock_jumps(make: Make, tmp_path: Path, tools: Tools, way: Any, inspect: Any) -> None:
    first = make("first.ts", *film(), *X264, "-c:a", "aac", "-output_ts_offset", "100")
    second = make("second.ts", *film(), *X264, "-c:a", "aac", "-output_ts_offset", "7000")
    joined = tmp_path / "joined.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    assert probe(joined, tools).timestamp_jump
    made = way(joined)
    assert abs(frames(made) - 100) <= 2
    assert made.plan.remuxed
    assert not made.probe.timestamp_jump
    inspect(made)


@pytest.mark.slow
def test_a_broadcast_that_changes_its_size(make: Make, tmp_path: Path, way: Any, inspect: Any) -> None:
    first = make("small.ts", *film("64x48"), *X264, "-c:a", "mp2")
    second = make("large.ts", *film("128x96"), *X264, "-c:a", "mp2", "-output_ts_offset", "2")
    joined = tmp_path / "resized.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    made = way(joined)
    assert abs(frames(made) - 100) <= 2
    inspect(made)


@pytest.mark.slow
def test_a_broadcast_also_works_as_it_is(make: Make, tmp_path: Path, tools: Tools) -> None:
    """Without a jump the copy is a precaution: for a caller who leaves it out, the plan of the original holds too."""
    source = make("direct.ts", *film(), *X264, "-bf", "2", "-c:a", "aac", "-output_ts_offset", "100")
    planned = plan(probe(source, tools), Policy(preset="ultrafast", segment_seconds=1))
    outs = [{planned.rungs[0].height: tmp_path / f"video-{span.number}"} for span in planned.spans]
    made = [encode_range(source, planned, *each, tools).frames for each in zip(planned.spans, outs, strict=True)]
    assert abs(sum(made) - 50) <= 1
    make_sound(source, planned, tmp_path / "sound", tools)


def test_an_even_clock_is_left_alone(clip: Path, tmp_path: Path, tools: Tools) -> None:
    probed = probe(clip, tools)
    assert remux_if_needed(clip, probed, tmp_path / "x", tools) == (clip, probed)
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_a_hole_is_bridged(make: Make, way: Any, inspect: Any) -> None:
    source = make("hole.mkv", *film(length=4), "-vf", "select='not(between(t,1,2.5))'", "-fps_mode", "vfr",
                  *X264, "-c:a", "flac")  # fmt: skip
    made = way(source)
    assert (made.plan.copied, made.plan.rate, frames(made)) == (True, 25, 62), "its pictures keep their times"
    assert made.plan.duration == pytest.approx(4, abs=0.05)
    inspect(made)
    evenly = way(source, Policy(preset="ultrafast", segment_seconds=0.5, range_seconds=1, copy=False))
    assert (evenly.plan.rate, frames(evenly)) == (25, 100)
    inspect(evenly)


@pytest.mark.slow
def test_a_cut_in_the_middle_of_a_group(make: Make, ffmpeg: Any, tmp_path: Path, way: Any, inspect: Any) -> None:
    whole = make("whole-group.mp4", *film(length=4), *X264, "-g", "250", "-bf", "2", "-c:a", "aac")
    cut = tmp_path / "cut.mp4"
    ffmpeg("-ss", "1.3", "-i", whole, "-c", "copy", cut)  # keeps what precedes, and hides it with an edit list
    made = way(cut)
    assert abs(frames(made) - 67) <= 2
    inspect(made)


def test_a_slip_of_hours_is_refused(make: Make, tools: Tools, tmp_path: Path) -> None:
    source = make("slip.mkv", *film(length=2)[:4], "-vf", "setpts='PTS+gte(N,25)*5400/TB'", "-fps_mode", "vfr", *X264)
    probed = check(source, "x", CEILINGS, tools)
    source, probed = remux_if_needed(source, probed, tmp_path / "x", tools)
    with pytest.raises(Refused, match="clock"):
        plan(probed, Policy())


def test_many_chapters_do_not_hide_the_first_picture(make: Make, ffmpeg: Any, tools: Tools, tmp_path: Path) -> None:
    lines = [";FFMETADATA1"]
    for at in range(400):
        lines += ["[CHAPTER]", "TIMEBASE=1/1000", f"START={at * 4}", f"END={at * 4 + 4}", f"title=Point {at}"]
    (tmp_path / "chapters.txt").write_text("\n".join(lines))
    marked = tmp_path / "marked.mp4"
    ffmpeg("-i", make("plain.mp4", *film(), *X264, "-c:a", "aac"), "-i", tmp_path / "chapters.txt",
           "-map", "0", "-map_metadata", "1", "-c", "copy", marked)  # fmt: skip
    assert probe(marked, tools).picture


def test_lengths_are_measured(make: Make, tools: Tools) -> None:
    live = make("no-length.mkv", *film(), *X264, "-c:a", "flac", "-f", "matroska", "-live", "1")
    found = probe(live, tools)
    assert found.duration == pytest.approx(2, abs=0.05)
    assert (found.format, found.size) == ("matroska", live.stat().st_size)
    assert found.picture
    assert (found.picture.rate, found.picture.packets) == (25, 50)


def test_what_a_probe_tells(make: Make, tools: Tools) -> None:
    source = make("told.mp4", *film("128x96"), "-vf", "setsar=4/3", *X264, "-profile:v", "baseline", "-c:a", "aac")
    found = probe(source, tools)
    picture, sound = found.picture, found.sound
    assert picture
    assert sound
    assert (picture.codec, picture.pix_fmt, picture.profile) == ("h264", "yuv420p", "Constrained Baseline")
    assert (picture.width, picture.height, picture.coded_width, picture.sar) == (171, 96, 128, Fraction(4, 3))
    assert (picture.rotation, picture.interlaced, picture.p0, picture.steady) == (0, False, 0, True)
    assert (sound.index, sound.codec, sound.profile, sound.channels, sound.sample_rate) == (0, "aac", "LC", 1, 44_100)
    assert sound.end == pytest.approx(2, abs=0.05)
    assert not found.timestamp_jump
