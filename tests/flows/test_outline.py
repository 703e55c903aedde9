"""The steps that a plan needs: which, how many, and in what order. No film is made for it."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from tubehome.flows import steps
from tubehome.flows.outline import planned_steps
from tubehome.flows.workbench import Bench
from tubehome.library import kinds
from tubehome.library.models import Step, Video
from tubehome.media.copying import Packets
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan, Policy, plan
from tubehome.media.probe import Picture, Probe, Sound
from tubehome.site import Site

POLICY = Policy()
SIZES = ["finish 720", "finish 480", "finish 360"]


def planned(
    seconds: int, *, copied: bool = False, sound: bool = True, inside: bool = True, policy: Policy = POLICY
) -> Plan:
    """720p with a keyframe every two seconds, and sound that is encoded."""
    keys = range(0, seconds, 2)
    stream = Packets(
        keys=tuple(keys), before=tuple(25 * key for key in keys), weight=tuple(1000 * key for key in keys),
        count=25 * seconds, end=seconds, size=1000 * seconds,
    )  # fmt: skip
    film = Picture(
        codec="h264", profile="High", pix_fmt="yuv420p", width=1280, height=720, coded_width=1280, coded_height=720,
        rotation=0, sar=Fraction(1), rate=Fraction(25), time_base=Fraction(1), p0=0, packets=25 * seconds,
        interlaced=False, transfer="", bit_rate=None, end=seconds, usual_rate=Fraction(25), stream=stream,
    )  # fmt: skip
    voice = Sound(0, "flac", "", 2, 48_000, None, 0.0, seconds) if sound else None
    found = Probe("matroska", 2000 * seconds, seconds, film, voice, False, inside=inside)
    made = plan(found, replace(policy, copy=copied))
    assert made.copied == copied, made.refusal
    return made


def order(made: Plan) -> list[str]:
    """The steps in order: a range and its append as `0 0+`, of others the kind, and whose size it makes."""
    said = {kinds.RANGE: "{number}", kinds.APPEND: "{number}+", kinds.FINISH: "finish {height}"}
    return [said.get(step["kind"], step["kind"]).format(**step) for step in planned_steps(made)]


def ranges(first: int, stop: int) -> list[str]:
    return [each for number in range(first, stop) for each in (f"{number}", f"{number}+")]


def test_a_long_film_that_is_encoded() -> None:
    """The ranges whose sound is made ahead, with pictures to show as soon as there is something to show them for."""
    made = planned(700)
    assert (made.early, len(made.spans)) == (4, 15)
    assert order(made) == [
        "ahead", "0", "0+", "images", *ranges(1, 4), "sound", "inside", *ranges(4, 15), *SIZES, "progressive",
        "storyboard",
    ]  # fmt: skip


def test_a_long_film_that_is_copied() -> None:
    made = planned(700, copied=True)
    assert (made.early, len(made.spans), made.progressive) == (4, 15, 720)
    assert order(made) == [
        "ahead", *ranges(0, 4), "sound", "top", "images", "inside", "progressive", *ranges(4, 15), *SIZES[1:],
        "storyboard",
    ]  # fmt: skip


@pytest.mark.parametrize("sound", [True, False])
def test_short_films(sound: bool) -> None:
    """What is inside the file waits for some ranges, and in a film of few for all but the last."""
    first = ["sound"] if sound else []
    end = [*SIZES, "progressive", "storyboard"]
    assert order(planned(20, sound=sound)) == [*first, "0", "0+", "images", "1", "1+", "inside", "2", "2+", *end]
    assert order(planned(3, sound=sound)) == [*first, "inside", "0", "0+", "images", *end]
    assert order(planned(20, sound=sound, inside=False)) == [*first, "0", "0+", "images", *ranges(1, 3), *end]
    copied = planned(20, sound=sound, copied=True)
    assert order(copied) == [*first, "top", "images", "inside", "progressive", "0", "0+", *SIZES[1:], "storyboard"]
    other = replace(copied, progressive=480)
    assert order(other) == [*first, "top", "images", "inside", "0", "0+", *SIZES[1:], "progressive", "storyboard"]


def test_a_film_of_which_nothing_is_encoded() -> None:
    made = planned(700, copied=True, policy=replace(POLICY, heights=(720,)))
    assert order(made) == ["sound", "top", "images", "inside", "progressive", "storyboard"]


def test_positions_go_on_from_the_first() -> None:
    made = planned(20)
    for keep in (True, False):
        rows = list(planned_steps(made, 7, keep=keep))
        assert [row["position"] for row in rows] == list(range(7, 7 + len(rows)))
        assert (rows[-1]["kind"] == kinds.RELEASE) is not keep


def test_a_step_weighs_what_it_is_long() -> None:
    made = planned(700)
    assert made.ahead == 58
    weights = {row["kind"]: row["weight"] for row in planned_steps(made)}
    assert weights[kinds.AHEAD] / weights[kinds.SOUND] == pytest.approx(58 / 700)
    copied = {row["kind"]: row["weight"] for row in planned_steps(replace(made, copy_sound=True, early=0))}
    assert copied[kinds.SOUND] < weights[kinds.SOUND] / 10, "its frames are taken as they are"
    pixels = [sum(rung.width_px * rung.height_px for rung in made.rungs[top:]) for top in (0, 1)]
    part = [planned_steps(planned(700, copied=copied)) for copied in (False, True)]
    minute = [next(row["weight"] for row in rows if (row["kind"], row["number"]) == (kinds.RANGE, 5)) for rows in part]
    assert minute == pytest.approx([1500 * each / 60e6 + 6 for each in pixels]), "of the sizes that are encoded"
    assert [steps.seconds(made, Step(kind=kind, number=1)) for kind in (kinds.AHEAD, kinds.SOUND, kinds.RANGE)] == [
        58, 700, 8
    ]  # fmt: skip


def test_which_sound_a_step_takes(site: Site) -> None:
    """The one made ahead: its own step, and the appends of the early ranges. All others that of the whole film."""
    made = planned(700)

    def taken(plan: Plan) -> list[str]:
        rows = [Step(kind=row["kind"], number=row["number"]) for row in planned_steps(plan)]
        benches = [Bench(site, Video(uuid="x"), row, plan, Tools(), Path("x")) for row in rows]
        return [
            f"{bench.step.kind} {bench.step.number}"
            for bench in benches
            if bench.sound and bench.sound.name == "ahead.aac"
        ]

    assert taken(made) == ["ahead 0", "append 0", "append 1", "append 2", "append 3"]
    assert taken(replace(made, early=1)) == ["ahead 0", "append 0"]
    assert taken(planned(20)) == []
    silent = Bench(site, Video(uuid="x"), Step(kind=kinds.APPEND), planned(20, sound=False), Tools(), Path("x"))
    assert silent.sound is None
