"""The plan is arithmetic: a table of films, and what will be made of each."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tubehome.base.errors import Refused
from tubehome.media import sound as sounds
from tubehome.media.copying import Packets, Voice, cuts, spans_of
from tubehome.media.plan import Plan, Policy, ceiling, choose_rate, plan
from tubehome.media.probe import Picture, Probe, Sound

NTSC = Fraction(30000, 1001)


def picture(width: int = 1920, height: int = 1080, rate: Fraction | float = 25, **more: Any) -> Picture:
    rate = Fraction(rate).limit_denominator(100_000)
    fields: dict[str, Any] = {
        "codec": "h264", "profile": "High", "pix_fmt": "yuv420p", "width": width, "height": height,
        "coded_width": width, "coded_height": height, "rotation": 0, "sar": Fraction(1), "rate": rate,
        "time_base": Fraction(1, 90_000), "p0": 0, "packets": 1000, "interlaced": False, "transfer": "",
        "bit_rate": None, "end": 60.0, "usual_rate": rate,
    }  # fmt: skip
    return Picture(**{**fields, **more})


def sound(end: float = 60.0, channels: int = 2) -> Sound:
    return Sound(0, "aac", "LC", channels, 48_000, None, 0.0, end)


def probed(film: Picture | None, voice: Sound | None = None, size: int = 50_000_000) -> Probe:
    return Probe("mov", size, 60.0, film, voice, False)


def sizes(made: Plan) -> list[tuple[int, int, int]]:
    return [(rung.height, rung.width_px, rung.height_px) for rung in made.rungs]


LADDERS = [
    ((1920, 1080), [(1080, 1920, 1080), (720, 1280, 720), (480, 854, 480), (360, 640, 360)]),
    ((3840, 2160), [(1080, 1920, 1080), (720, 1280, 720), (480, 854, 480), (360, 640, 360)]),
    ((1280, 720), [(720, 1280, 720), (480, 854, 480), (360, 640, 360)]),
    ((854, 480), [(480, 854, 480), (360, 640, 360)]),
    ((640, 360), [(360, 640, 360)]),
    ((1080, 1920), [(1080, 1080, 1920), (720, 720, 1280), (480, 480, 854), (360, 360, 640)]),
    ((720, 720), [(720, 720, 720), (480, 480, 480), (360, 360, 360)]),
    ((720, 576), [(480, 600, 480), (360, 450, 360)]),
    ((1024, 576), [(480, 854, 480), (360, 640, 360)]),
    ((1920, 800), [(720, 1728, 720), (480, 1152, 480), (360, 864, 360)]),
    ((1918, 1078), [(1078, 1918, 1078), (720, 1282, 720), (480, 854, 480), (360, 640, 360)]),
    ((641, 361), [(360, 640, 360)]),
    ((321, 181), [(180, 320, 180)]),
    ((64, 48), [(48, 64, 48)]),
    ((9, 9), [(8, 8, 8)]),
    ((8000, 8), [(8, 8000, 8)]),
]

RATES = [
    (picture(rate=25), 60, 25),
    (picture(rate=Fraction(30000, 1001)), 60, NTSC),
    (picture(rate=29.976), 60, NTSC),
    (picture(rate=30), 60, 30),
    (picture(rate=Fraction(24000, 1001)), 60, Fraction(24000, 1001)),
    (picture(rate=24), 60, 24),
    (picture(rate=Fraction(19001, 317)), 60, Fraction(60000, 1001)),
    (picture(rate=50), 60, 50),
    (picture(rate=48), 60, 48),
    (picture(rate=120), 60, 60),
    (picture(rate=240), 60, 60),
    (picture(rate=90), 60, 45),
    (picture(rate=60), 30, 30),
    (picture(rate=50), 30, 25),
    (picture(rate=15), 60, 15),
    (picture(rate=27.3), 60, Fraction("27.3")),
    (picture(rate=29.1, usual_rate=Fraction(3001, 100), steady=False), 60, 30),
    (picture(rate=52.2, usual_rate=Fraction(59), steady=False), 60, Fraction(60000, 1001)),
    (picture(rate=7, usual_rate=Fraction(60), steady=False), 60, 60),
    (picture(rate=11, usual_rate=Fraction(12), steady=False), 60, 11),
    (picture(rate=35, usual_rate=Fraction(40), steady=False), 60, 30),
    (picture(rate=Fraction(1, 10), steady=False), 60, 1),
    (picture(rate=Fraction(1, 10)), 60, 1),
    (picture(rate=0, usual_rate=Fraction(0)), 60, 30),
    (picture(rate=0, usual_rate=Fraction(25)), 60, 25),
]


@pytest.mark.parametrize(("size", "rungs"), LADDERS)
def test_the_ladder(size: tuple[int, int], rungs: list[tuple[int, int, int]]) -> None:
    assert sizes(plan(probed(picture(*size)), Policy())) == rungs


@pytest.mark.parametrize(("film", "most", "rate"), RATES)
def test_the_rate(film: Picture, most: int, rate: Fraction | int) -> None:
    assert choose_rate(film, most) == rate


def test_bitrates_have_ceilings_and_half_as_much_again_above_thirty() -> None:
    assert [ceiling(h, Fraction(30)) for h in (1080, 720, 480, 360)] == [5_000_000, 2_800_000, 1_400_000, 800_000]
    assert [ceiling(h, Fraction(50)) for h in (1080, 360)] == [7_500_000, 1_200_000]
    rising = [ceiling(h, Fraction(25)) for h in range(8, 5000, 8)]
    assert rising == sorted(rising)
    assert rising[0] > 100_000


@pytest.mark.parametrize(
    ("heights", "side", "download"),
    [
        ((1080, 720, 480, 360), 1080, 720),
        ((1080, 720, 480, 360), 720, 720),
        ((1080, 720, 480, 360), 480, 480),
        ((1080,), 1080, 1080),
        ((1440, 1080), 1440, 1080),
        ((360, 720), 1080, 720),
        ((), 1080, 1080),
    ],
)
def test_the_download(heights: tuple[int, ...], side: int, download: int) -> None:
    assert plan(probed(picture(side * 16 // 9, side)), Policy(heights=heights)).progressive == download


def test_segments_are_whole_frames() -> None:
    assert plan(probed(picture(rate=NTSC)), Policy()).segment_frames == 120
    assert plan(probed(picture(rate=25)), Policy()).segment_frames == 100
    assert plan(probed(picture(rate=Fraction(1, 9))), Policy()).segment_frames == 4
    assert plan(probed(picture(rate=1)), Policy(segment_seconds=0.1)).segment_frames == 1


def test_sound_that_outlasts_the_film_holds_its_last_picture() -> None:
    assert plan(probed(picture(), sound(60.1)), Policy()).duration == 60
    held = plan(probed(picture(), sound(63.0)), Policy())
    assert (held.hold, held.frames, held.duration) == (True, 63 * 25, 63)
    short = plan(probed(picture(), sound(20.0)), Policy())
    assert (short.hold, short.duration) == (False, 60)


def test_a_film_begins_with_its_first_picture() -> None:
    made = plan(probed(picture(p0=90_000 * 10), sound()), Policy())
    assert (made.start, made.duration, made.p0) == (10, 50, 900_000)
    assert plan(probed(picture(end=0.0)), Policy()).frames == 1


def test_sound_is_mono_or_stereo() -> None:
    for channels, made in [(1, 1), (2, 2), (6, 2), (8, 2)]:
        assert plan(probed(picture(), sound(channels=channels)), Policy()).channels == made
    silent = plan(probed(picture()), Policy())
    assert (silent.sound, silent.channels) == (False, 0)


def test_colours_and_fields() -> None:
    assert plan(probed(picture(transfer="smpte2084")), Policy()).hdr
    assert plan(probed(picture(transfer="arib-std-b67")), Policy()).hdr
    assert not plan(probed(picture(transfer="bt709")), Policy()).hdr
    assert plan(probed(picture(interlaced=True)), Policy()).interlaced


def test_a_clock_that_slipped_is_refused_and_a_slide_show_is_not() -> None:
    with pytest.raises(Refused, match=r"clock of this video jumps by 1.h.30.min"):
        plan(probed(picture(end=6000.0, gap=5400.0)), Policy())
    assert plan(probed(picture(rate=Fraction(1, 600), end=6000.0, gap=600.0, packets=10)), Policy()).frames == 6000
    assert plan(probed(picture(end=6000.0, gap=55.0)), Policy()).frames == 150_000


def test_no_picture_no_plan() -> None:
    with pytest.raises(Refused, match="no picture"):
        plan(probed(None, sound()), Policy())


def test_room_on_the_disk() -> None:
    made = plan(probed(picture(), sound(), size=200_000_000), Policy())
    # 60 s at the ceilings: 10 Mbit/s of renditions, 10 of ranges not yet joined, 2.8 for the download, and sound.
    assert 170_000_000 < made.estimated_bytes < 200_000_000
    thin = plan(probed(picture(), sound(), size=3_000_000), Policy())
    assert thin.estimated_bytes < 100_000_000, "a thin source makes thin renditions"


@given(
    st.integers(8, 8192),
    st.integers(8, 8192),
    st.fractions(Fraction(1, 100), 300, max_denominator=1001),
    st.floats(0.01, 20_000),
    st.sets(st.sampled_from([240, 360, 480, 720, 1080, 1440, 2160])),
    st.booleans(),
)
def test_whatever_comes(width: int, height: int, rate: Fraction, end: float, heights: set[int], steady: bool) -> None:
    film = picture(width, height, rate, end=end, steady=steady)
    made = plan(probed(film, sound(end)), Policy(heights=tuple(heights)))
    assert Plan.from_json(made.to_json()) == made
    assert made.rungs
    assert 1 <= made.rate <= 60
    assert made.frames >= 1
    for rung in made.rungs:
        assert rung.width_px % 2 == rung.height_px % 2 == 0
        assert 2 <= rung.width_px <= width
        assert 2 <= rung.height_px <= height
    assert all(a.height > b.height and a.max_rate > b.max_rate for a, b in itertools.pairwise(made.rungs))


@pytest.mark.parametrize(("frames", "count"), [(1, 1), (44, 1), (45, 2), (104, 2), (105, 3), (164, 3), (165, 4)])
def test_the_spans_of_a_plan_cover_it_once(frames: int, count: int) -> None:
    base = Plan.from_json(_plan_of(frames))
    spans = base.spans
    assert len(spans) == count
    assert spans[0].a == 0
    assert spans[-1].b is None
    assert sum(span.frames for span in spans) == frames
    assert all(span.keys == tuple(range(0, span.frames, 30)) for span in spans)
    assert all(one.b == two.a for one, two in itertools.pairwise(spans))


def _plan_of(frames: int) -> str:
    rate = Fraction(30)
    made = plan(probed(picture(rate=30, end=float(frames / rate))), Policy(segment_seconds=1, range_seconds=2))
    assert made.frames == frames
    return made.to_json()


def test_a_copied_film_is_cut_at_the_first_keyframe_that_is_late_enough() -> None:
    """Exactly late enough counts: with a keyframe every two seconds, segments of four are of four."""
    keys = tuple(range(0, 24, 2))
    before, weight = tuple(25 * key for key in keys), tuple(1000 * key for key in keys)
    packets = Packets(keys=keys, before=before, weight=weight, count=600, end=24)
    found = cuts(packets, Fraction(1), 4)
    assert [(cut.at, cut.before, cut.weight) for cut in found] == [(at, 25 * at, 1000 * at) for at in range(0, 24, 4)]
    assert [found[number].at for number in spans_of(found, Fraction(1), itertools.repeat(8))] == [0, 8, 16]
    assert [found[number].at for number in spans_of(found, Fraction(1), iter([2, 8, 9, 9]))] == [0, 4, 12]


@pytest.mark.parametrize(
    ("policy", "rate", "starts"),
    [
        (Policy(), 25, [0, 50, 250, 650, 1450, 2950]),  # 2, 8, 16 and 32 seconds, then a minute each
        (
            Policy(range_seconds=11),
            25,
            [0, 50, 250, 550, 850],
        ),  # never longer than the usual: three segments are nearest
        (Policy(range_seconds=1), 25, [0, 50, 150, 250, 350]),  # never shorter than a segment
        (Policy(segment_seconds=1), 27, [0, 13, 67, 175, 391]),  # half of 27 pictures
        (Policy(segment_seconds=0.04, range_seconds=0.08), 25, [0, 1, 3, 5, 7]),  # a picture each: no range is empty
    ],
)
def test_where_ranges_begin(policy: Policy, rate: int, starts: list[int]) -> None:
    made = plan(probed(picture(rate=rate, end=180.0)), replace(policy, copy=False))
    assert list(made.starts[: len(starts)]) == starts
    assert [span.start for span in made.spans[: len(starts)]] == [Fraction(start, rate) for start in starts]
    assert made.starts == tuple(sorted(set(made.starts)))


def test_a_range_is_sought_some_pictures_before_and_never_at_the_beginning() -> None:
    """The nearest keyframe that is four pictures before it, and the one before that; the first is no place to seek."""
    first, tick = 900_000, 3_600
    keys = tuple(first + tick * key for key in (0, 47, 249, 640, 646, 647, 1447))
    film = picture(p0=first, end=90.0, stream=Packets(keys=keys))
    made = plan(probed(film), Policy(copy=False))
    assert made.starts == (0, 50, 250, 650, 1450)
    sought = [tuple(None if at is None else (at - first) // tick for at in seek) for seek in made.seeks]
    assert sought == [(None, None), (None, None), (47, None), (646, 640), (647, 646)]
    assert [(span.seek, span.earlier) for span in made.spans] == list(made.seeks)


def copyable(seconds: int) -> Probe:
    """It begins ten seconds after zero, with a keyframe every two; its sound is encoded."""
    keys = range(0, seconds, 2)
    stream = Packets(
        keys=tuple(90_000 * (10 + key) for key in keys),
        before=tuple(25 * key for key in keys),
        weight=tuple(100_000 * key for key in keys),
        count=25 * seconds,
        end=90_000 * (10 + seconds),
        size=100_000 * seconds,
        first=900_000,
    )
    film = picture(p0=900_000, end=10.0 + seconds, packets=25 * seconds, stream=stream)
    return probed(film, Sound(0, "flac", "", 2, 48_000, None, 10.0, 10.0 + seconds), 150_000 * seconds)


@pytest.mark.parametrize(
    ("policy", "starts"),
    [
        (Policy(), [0, 4, 12, 28, 60, 120, 180]),  # at least 2, 8, 16 and 32 seconds, in whole segments
        (Policy(range_seconds=12), [0, 4, 12, 24, 36, 48, 60]),
        (Policy(long_seconds=1000), [0, 60, 120, 180, 240]),  # its sound is soon there, and so is the copied picture
    ],
)
def test_where_ranges_below_a_copied_film_begin(policy: Policy, starts: list[int]) -> None:
    made = plan(copyable(700), policy)
    assert made.copied, made.refusal
    spans = made.spans
    assert [span.start for span in spans[: len(starts)]] == starts, "seconds from its first picture"
    assert all(one.stop == two.start and one.b == two.a for one, two in itertools.pairwise(spans))
    assert (spans[-1].b, spans[-1].stop, sum(span.frames for span in spans)) == (None, None, 17_500)
    assert (made.duration, made.end) == (700, 90_000 * 710)
    for span in spans:
        assert span.a == 25 * span.start
        assert span.keys == tuple(range(0, span.frames, 100)), "a segment begins every four seconds"
    # a keyframe before the one that begins it, and the one before that; the first is no place to seek
    before = [(int(span.start) - 2, int(span.start) - 4) for span in spans[1:]]
    sought = [tuple(None if at <= 0 else 90_000 * (10 + at) for at in each) for each in before]
    assert [(span.seek, span.earlier) for span in spans] == [(None, None), *sought]


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize(
    ("seconds", "policy", "early"),
    [
        (700, Policy(), 4),  # the short ones; the next would be a minute more
        (600, Policy(), 4),  # from here on
        (598, Policy(), 0),
        (700, Policy(ahead_seconds=12), 2),
        (700, Policy(ahead_seconds=1), 0),  # not even the first
    ],
)
def test_whose_sound_is_made_ahead(copy: bool, seconds: int, policy: Policy, early: int) -> None:
    made = plan(copyable(seconds), replace(policy, copy=copy))
    ends = [0, 4, 12, 28, 60] if copy else [0, 2, 10, 26, 58]
    assert (made.copied, made.early, made.ahead) == (copy, early, ends[early])
    # exactly as long counts
    if early:
        exact = plan(copyable(seconds), replace(policy, copy=copy, ahead_seconds=ends[early]))
        assert (exact.early, exact.ahead) == (early, ends[early])


def test_whose_sound_is_soon_there() -> None:
    """Nothing is made ahead where all of it takes no time, or nothing waits for it."""
    film = copyable(700)
    assert film.sound
    voice = Voice("aac", "LC", 2, 48_000, 128_000, Fraction(10), 710.0, even=True)
    heard = plan(replace(film, sound=replace(film.sound, voice=voice)), Policy())
    alone = plan(film, Policy(heights=(1080,)))
    silent = plan(replace(film, sound=None), Policy())
    assert [made.copy_sound for made in (heard, alone, silent)] == [True, False, False]
    for made in (heard, alone, silent):
        assert made.copied, made.refusal
        assert (made.early, made.ahead, made.spans[0].stop) == (0, 0, 60)


@pytest.mark.parametrize("count", [8500, 1000])  # enough, and of a sound that ends early
@pytest.mark.parametrize(
    ("hertz", "at"),
    [
        (48_000, -1024),  # as we encode it: the first frame ends where the film begins
        (48_000, -256),  # copied: there is a frame that begins where a range does
        (44_100, -700),
        (44_100, 1024),  # as late as a copied one may be: its first frame is frame 0
    ],
)
def test_each_range_takes_the_frames_that_begin_in_it(hertz: int, at: int, count: int, tmp_path: Path) -> None:
    """Of a sound whose frames say their number."""
    sound, part = tmp_path / "sound.aac", tmp_path / "part.aac"
    sound.write_bytes(b"".join(map(counted, range(count))))
    assert sounds.write_index(sound) == count
    begins = [Fraction(at + 1024 * number, hertz) for number in range(count)]
    film = plan(probed(picture(end=180.0)), Policy(copy=False))
    made = replace(film, sound=True, hertz=hertz, sound_at=Fraction(at, hertz))
    assert len(made.spans) == 6
    for span in made.spans:
        first = sounds.cut(sound, made, span, part)
        data = part.read_bytes()
        numbers = [int.from_bytes(data[at + 7 : at + 11], "big") for at, _ in sounds.adts_frames(data)]
        stop = span.stop or 10**9
        assert numbers == [number for number, begin in enumerate(begins) if span.start <= begin < stop]
        if numbers:
            assert (first, sounds.begins(made, first)) == (numbers[0], begins[first])


def counted(number: int) -> bytes:
    """An ADTS frame (ISO/IEC 13818-7) that holds a number, and is longer than some."""
    size = 11 + number % 5
    header = bytes((0xFF, 0xF1, 0x4C, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5 | 0x1F, 0xFC))
    return header + number.to_bytes(4, "big") + bytes(size - 11)
