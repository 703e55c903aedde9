"""What will be made of a film: pure arithmetic, from a probe and the owner's policy. `docs/media.md` explains it."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from dataclasses import asdict, dataclass
from fractions import Fraction
from itertools import pairwise

from tubehome.base.errors import Refused
from tubehome.base.i18n import Seconds
from tubehome.media.probe import Picture, Probe, Sound

RATES = tuple(map(Fraction, (24, 25, 30, 48, 50, 60))) + tuple(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60))
HDR = ("smpte2084", "arib-std-b67")
LEAD = 4  # pictures decoded before a range at least: one for the clock, more for what mends interlaced film
HOLD_FROM = 0.2  # seconds that the sound outlasts the film before we hold its last picture
# Ceilings in bits/s up to 30 pictures a second, by shorter side; in between they follow the line.
CEILINGS = ((0, 100_000), (360, 800_000), (480, 1_400_000), (720, 2_800_000), (1080, 5_000_000), (1440, 9_000_000),
            (2160, 18_000_000))  # fmt: skip
NEAR_MISS = 0.95  # 1918×1078 is meant to be 1080p: its own size then takes the place of that rung


@dataclass(frozen=True)
class Policy:
    """What the owner wants."""

    heights: tuple[int, ...] = (1080, 720, 480, 360)
    max_fps: int = 60
    segment_seconds: float = 4.0
    crf: int = 23
    preset: str = "veryfast"
    audio_bitrate: int = 128_000  # bits/s, stereo
    threads: int = 1  # of an encoder: with more, two runs may differ in a few bytes
    range_seconds: float = 60.0  # what a power cut may cost


@dataclass(frozen=True)
class Rung:
    """One rendition to make: `height` is its label, the shorter side; the other two the coded size in pixels."""

    height: int
    width_px: int
    height_px: int
    max_rate: int  # bits/s


@dataclass(frozen=True)
class Span:
    """One range of pictures [a, b) of the plan's clock; `b` None: to the end. Seeks in the stream's time base.

    `seek`: a keyframe at least a few pictures before `a`; `earlier`: the one before it, tried when pictures lack.
    """

    number: int
    a: int
    b: int | None
    frames: int  # that we expect
    seek: int | None  # None: from the beginning
    earlier: int | None


@dataclass(frozen=True)
class Plan:
    """Everything that encoding needs to know; kept in the row, so that a resumed work is the same work."""

    rate: Fraction  # pictures a second of every rendition, constant
    segment_frames: int
    frames: int  # that we expect
    duration: float  # seconds
    rungs: tuple[Rung, ...]  # largest first
    progressive: int  # the height whose rendition becomes <height>p.mp4
    order: tuple[int, ...]  # heights, in the order to encode them
    sound: bool
    width: int  # of the source as shown, pixels
    height: int
    p0: int  # of Picture
    start: float  # the same moment in seconds
    hold: bool  # the last picture stays while the sound goes on
    interlaced: bool
    hdr: bool
    sound_index: int
    channels: int  # of the sound that we make
    crf: int
    preset: str
    audio_bitrate: int
    threads: int
    source_size: int  # bytes
    source_rate: int  # bits/s, of the whole file
    time_base: Fraction = Fraction(0)  # of the film's stream, seconds
    seeks: tuple[tuple[int | None, int | None], ...] = ()  # of each range
    range_frames: int = 0  # pictures a range, whole segments
    remuxed: bool = False  # it speaks of `encode.remux_if_needed`'s copy of the original: make that first

    def rung(self, height: int) -> Rung:
        return next(rung for rung in self.rungs if rung.height == height)

    @property
    def spans(self) -> tuple[Span, ...]:
        """The ranges, in order."""
        ends = [*range(self.range_frames, self.frames, self.range_frames)][: len(self.seeks) - 1]
        starts = [0, *ends]
        return tuple(
            Span(n, a, b, (self.frames if b is None else b) - a, *self.seeks[n])
            for n, (a, b) in enumerate(zip(starts, [*ends, None], strict=True))
        )

    @property
    def estimated_bytes(self) -> int:
        """Room for all renditions, the progressive file and what lies beside them at the worst moment."""
        # A rendition seldom needs more than three times its source, however well that is compressed.
        bits = {r.height: min(r.max_rate, 3 * self.source_rate) + self.sound * self.audio_bitrate for r in self.rungs}
        copies = sum(bits.values()) + bits[self.progressive] + max(bits.values()) + self.sound * self.audio_bitrate
        return math.ceil(copies * self.duration / 8) + self.remuxed * self.source_size + 10_000_000

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "rate": str(self.rate), "time_base": str(self.time_base)})

    @classmethod
    def from_json(cls, stored: str) -> Plan:
        said = json.loads(stored)
        made = {
            "rate": Fraction(said["rate"]),
            "time_base": Fraction(said.get("time_base", 0)),
            "rungs": tuple(Rung(**rung) for rung in said["rungs"]),
            "order": tuple(said["order"]),
            "seeks": tuple((seek, earlier) for seek, earlier in said.get("seeks", ())),
        }
        return cls(**{**said, **made})


def plan(probe: Probe, policy: Policy) -> Plan:
    """The plan of a probed film. Refused when its clock makes no sense, or there is no film."""
    picture, sound = probe.picture, probe.sound
    if picture is None:
        raise Refused("There is no picture in this file.")
    rate = choose_rate(picture, policy.max_fps)
    hold = sound is not None and sound.end - picture.end >= HOLD_FROM
    end = sound.end if sound and hold else picture.end
    frames = max(1, round((end - picture.start) * rate))
    _refuse_broken_clock(picture, end)
    rungs = ladder(picture, policy, rate)
    progressive = next((rung.height for rung in rungs if rung.height <= 720), rungs[-1].height)
    duration = float(frames / rate)
    segment_frames = max(1, round(Fraction(policy.segment_seconds) * rate))
    range_frames = segment_frames * max(1, round(policy.range_seconds / policy.segment_seconds))
    return Plan(
        rate=rate,
        segment_frames=segment_frames,
        range_frames=range_frames,
        time_base=picture.time_base,
        seeks=_seeks(picture, rate, frames, range_frames),
        frames=frames,
        duration=duration,
        rungs=rungs,
        progressive=progressive,
        order=_order(rungs, progressive),
        sound=sound is not None,
        width=picture.width,
        height=picture.height,
        p0=picture.p0,
        start=picture.start,
        hold=hold,
        interlaced=picture.interlaced,
        hdr=picture.transfer in HDR,
        crf=policy.crf,
        preset=policy.preset,
        threads=policy.threads,
        source_size=probe.size,
        source_rate=round(8 * probe.size / duration),
        remuxed=probe.remuxed,
        **_sound(sound, policy),
    )


def _seeks(
    picture: Picture, rate: Fraction, frames: int, range_frames: int
) -> tuple[tuple[int | None, int | None], ...]:
    """Where to seek for each range. The first is a short one's whole film, or is read from the beginning."""
    found: list[tuple[int | None, int | None]] = [(None, None)]
    for start in range(range_frames, frames, range_frames):
        before = picture.p0 + math.floor((start - LEAD) / rate / picture.time_base)
        at = bisect_right(picture.stream.keys, before) - 1
        # Never to the first one: that is the beginning, and some containers cannot seek there (AVI with B-frames).
        found.append((picture.stream.keys[at] if at >= 1 else None, picture.stream.keys[at - 1] if at >= 2 else None))
    return tuple(found)


