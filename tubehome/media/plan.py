"""What will be made of a film: pure arithmetic, from a probe and the owner's policy. `docs/media.md` explains it."""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from fractions import Fraction
from itertools import accumulate, chain, pairwise, repeat, takewhile
from typing import Any

from tubehome.base.errors import Refused
from tubehome.base.i18n import Seconds
from tubehome.media import copying
from tubehome.media.probe import Picture, Probe, Sound

RATES = tuple(map(Fraction, (24, 25, 30, 48, 50, 60))) + tuple(Fraction(n * 1000, 1001) for n in (24, 30, 48, 60))
HDR = ("smpte2084", "arib-std-b67")
HERTZ = 48_000  # of the sound that is encoded
SAMPLES = 1024  # of an AAC frame
RUN_UP = Fraction(-SAMPLES, HERTZ)  # the encoder's first frame lies before the first picture
LAST_NOTE = 0.2  # seconds of sound after the picture that a copied film may keep: they lie in its last segment
LEAD = 4  # pictures decoded before a range at least: one for the clock, more for what mends interlaced film
WAITING_SECONDS = 300.0  # of ranges that are encoded and not yet packaged, at the worst moment
# The first ranges, in segments: something plays soon, and goes on while the next one is encoded. Then the usual ones.
RAMP = (Fraction(1, 2), Fraction(2), Fraction(4), Fraction(8))
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
    copy: bool = True  # False: every picture is encoded
    long_seconds: float = 600.0  # from here on, encoding all of the sound takes longer than people wait
    ahead_seconds: float = 64.0  # of such a sound are made first, alone: those of the ranges that are short


@dataclass(frozen=True)
class Rung:
    """One rendition to make: `height` is its label, the shorter side; the other two the coded size in pixels."""

    height: int
    width_px: int
    height_px: int
    max_rate: int  # bits/s
    copied: bool = False  # the picture is taken as it is


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
    keys: tuple[int, ...]  # pictures of the range, from 0, that begin a segment
    start: Fraction  # seconds from the first picture of the film
    stop: Fraction | None  # where it ends; None: the end of the film


@dataclass(frozen=True)
class Plan:
    """Everything that encoding needs to know; kept in the row, so that a resumed work is the same work."""

    rate: Fraction  # pictures a second of every rendition, constant
    segment_frames: int
    frames: int  # that we expect
    duration: float  # seconds
    rungs: tuple[Rung, ...]  # largest first
    progressive: int  # the height whose rendition becomes <height>p.mp4
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
    starts: tuple[int, ...] = ()  # pictures at which the ranges of the even clock begin
    marks: tuple[tuple[int, int], ...] = ()  # where segments of a copied film begin: pts, and pictures before
    end: int = 0  # of a copied film's last picture, on its own clock
    range_marks: tuple[int, ...] = ()  # the marks at which ranges begin
    refusal: str = ""  # why the picture is not copied: a message id
    early: int = 0  # ranges whose sound is made ahead of all of it
    copy_sound: bool = False  # its frames are taken as they are
    hertz: int = HERTZ  # of the sound that we make
    sound_at: Fraction = RUN_UP  # when the first frame of the sound's file begins, from the first picture, seconds
    coder: str = "libx264"  # a name of `coders.CODERS`
    remuxed: bool = False  # it speaks of `encode.remux_if_needed`'s copy of the original: make that first
    inside: bool = False  # its file holds chapters or subtitles, on a clock that can be followed
    drawn: str = ""  # of sound alone: what its picture shows (`still`)

    def rung(self, height: int) -> Rung:
        return next(rung for rung in self.rungs if rung.height == height)

    @property
    def copied(self) -> bool:
        """Is the largest rung the source's own picture? Then every rung keeps its pictures' own times."""
        return bool(self.marks)

    @property
    def encoded(self) -> tuple[Rung, ...]:
        """The rungs that ranges are made of, largest first."""
        return tuple(rung for rung in self.rungs if not rung.copied)

    @property
    def ahead(self) -> float:
        """Seconds of sound that the early ranges need; 0 where there are none."""
        return float(self.spans[self.early].start) if self.early else 0.0

    @property
    def spans(self) -> tuple[Span, ...]:
        """The ranges, in order."""
        return tuple(self._copied_spans() if self.copied else self._even_spans())

    def _even_spans(self) -> Iterator[Span]:
        for number, (a, b) in enumerate(pairwise((*self.starts, None))):
            assert a is not None  # noqa: S101 - for the type checker: only the end is
            frames = (self.frames if b is None else b) - a
            keys = tuple(range(0, frames, self.segment_frames))
            stop = None if b is None else b / self.rate
            yield Span(number, a, b, frames, *self.seeks[number], keys, a / self.rate, stop)

    def _copied_spans(self) -> Iterator[Span]:
        for number, first in enumerate(self.range_marks):
            last = self.range_marks[number + 1] if number + 1 < len(self.range_marks) else len(self.marks)
            (at, a), ended = self.marks[first], last == len(self.marks)
            b = self.frames if ended else self.marks[last][1]
            keys = tuple(before - a for _, before in self.marks[first:last])
            stop = None if ended else (self.marks[last][0] - self.p0) * self.time_base
            start = (at - self.p0) * self.time_base
            yield Span(number, a, None if ended else b, b - a, *self.seeks[number], keys, start, stop)

    @property
    def estimated_bytes(self) -> int:
        """Room for all renditions, the progressive file and what lies beside them at the worst moment."""
        # A rendition seldom needs more than three times its source, however well that is compressed; noise that HEVC
        # made smooth does (5.6 times). Only the ceiling holds always: what is lacking then is waited for.
        voice = self.sound * self.audio_bitrate
        most = {r.height: self.source_rate if r.copied else min(r.max_rate, 3 * self.source_rate) for r in self.rungs}
        bits = {height: rate + voice for height, rate in most.items()}
        whole = (sum(bits.values()) + bits[self.progressive] + voice) * self.duration
        waiting = sum(bits.values()) * min(self.duration, WAITING_SECONDS)
        return math.ceil((whole + waiting) / 8) + self.remuxed * self.source_size + 10_000_000

    def to_json(self) -> str:
        fractions = {"rate": str(self.rate), "time_base": str(self.time_base), "sound_at": str(self.sound_at)}
        return json.dumps({**asdict(self), **fractions})

    @classmethod
    def from_json(cls, stored: str) -> Plan:
        said = json.loads(stored)
        made = {
            "rate": Fraction(said["rate"]),
            "time_base": Fraction(said.get("time_base", 0)),
            "sound_at": Fraction(said.get("sound_at", RUN_UP)),
            "starts": tuple(said.get("starts", ())),
            "rungs": tuple(Rung(**rung) for rung in said["rungs"]),
            "seeks": tuple((seek, earlier) for seek, earlier in said.get("seeks", ())),
            "marks": tuple((at, before) for at, before in said.get("marks", ())),
            "range_marks": tuple(said.get("range_marks", ())),
        }
        known = {each.name for each in fields(cls)}  # an older program may have said more
        return cls(**{name: value for name, value in {**said, **made}.items() if name in known})


