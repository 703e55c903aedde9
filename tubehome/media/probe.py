"""What is in a file: streams, their clocks and lengths, measured from the packets where it matters."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import cast

from tubehome.media._guard import Options
from tubehome.media.copying import SAMPLES, Gathering, Packets, Voice
from tubehome.media.ffmpeg import TAIL, Failed, Input, Job, Output, Tools, ffprobe, run

RESETTING = ("mpegts", "mpeg")  # formats whose clock may start over; ffmpeg mends these, and no others, when copying
CHANGES = ("New Extradata", "Param Change")  # side data of a packet: what it is decoded by is not what it was
JUMP = 10.0  # seconds between two packets of a stream, from which on we speak of a jump
_FIRST = re.compile(r"n: *0 pts: *(-?\d+) ")
_BASE = re.compile(r"config in time_base: (\d+)/(\d+)")
_COVERS = {"attached_pic", "timed_thumbnails"}  # dispositions of a picture that is not the film


@dataclass(frozen=True)
class Picture:
    """The film. Sizes in pixels; `width` and `height` as shown, after rotation and pixel aspect."""

    codec: str
    profile: str
    pix_fmt: str
    width: int
    height: int
    coded_width: int
    coded_height: int
    rotation: int  # degrees clockwise: 0, 90, 180, 270
    sar: Fraction
    rate: Fraction  # pictures a second, on average; 0 when nobody can tell
    time_base: Fraction  # seconds
    p0: int  # when the first picture that can be decoded is shown, in units of `time_base`
    packets: int
    interlaced: bool
    transfer: str
    bit_rate: int | None  # bits/s
    end: float = 0.0  # seconds, on the clock of the file
    usual_rate: Fraction = Fraction(0)  # measured: of the pictures that keep about the median distance
    steady: bool = True  # nearly all of them do
    gap: float = 0.0  # seconds: the longest time without a new picture
    stream: Packets = field(default_factory=Packets)

    @property
    def start(self) -> float:
        """When the first picture is shown: seconds, on the clock of the file."""
        return float(self.p0 * self.time_base)


@dataclass(frozen=True)
class Sound:
    """The sound track that is taken. `index` counts audio streams; times in seconds on the clock of the file."""

    index: int
    codec: str
    profile: str
    channels: int
    sample_rate: int
    bit_rate: int | None = None
    start: float = 0.0
    end: float = 0.0
    voice: Voice = field(default_factory=Voice)


@dataclass(frozen=True)
class Probe:
    """A file. `duration` in seconds from the first picture on, measured; `format` is ffmpeg's short name."""

    format: str
    size: int
    duration: float
    picture: Picture | None
    sound: Sound | None
    timestamp_jump: bool
    score: int = 100  # how sure ffprobe is of the format, of 100
    streams: int = 1
    remuxed: bool = False  # this is not the original, but `encode.remux_if_needed`'s copy of it
    cover: int | None = None  # number of the stream that is a picture of the sound, as sound files have it
    inside: bool = False  # chapters or subtitles: `inside.look_inside` has something to see
    drawn: str = ""  # what the picture shows that was made for a sound alone (`still`)


class Track:
    """What the packets of one stream say, in units of its time base."""

    def __init__(self, base: Fraction, hertz: int = 0) -> None:
        """`hertz`: samples a second, of a sound."""
        self.base, self.count = base, 0
        self.frame = float(SAMPLES / (hertz * base)) if hertz and base else 0.0  # of AAC, in units of the base
        self.size = 0
        self.even, self.first = True, 0  # do the frames of a sound lie one after the other, from where on
        self.thrown = -math.inf
        self.constant = True  # all of it is decoded by what its header says
        self.film = Gathering()
        self.start, self.end = 0, 0  # of what is shown or heard
        self.jump = 0  # the largest step between two packets in file order
        self._long = math.floor(Fraction(JUMP) / base) if base else 0  # fractions, packet by packet, would cost seconds
        self.running = 0  # the length of the packets one after the other, jumps left out
        self._last: int | None = None

    @property
    def jumps(self) -> bool:
        """Does its clock leap by more than JUMP?"""
        return self.jump > self._long

    def add(self, pts: str, dts: str, duration: str, size: str, flags: str, film: bool) -> None:
        """A packet, as ffprobe prints it. Called a quarter of a million times an hour: plain comparisons, few calls."""
        self.count += 1
        certain = pts != "N/A"
        if not certain and dts == "N/A":
            return
        at = int(pts) if certain else int(dts)
        step = int(dts) if dts != "N/A" else at
        length = int(duration) if duration != "N/A" else 0
        end, last = at + length, self._last
        if last is None:
            self.start, self.end = at, end
        else:
            if at < self.start:
                self.start = at
            if end > self.end:
                self.end = end
            moved = step - last
            far = moved if moved >= 0 else -moved
            if far > self.jump:
                self.jump = far
            self.running += moved if far <= self._long else length
        self._last = step
        weight = int(size) if size.isdigit() else 0
        if film:
            self.film.add(at, length, weight, flags, certain)
            return
        self.size += weight
        if self.count == 1:
            self.first = at
        elif self.even:
            self.even = abs(at - self.first - (self.count - 1) * self.frame) <= self.frame
        if "D" in flags:
            self.thrown = float(at * self.base)


