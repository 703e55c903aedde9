"""Of a long film the sound of the beginning is made first, alone: the same frames as those of the whole sound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tubehome.media import sound as sounds
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan, Policy, plan
from tubehome.media.probe import probe

Make = Callable[..., Path]
POLICY = Policy(
    heights=(90, 60), preset="ultrafast", segment_seconds=1, range_seconds=4, long_seconds=20, ahead_seconds=9
)
FILM = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=24"]
COPIED = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -crf 40".split()
# Words, pauses and claps: an encoder spends its bits unevenly, and changes its windows
SPEECH = (
    "aevalsrc=(0.4*sin(1300*t*(1+0.2*sin(7*t)))+0.5*(random(0)-0.5))*gt(sin(2.3*t)\\,-0.3)+0.9*lt(mod(t\\,1.7)\\,0.01)"
)
SOUNDS = {
    "stereo.mkv": (f"{SPEECH}:s=44100:d=24:c=stereo", ["-c:a", "flac"]),
    "mono.mkv": (f"{SPEECH}:s=48000:d=24", ["-c:a", "libmp3lame"]),
    "surround.mkv": (f"{SPEECH}:s=48000:d=24:c=5.1", ["-c:a", "ac3"]),
    "late.mkv": (f"{SPEECH}:s=48000:d=20,asetpts=PTS+3.3/TB", ["-c:a", "flac"]),
    "holes.mkv": (f"{SPEECH}:s=48000:d=24,aselect=not(between(mod(t\\,5)\\,2\\,2.9))", ["-c:a", "flac"]),
    "short.mkv": (f"{SPEECH}:s=48000:d=3", ["-c:a", "flac"]),
}


def planned(source: Path, tools: Tools, policy: Policy = POLICY) -> Plan:
    return Plan.from_json(plan(probe(source, tools), policy).to_json())


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("copy", [True, False])
def test_its_frames_are_those_of_the_whole(name: str, copy: bool, make: Make, tools: Tools, tmp_path: Path) -> None:
    heard, coder = SOUNDS[name]
    source = make(f"ahead-{name}", *FILM, "-f", "lavfi", "-i", heard, *COPIED, *coder)
    made = planned(source, tools, replace(POLICY, copy=copy))
    assert (made.copied, made.copy_sound) == (copy, False)
    assert 2 <= made.early < len(made.spans)
    assert 4 < made.ahead <= 9
    whole, ahead = tmp_path / "whole", tmp_path / "ahead"
    sounds.make_sound(source, made, whole, tools)
    sounds.make_sound(source, made, ahead, tools, ahead=True)
    assert sounds.index_of(ahead).stat().st_size < sounds.index_of(whole).stat().st_size / 2
    for span in made.spans[: made.early]:
        numbers = [sounds.cut(each, made, span, tmp_path / f"{each.name}-{span.number}") for each in (whole, ahead)]
        one, other = ((tmp_path / f"{each.name}-{span.number}").read_bytes() for each in (whole, ahead))
        assert numbers[0] == numbers[1]
        assert one == other, span.number
        assert one


@pytest.mark.parametrize(
    ("policy", "coder"),
    [
        (replace(POLICY, long_seconds=30), ["-c:a", "flac"]),  # it is short
        (POLICY, ["-c:a", "aac", "-b:a", "96k"]),  # its sound is copied, which takes no time
        (replace(POLICY, heights=(90,)), ["-c:a", "flac"]),  # there is nothing to encode
    ],
)
@pytest.mark.slow
def test_others_wait_for_all_of_theirs(policy: Policy, coder: list[str], make: Make, tools: Tools) -> None:
    source = make(f"whole-{coder[1]}.mkv", *FILM, "-f", "lavfi", "-i", "sine=d=24:r=48000", *COPIED, *coder)
    made = planned(source, tools, policy)
    assert made.copied
    assert (made.early, made.ahead) == (0, 0)
    assert [span.stop for span in made.spans][:1] == [4], "the copied picture is soon there: the ranges are even"


def test_it_is_never_longer_than_the_whole(make: Make, tools: Tools, tmp_path: Path) -> None:
    """The early ranges end close to the end of the film: no more is asked for than there is."""
    film = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2.2", "-f", "lavfi", "-i", "sine=d=2.2:r=48000"]
    source = make("ahead-nearly-all.mkv", *film, *COPIED, "-c:a", "flac")
    short = replace(POLICY, copy=False, segment_seconds=0.4, range_seconds=0.8, long_seconds=2, ahead_seconds=2)
    made = planned(source, tools, short)
    assert (made.duration, made.ahead) == (2.2, 1.8)
    whole, ahead = tmp_path / "whole", tmp_path / "ahead"
    sounds.make_sound(source, made, whole, tools)
    sounds.make_sound(source, made, ahead, tools, ahead=True)
    assert ahead.read_bytes() == whole.read_bytes()