def plan(probe: Probe, policy: Policy) -> Plan:
    """The plan of a probed film. Refused when its clock makes no sense, or there is no film."""
    picture, sound = probe.picture, probe.sound
    if picture is None:
        raise Refused("There is no picture in this file.")
    rate = choose_rate(picture, policy.max_fps)
    lag = sound.end - picture.end if sound else 0.0
    # Before a picture that was drawn lies only what the sound's encoder put before its beginning.
    ahead = picture.start - sound.start if sound and not probe.drawn else 0.0
    refusal = _refusal(picture, ahead, lag, policy, rate)
    hold = lag >= HOLD_FROM and refusal is not None
    end = sound.end if sound and hold else picture.end
    _refuse_broken_clock(picture, end)
    rungs = ladder(picture, policy, rate, copied=refusal is None)
    if probe.drawn:
        rungs = rungs[:1]  # a picture that stands still weighs next to nothing
    progressive = _progressive(rungs, picture, rate)
    heard = _sound(sound, policy, picture)
    encodes = sound is not None and "copy_sound" not in heard and not all(rung.copied for rung in rungs)
    slow = encodes and end - picture.start >= policy.long_seconds
    clock = _copied_clock(picture, policy, slow) if refusal is None else _even_clock(picture, policy, rate, end)
    made = Plan(
        rate=rate,
        **clock,
        time_base=picture.time_base,
        refusal=refusal or "",
        rungs=rungs,
        progressive=progressive,
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
        source_rate=round(8 * probe.size / clock["duration"]),
        remuxed=probe.remuxed,
        drawn=probe.drawn,
        inside=probe.inside,
        **heard,
    )
    return replace(made, early=_early(made, policy.ahead_seconds)) if slow else made


def _early(made: Plan, seconds: float) -> int:
    """How many ranges lie within what is made ahead of a sound."""
    return sum(span.stop is not None and span.stop <= seconds for span in made.spans)


def _refusal(picture: Picture, ahead: float, lag: float, policy: Policy, rate: Fraction) -> str | None:
    """Why the picture is encoded; None when it is copied. Seconds that the sound begins before it and outlasts it."""
    if not policy.copy:
        return copying.NOT_WANTED
    if lag > LAST_NOTE:
        return copying.LONG_SOUND
    film = copying.Film(
        codec=picture.codec,
        profile=picture.profile,
        pix_fmt=picture.pix_fmt,
        sides=(picture.coded_width, picture.coded_height),
        upright=picture.rotation == 0 and picture.sar == 1,
        interlaced=picture.interlaced,
        hdr=picture.transfer in HDR,
        time_base=picture.time_base,
        p0=picture.p0,
        rate=picture.rate,
        packets=picture.stream,
        sound_leads=ahead,
    )
    most = ceiling(min(picture.coded_width, picture.coded_height), rate)
    return copying.refusal(film, max(policy.heights, default=0), policy.max_fps, most, policy.segment_seconds)