def probe(path: Path, tools: Tools) -> Probe:
    """Looks into a file. Raises Failed when it is not one that we read, or nothing in it can be decoded.

    Reads the whole file once: what a header declares may be missing or wrong, and every length here is measured.
    """
    said = _header(path, tools)
    streams = cast("list[dict[str, object]]", said.get("streams", []))
    container = cast("dict[str, object]", said.get("format", {}))
    film = next((s for s in streams if s.get("codec_type") == "video" and not _is_cover(s)), None)
    voice = _chosen_sound(streams)
    kind = str(container.get("format_name", "")).split(",")[0]
    size = path.stat().st_size
    tracks = _measure(path, [s for s in (film, voice) if s], size, tools)
    picture = _picture(path, film, tracks[_int(film, "index")], tools) if film else None
    sound = _sound(streams, voice, tracks[_int(voice, "index")]) if voice else None
    if not picture and sound:
        _hear(path, sound, tools)
    jump = any(track.jumps for track in tracks.values())
    # These jumps will be closed (encode.remux_if_needed), so they do not count.
    closed = jump and kind in RESETTING
    return Probe(
        format=kind,
        size=size,
        duration=max(float(t.running * t.base) for t in tracks.values()) if closed else _duration(picture, sound),
        picture=picture,
        sound=sound,
        timestamp_jump=kind == "mpegts" or jump,
        score=_int(container, "probe_score", 100),
        streams=len(streams),
        inside=bool(said.get("chapters")) or any(s.get("codec_type") == "subtitle" for s in streams),
        cover=next((_int(s, "index") for s in streams if s.get("codec_type") == "video" and _is_cover(s)), None),
    )


def changing(probed: Probe) -> Probe:
    """A film of which only its copy showed that it is not decoded by the same parameters throughout (`top.Changes`)."""
    if probed.picture is None:
        return probed
    return replace(probed, picture=replace(probed.picture, stream=replace(probed.picture.stream, constant=False)))


def _hear(path: Path, sound: Sound, tools: Tools) -> None:
    """Decodes the beginning of a sound. Failed when nothing comes: many bytes look like a sound that are none."""
    said: Options = {"map": f"0:a:{sound.index}", "t": 5, "ac": 1, "ar": 8000, "f": "s16le"}
    done = run(Job([Input(path)], [Output("pipe:1", said)], 60), tools)
    if not done.stdout:
        raise Failed("No sound of this file can be decoded.", cause="\n".join(done.lines[-TAIL:]))


def _duration(picture: Picture | None, sound: Sound | None) -> float:
    if picture is None:
        return sound.end - sound.start if sound else 0.0
    return max(picture.end, sound.end if sound else picture.end) - picture.start


def _header(path: Path, tools: Tools) -> dict[str, object]:
    entries = "format=format_name,probe_score:chapter=id"
    options = ["-show_format", "-show_streams", "-show_chapters", "-show_entries", entries, "-of", "json"]
    return cast("dict[str, object]", json.loads("".join(ffprobe(path, options, 60, tools))))


def _is_cover(stream: Mapping[str, object]) -> bool:
    return any(_int(cast("dict[str, object]", stream.get("disposition", {})), name) for name in _COVERS)


def _chosen_sound(streams: list[dict[str, object]]) -> dict[str, object] | None:
    """The default track, else the first, of those that can be decoded."""
    usable = [s for s in streams if s.get("codec_type") == "audio" and _int(s, "channels") and _int(s, "sample_rate")]
    usable = [s for s in usable if s.get("codec_name") not in (None, "none", "unknown")]
    return max(usable, key=lambda s: _int(cast("dict[str, object]", s["disposition"]), "default"), default=None)


def _measure(path: Path, streams: list[dict[str, object]], size: int, tools: Tools) -> dict[int, Track]:
    """One pass over all packets."""
    tracks = {_int(s, "index"): Track(_fraction(s, "time_base"), _int(s, "sample_rate")) for s in streams}
    named = {str(_int(s, "index")): (tracks[_int(s, "index")], s.get("codec_type") == "video") for s in streams}
    entries = "packet=stream_index,pts,dts,duration,size,flags:packet_side_data=side_data_type"
    found = None
    for line in ffprobe(path, ["-show_entries", entries, "-of", "csv=p=0:e=none"], size / 1_000_000, tools):
        fields = line.split(",", 6)  # side data follows the flags; more of it, and an empty end, on lines of their own
        count = len(fields)
        if count >= 6 and (found := named.get(fields[0])):
            found[0].add(fields[1], fields[2], fields[3], fields[4], fields[5], found[1])
        if count != 6 and found and fields[-1].startswith(CHANGES):
            found[0].constant = False
    return tracks


