"""May the picture be taken as it is? Facts from the packets, conditions, and where its segments begin.

A copied top costs seconds an hour where encoding costs hours; but players must be able to switch to it, start in the
middle and seek: so each condition here refuses what a player would stumble over. Reasons are sentences: the owner is
told them.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from tubehome.base.i18n import mark

KEYS_APART = 0.5  # seconds: enough to seek by, and a film of keyframes alone stays small
LONGEST_GAP = 10.0  # seconds without a keyframe: a seek would wait as long
LIVELY = 1.6  # times the ceiling of its rung, on average
BURST = 2.0  # times that again, in any one segment
SAMPLES = 1024  # of an AAC frame
MOST_SOUND = 200_000  # bits/s
SHORT_SOUND = 0.2  # seconds of picture that may be left without sound at the end
PROFILES = ("Constrained Baseline", "Baseline", "Main", "High")
PIXELS = ("yuv420p", "yuvj420p")


NOT_WANTED = mark("nothing is to be copied")
CHANGES_FORMAT = mark("its picture changes its format on the way")
LONG_SOUND = mark("its sound goes on after its picture")


@dataclass(frozen=True)
class Packets:
    """What the packets of a film say, in units of its time base; crowded keyframes are left out of `keys`."""

    keys: tuple[int, ...] = ()  # when keyframes are shown, rising
    before: tuple[int, ...] = ()  # pictures shown before each of them
    weight: tuple[int, ...] = ()  # bytes of film before each of them
    count: int = 0  # pictures
    end: int = 0  # when the last one ends
    size: int = 0  # bytes of film
    first: int = 0  # when the first is shown
    whole: bool = True  # each has its own time, none is marked to be thrown away
    closed: bool = True  # nothing after a keyframe is shown before it
    constant: bool = True  # what it is decoded by never changes


class Gathering:
    """Collects Packets, one packet at a time, in file order."""

    def __init__(self) -> None:
        self.times = array("q")
        self._keys: list[tuple[int, int]] = []  # time, bytes before
        self._size = 0
        self._end = 0
        self._last_key: int | None = None
        self.whole = self.closed = True

    def add(self, at: int, length: int, size: int, flags: str, certain: bool) -> None:
        """`at`: when it is shown; not `certain`: only when it is decoded is known (AVI)."""
        if not certain or "D" in flags:
            self.whole = False
        if self._last_key is not None and at < self._last_key:
            self.closed = False
        if flags.startswith("K"):
            self._keys.append((at, self._size))
            self._last_key = at
        self.times.append(at)
        self._size += size
        self._end = max(self._end, at + length) if len(self.times) > 1 else at + length

    def packets(self, base: Fraction) -> Packets:
        times = array("q", sorted(self.times))
        kept: list[tuple[int, int]] = []
        for at, weight in sorted(self._keys):
            if not kept or (at - kept[-1][0]) * base >= KEYS_APART:
                kept.append((at, weight))
        return Packets(
            keys=tuple(at for at, _ in kept),
            before=tuple(bisect_left(times, at) for at, _ in kept),
            weight=tuple(weight for _, weight in kept),
            count=len(times),
            end=self._end,
            size=self._size,
            first=times[0] if times else 0,
            whole=self.whole and all(a != b for a, b in pairwise(times)),
            closed=self.closed,
        )


@dataclass(frozen=True)
class Cut:
    """Where a segment begins: when, how many pictures before it, how many bytes of film before it."""

    at: int
    before: int
    weight: int


def cuts(packets: Packets, base: Fraction, segment_seconds: float) -> tuple[Cut, ...]:
    """The first keyframe, then each that is at least a segment's length after the last cut."""
    found: list[Cut] = []
    for at, before, weight in zip(packets.keys, packets.before, packets.weight, strict=True):
        if not found or (at - found[-1].at) * base >= segment_seconds:
            found.append(Cut(at, before, weight))
    return tuple(found)