def _even_clock(picture: Picture, policy: Policy, rate: Fraction, end: float) -> dict[str, Any]:
    frames = max(1, round((end - picture.start) * rate))
    segment_frames = max(1, round(Fraction(policy.segment_seconds) * rate))
    starts = _starts(frames, segment_frames, policy)
    # Some pictures before, for the clock and for what mends interlaced film.
    latest = [picture.p0 + math.floor((start - LEAD) / rate / picture.time_base) for start in starts[1:]]
    return {
        "segment_frames": segment_frames,
        "starts": starts,
        "frames": frames,
        "duration": float(frames / rate),
        "seeks": _seeks(picture, latest),
    }


def _starts(frames: int, segment_frames: int, policy: Policy) -> tuple[int, ...]:
    """Whole segments each but for the first. The last is never shorter: a picture more or less must not matter."""
    usual = segment_frames * max(1, round(policy.range_seconds / policy.segment_seconds))
    ramp = (min(usual, max(1, math.floor(segment_frames * share))) for share in RAMP)
    starts = accumulate(chain(ramp, repeat(usual)), initial=0)
    return tuple(takewhile(lambda start: not start or frames - start >= segment_frames, starts))


def _copied_clock(picture: Picture, policy: Policy, ramp: bool) -> dict[str, Any]:
    """The source's own: segments begin at its keyframes, and its pictures keep their times.

    No `ramp` where the copied picture is what plays first.
    """
    stream, base = picture.stream, picture.time_base
    marks = copying.cuts(stream, base, policy.segment_seconds)
    soon = [min(policy.range_seconds, float(share) * policy.segment_seconds) for share in RAMP if ramp]
    starts = copying.spans_of(marks, base, chain(soon, repeat(policy.range_seconds)))
    return {
        "segment_frames": 0,
        "frames": stream.count,
        "duration": float((stream.end - picture.p0) * base),
        "marks": tuple((mark.at, mark.before) for mark in marks),
        "end": stream.end,
        "range_marks": starts,
        "seeks": _seeks(picture, [marks[number].at - 1 for number in starts[1:]]),
    }


def _seeks(picture: Picture, latest: Sequence[int]) -> tuple[tuple[int | None, int | None], ...]:
    """Where to seek for each range but the first, which is read from the beginning: at the latest these times."""
    keys = picture.stream.keys
    found: list[tuple[int | None, int | None]] = [(None, None)]
    for before in latest:
        at = bisect_right(keys, before) - 1
        # Never to the first one: that is the beginning, and some containers cannot seek there (AVI with B-frames).
        found.append((keys[at] if at >= 1 else None, keys[at - 1] if at >= 2 else None))
    return tuple(found)


def _sound(sound: Sound | None, policy: Policy, picture: Picture) -> dict[str, Any]:
    if sound is None:
        return {"sound_index": 0, "channels": 0, "audio_bitrate": 0}
    mono = sound.channels == 1
    said = {"sound_index": sound.index, "channels": 1 if mono else 2}
    voice, start = sound.voice, picture.p0 * picture.time_base
    if copying.sound_may_be_copied(voice, start, picture.end):
        at = Fraction(round((voice.first - start) * voice.hertz), voice.hertz)
        bits = math.ceil(voice.bit_rate)
        return {**said, "audio_bitrate": bits, "copy_sound": True, "hertz": voice.hertz, "sound_at": at}
    bits = policy.audio_bitrate * 3 // 4 if mono else policy.audio_bitrate
    return {**said, "audio_bitrate": bits}


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


def ladder(picture: Picture, policy: Policy, rate: Fraction, *, copied: bool = False) -> tuple[Rung, ...]:
    """The rungs, largest first: never above the source, and at least one. A copied top keeps its own size."""
    side = min(picture.width, picture.height)
    heights: set[int] = set()
    for height in policy.heights:
        if height <= side:
            heights.add(height)
        elif side >= NEAR_MISS * height:
            heights.add(even(side))
    heights = heights or {even(side)}
    made = [_rung(picture, height, rate) for height in sorted(heights, reverse=True)]
    if copied:
        top = Rung(side, picture.coded_width, picture.coded_height, ceiling(side, rate), copied=True)
        made = [top, *(rung for rung in made if rung.height < NEAR_MISS * side)]
    return tuple(made)


def _rung(picture: Picture, height: int, rate: Fraction) -> Rung:
    long, short = max(picture.width, picture.height), min(picture.width, picture.height)
    other = min(2 * round(Fraction(long * height, short) / 2), even(long))
    short_px, long_px = even(height), max(2, other)
    upright = picture.height > picture.width
    width, tall = (short_px, long_px) if upright else (long_px, short_px)
    return Rung(height, width, tall, ceiling(height, rate))


def even(side: int) -> int:
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


def _progressive(rungs: Sequence[Rung], picture: Picture, rate: Fraction) -> int:
    """The rung that people download and feeds announce: of 720 lines at most, or a copied one that is as light."""
    top, stream = rungs[0], picture.stream
    if top.copied and 8 * stream.size <= ceiling(720, rate) * (stream.end - picture.p0) * picture.time_base:
        return top.height
    return next((rung.height for rung in rungs if rung.height <= 720), rungs[-1].height)