def _picture(path: Path, stream: dict[str, object], track: Track, tools: Tools) -> Picture | None:
    if not track.count:
        return None
    p0, base = first_picture(path, track.base, tools)
    width, height = _int(stream, "width"), _int(stream, "height")
    sar = _fraction(stream, "sample_aspect_ratio", Fraction(1)) or Fraction(1)
    rotation = _rotation(stream)
    shown = (max(1, round(width * sar)), height)
    usual, steady, gap = _rhythm(track)
    interlaced = stream.get("field_order") in ("tt", "bb", "tb", "bt")
    return Picture(
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        pix_fmt=str(stream.get("pix_fmt", "")),
        width=shown[rotation % 180 == 90],
        height=shown[rotation % 180 == 0],
        coded_width=width,
        coded_height=height,
        rotation=rotation,
        sar=sar,
        rate=_fraction(stream, "avg_frame_rate"),
        time_base=base,
        p0=p0,
        packets=track.count,
        interlaced=interlaced,
        transfer=str(stream.get("color_transfer", "")),
        bit_rate=_int(stream, "bit_rate") or None,
        end=float(track.end * track.base),
        # Of interlaced film each field may be a packet.
        usual_rate=_fraction(stream, "avg_frame_rate") if interlaced else usual,
        steady=steady,
        gap=gap,
        stream=replace(track.film.packets(track.base), constant=track.constant),
    )


def first_picture(path: Path, base: Fraction, tools: Tools) -> tuple[int, Fraction]:
    """When the first picture that decodes is shown, and the unit of that number. Failed when none does.

    The first packets may be cut off by an edit list or lack their keyframe: only decoding tells.
    """
    job = Job(
        [Input(path)],
        # no chapters, no words: hundreds of them would push what showinfo says out of the lines that are kept
        [
            Output(
                None,
                {
                    "map": "0:V:0",
                    "vf": "showinfo",
                    "frames:v": 1,
                    "fps_mode": "passthrough",
                    "map_chapters": -1,
                    "map_metadata": -1,
                },
            )
        ],
        seconds=60,
        quiet=False,
        copy_timestamps=True,
    )
    lines = run(job, tools).lines
    said = "\n".join(lines)
    shown, unit = _FIRST.search(said), _BASE.search(said)
    if not shown:
        raise Failed("No picture of this video can be decoded.", cause="\n".join(lines[-TAIL:]))
    return int(shown[1]), Fraction(int(unit[1]), int(unit[2])) if unit else base


def _rhythm(track: Track) -> tuple[Fraction, bool, float]:
    """The usual rate of pictures, whether nearly all keep it, and the longest wait in seconds."""
    times = sorted(track.film.times)
    steps = sorted(b - a for a, b in pairwise(times) if b > a)
    if not steps:
        return Fraction(0), True, 0.0
    middle = steps[len(steps) // 2]
    # A tenth, or one tick where the clock is coarse (AVI counts frames, old FLV milliseconds).
    near = [step for step in steps if abs(step - middle) <= max(1, middle / 10)]
    usual = len(near) / (sum(near) * track.base)
    return usual, len(near) >= 0.95 * len(steps), float(steps[-1] * track.base)


def _sound(streams: list[dict[str, object]], stream: dict[str, object], track: Track) -> Sound | None:
    if not track.count:
        return None  # announced, never delivered
    audio = [s for s in streams if s.get("codec_type") == "audio"]
    seconds = float(track.count * track.frame * track.base)
    voice = Voice(
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        channels=_int(stream, "channels"),
        hertz=_int(stream, "sample_rate"),
        bit_rate=8 * track.size / seconds if seconds else math.inf,
        first=track.first * track.base,
        end=float(track.end * track.base),
        even=track.even,
        thrown=track.thrown,
        constant=track.constant,
    )
    return Sound(
        voice=voice,
        index=audio.index(stream),
        codec=str(stream.get("codec_name", "")),
        profile=str(stream.get("profile", "")),
        channels=_int(stream, "channels"),
        sample_rate=_int(stream, "sample_rate"),
        bit_rate=_int(stream, "bit_rate") or None,
        start=float(track.start * track.base),
        end=float(track.end * track.base),
    )


def _rotation(stream: Mapping[str, object]) -> int:
    """Quarter turns, clockwise; the container counts the other way."""
    for side in cast("list[dict[str, object]]", stream.get("side_data_list", [])):
        if "rotation" in side:
            return round(-float(str(side["rotation"])) / 90) * 90 % 360
    return 0


def _int(said: Mapping[str, object] | None, key: str, default: int = 0) -> int:
    """A number that ffprobe writes sometimes as one, sometimes as text, sometimes as N/A."""
    text = str((said or {}).get(key, ""))
    return int(text) if text.lstrip("-").isdigit() else default


def _fraction(said: Mapping[str, object], key: str, default: Fraction = Fraction(0)) -> Fraction:
    found = re.fullmatch(r"(\d+)[:/](\d+)", str(said.get(key, "")))
    return Fraction(int(found[1]), int(found[2])) if found and int(found[2]) else default