@dataclass(frozen=True)
class Film:
    """What the decision needs of a film. `ceiling` and `rate`: of the rung that it would be."""

    codec: str
    profile: str
    pix_fmt: str
    sides: tuple[int, int]  # coded, pixels
    upright: bool  # no rotation, square pixels
    interlaced: bool
    hdr: bool
    time_base: Fraction
    p0: int
    rate: Fraction  # pictures a second, on average
    packets: Packets
    sound_leads: float  # seconds that the sound begins before the picture


def refusal(film: Film, tallest: int, max_fps: int, ceiling: int, segment_seconds: float) -> str | None:
    """Why the picture cannot be copied, as a message id; None when it can."""
    packets = film.packets
    if film.codec != "h264" or film.profile not in PROFILES or film.pix_fmt not in PIXELS:
        return mark("it is not H.264 as every browser plays it")
    if film.interlaced:
        return mark("it is interlaced")
    if not film.upright or any(side % 2 for side in film.sides):
        return mark("its picture has to be turned or straightened")
    if film.hdr:
        return mark("its colours are HDR")
    if tallest and min(film.sides) > tallest:
        return mark("it is larger than the largest size that is made")
    if film.rate > max_fps * Fraction(1005, 1000):
        return mark("it has more pictures a second than are kept")
    if film.time_base.numerator != 1 or not packets.whole or not packets.count:
        return mark("its clock is not clear enough")
    if not packets.keys or packets.keys[0] != film.p0 or packets.first != film.p0 or not packets.closed:
        return mark("a player could not start at each of its keyframes")
    if not packets.constant:
        return CHANGES_FORMAT
    if film.sound_leads > 0.1:
        return mark("its sound begins before its picture")
    return _weight(film, ceiling, segment_seconds)


def _weight(film: Film, ceiling: int, segment_seconds: float) -> str | None:
    packets, base = film.packets, film.time_base
    stops = [*packets.keys, packets.end]
    if any((b - a) * base > LONGEST_GAP for a, b in pairwise(stops)):
        return mark("its keyframes are too far apart")
    most = LIVELY * ceiling
    if 8 * packets.size > most * float((packets.end - film.p0) * base):
        return mark("it needs more of the line than its size should")
    marks = [*cuts(packets, base, segment_seconds), Cut(packets.end, packets.count, packets.size)]
    for one, two in pairwise(marks):
        seconds = float((two.at - one.at) * base)
        if 8 * (two.weight - one.weight) > BURST * most * max(seconds, segment_seconds / 2):
            return mark("it needs too much of the line at once")
    return None


@dataclass(frozen=True)
class Voice:
    """What the packets of a sound say. Times in seconds on the clock of the file."""

    codec: str = ""
    profile: str = ""
    channels: int = 0
    hertz: int = 0
    bit_rate: float = 0.0  # bits/s, measured
    first: Fraction = Fraction(0)  # when its first frame begins, one that is thrown away included
    end: float = 0.0
    even: bool = False  # each frame begins where the one before it ends
    thrown: float = -math.inf  # when the last frame that is marked to be thrown away begins
    constant: bool = True  # as Packets'


def sound_may_be_copied(voice: Voice, start: Fraction, end: float) -> bool:
    """AAC as every browser plays it, without a hole, from the first picture (`start`, seconds) to the last."""
    frame = SAMPLES / max(1, voice.hertz)
    return (
        (voice.codec, voice.profile) == ("aac", "LC")
        and voice.channels in (1, 2)
        and voice.hertz in (44_100, 48_000)
        and voice.bit_rate <= MOST_SOUND
        and voice.even
        and voice.constant
        and voice.first <= start + frame
        and voice.thrown < start
        and voice.end >= end - SHORT_SOUND
    )


def spans_of(marks: Sequence[Cut], base: Fraction, seconds: Iterable[float]) -> tuple[int, ...]:
    """The numbers of the cuts at which ranges begin: whole segments, at least so many `seconds` each."""
    starts, lengths = [0], iter(seconds)
    least = next(lengths)
    for number, cut in enumerate(marks):
        if (cut.at - marks[starts[-1]].at) * base >= least:
            starts.append(number)
            least = next(lengths)
    return tuple(starts)