def _sound(sound: Sound | None, policy: Policy) -> dict[str, int]:
    if sound is None:
        return {"sound_index": 0, "channels": 0, "audio_bitrate": 0}
    mono = sound.channels == 1
    bits = policy.audio_bitrate * 3 // 4 if mono else policy.audio_bitrate
    return {"sound_index": sound.index, "channels": 1 if mono else 2, "audio_bitrate": bits}


def _refuse_broken_clock(picture: Picture, end: float) -> None:
    """A muxer's slip can stretch 40 s over hours: one long wait among many pictures is a slip, not a slide show."""
    if picture.packets > 25 and picture.gap > 60 and picture.gap > (end - picture.start) / 2:
        raise Refused(
            "The clock of this video jumps by {gap}: export it again from the program it comes from.",
            gap=Seconds(picture.gap),
        )


def choose_rate(picture: Picture, max_fps: int) -> Fraction:
    """The constant rate of the renditions. A standard rate where one is near; at most `max_fps`."""
    average, usual = picture.rate or picture.usual_rate, picture.usual_rate or picture.rate
    if not usual:
        rate = Fraction(30)
    elif picture.steady:
        rate = _standard(usual, Fraction(1, 200)) or usual
    else:
        # Variable (phones, screen recorders): the average where it is a standard, else what it keeps to when something
        # moves; a slide show its own average; else 30.
        slow = average if usual < 20 else Fraction(30)
        rate = _standard(average, Fraction(1, 200)) or _standard(usual, Fraction(1, 20)) or slow
    while rate > max_fps:
        rate /= 2
    return max(rate.limit_denominator(1001), Fraction(1))


def _standard(rate: Fraction, within: Fraction) -> Fraction | None:
    """The standard rate nearest to this one, if it is that near (as a ratio)."""
    best = min(RATES, key=lambda each: abs(each - rate))
    return best if abs(best / rate - 1) <= within else None


def ladder(picture: Picture, policy: Policy, rate: Fraction) -> tuple[Rung, ...]:
    """The rungs, largest first: never above the source, and at least one."""
    side = min(picture.width, picture.height)
    heights: set[int] = set()
    for height in policy.heights:
        if height <= side:
            heights.add(height)
        elif side >= NEAR_MISS * height:
            heights.add(_even(side))
    heights = heights or {_even(side)}
    return tuple(_rung(picture, height, rate) for height in sorted(heights, reverse=True))


def _rung(picture: Picture, height: int, rate: Fraction) -> Rung:
    long, short = max(picture.width, picture.height), min(picture.width, picture.height)
    other = min(2 * round(Fraction(long * height, short) / 2), _even(long))
    short_px, long_px = _even(height), max(2, other)
    upright = picture.height > picture.width
    width, tall = (short_px, long_px) if upright else (long_px, short_px)
    return Rung(height, width, tall, ceiling(height, rate))


def _even(side: int) -> int:
    """The largest even number that is not above: 4:2:0 needs pairs of pixels."""
    return max(2, side - side % 2)


def ceiling(height: int, rate: Fraction) -> int:
    """The bitrate that a rendition never exceeds for long, in bits/s."""
    for (low, low_bits), (high, high_bits) in pairwise(CEILINGS):
        if height <= high:
            bits = low_bits + (high_bits - low_bits) * (height - low) // (high - low)
            break
    else:
        bits = CEILINGS[-1][1]
    return bits * 3 // 2 if rate > 30 else bits


def _order(rungs: tuple[Rung, ...], progressive: int) -> tuple[int, ...]:
    """The smallest first, so that something plays soon; then what the feed needs; then from the largest down."""
    heights = [rung.height for rung in rungs]
    return tuple(dict.fromkeys([heights[-1], progressive, *heights]))
