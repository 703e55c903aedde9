"""What people send, and what is planned for it: copied or why not, the sound, the sizes, the ranges.

The plans of the sources in `test_good.py` and of these are one table; the sources here also go the whole way.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tubehome.media import boxes, copying
from tubehome.media.encode import remux_if_needed
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan, Policy, plan
from tubehome.media.probe import probe

Make = Callable[..., Path]
POLICY = Policy(heights=(180, 120), preset="ultrafast", segment_seconds=0.5, range_seconds=1)
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "2"]
AAC = ["-c:a", "aac"]
NOISE = ["-f", "lavfi", "-i", "aevalsrc=0.3*random(0)|0.3*random(1):d=2:s=48000"]
COPIED, ENCODED, SILENT = "copied", "encoded", "none"
# why a picture is not copied, by a word of it
CODEC, KEYS, START, TURN, HDR = "H.264", "too far apart", "start at each", "turned", "H.264"
LONG, HEAVY, FAST, LACED, LARGE = "goes on", "more of the line", "more pictures", "interlaced", "largest size"


def film(size: str = "160x90", rate: str = "25", length: float = 2) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={length}"]


def voice(length: float = 2, hertz: int = 48_000) -> list[str]:
    return ["-f", "lavfi", "-i", f"sine=f=330:r={hertz}:d={length}"]


class World(NamedTuple):
    """How it is made; then the plan: the picture copied or why not, the sound, pictures a second, seconds."""

    arguments: list[Any]
    picture: str
    sound: str
    rate: Fraction = Fraction(25)
    seconds: float = 2.0
    heights: tuple[int, ...] = (90,)


WORLD = {
    "keys-every-20-s.mp4": World([*film(length=22), *X264, "-g", "500"], KEYS, SILENT, seconds=22),
    "open-gop.mp4": World([*film(length=4), *X264, "-bf", "3", "-g", "40", "-x264-params", "open-gop=1:bframes=3"],
                          START, SILENT, seconds=4),
    "closed-gop.mp4": World([*film(), *X264, "-bf", "2", "-g", "25"], COPIED, SILENT),
    "film-rate.mp4": World([*film(rate="24000/1001"), *voice(), *X264, *AAC], COPIED, COPIED, Fraction(24000, 1001)),
    "ntsc-60.mkv": World([*film(rate="60000/1001"), *X264, "-crf", "40"], COPIED, SILENT, Fraction(60000, 1001)),
    "huge-start.ts": World([*film(), *voice(), *X264, *AAC, "-output_ts_offset", "90000"], COPIED, COPIED),
    "negative-start.mp4": World([*film(), *voice(), *X264, "-bf", "0", *AAC, "-output_ts_offset", "-1",
                                 "-avoid_negative_ts", "disabled"], "clock", COPIED, seconds=1),
    "lapse.mp4": World([*film(rate="1", length=20), *X264, "-g", "4"], COPIED, SILENT, Fraction(1), 20),
    "hour-still.mp4": World(["-f", "lavfi", "-i", "color=s=64x48:r=1:d=3600", *X264, "-g", "5"], COPIED, SILENT,
                            Fraction(1), 3600, (48,)),
    "sound-minutes-longer.mp4": World([*film("64x48", length=1), *voice(130), *X264, *AAC], LONG, COPIED, seconds=130,
                                      heights=(48,)),
    "sound-minutes-shorter.mp4": World([*film("64x48", "5", 130), *voice(1), *X264, "-g", "10", *AAC], COPIED, ENCODED,
                                       Fraction(5), 130, (48,)),
    "late-sound.mkv": World([*film(length=4), "-f", "lavfi", "-itsoffset", "2.5", "-i", "sine=f=330:r=48000:d=1.5",
                             *X264, *AAC], COPIED, ENCODED, seconds=4),
    "early-sound.mkv": World(["-f", "lavfi", "-itsoffset", "0.5", "-i", "testsrc2=s=160x90:r=25:d=2", *voice(2.5),
                              *X264, "-c:a", "flac"], "begins before", ENCODED),
    "ten-by-eight.mkv": World([*film("10x8"), *X264], COPIED, SILENT, heights=(8,)),
    "dci.mp4": World([*film("4096x2160", length=0.2), *X264], LARGE, SILENT, seconds=0.2, heights=(180, 120)),
    "hlg.mp4": World([*film(), *X264, "-color_primaries", "bt2020", "-color_trc", "arib-std-b67", "-colorspace",
                      "bt2020nc"], "HDR", SILENT),
    "moov-first.mp4": World([*film(), *voice(), *X264, *AAC, "-movflags", "+faststart"], COPIED, COPIED),
    "timecode-track.mov": World([*film(), *voice(), *X264, *AAC, "-timecode", "01:00:00:00"], COPIED, COPIED),
    "all-colours.mp4": World([*film(), *X264[:4], "-pix_fmt", "yuv422p"], CODEC, SILENT),
    "full-range.mp4": World([*film(), *X264[:4], "-pix_fmt", "yuvj420p", "-color_range", "pc"], COPIED, SILENT),
    "heavy.mp4": World([*film(), *X264, "-qp", "0"], CODEC, SILENT),
    "lively.mp4": World([*film(), "-vf", "noise=alls=80:allf=t", *X264, "-crf", "5"], HEAVY, SILENT),
    "low-rate-sound.mp4": World([*film(), *voice(hertz=22_050), *X264, *AAC, "-ar", "22050"], COPIED, ENCODED),
    "rich-sound.mp4": World([*film(), *NOISE, *X264, *AAC, "-b:a", "320k"], COPIED, ENCODED),
    "cd-sound.mp4": World([*film(), *voice(hertz=44_100), *X264, *AAC], COPIED, COPIED),
    "mp3-sound.mp4": World([*film(), *voice(), *X264, "-c:a", "libmp3lame"], COPIED, ENCODED),
    "odd-sides.mp4": World([*film("161x91"), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"], CODEC,
                           SILENT, heights=(90,)),
    "upright-9-16.mp4": World([*film("90x160"), *X264], COPIED, SILENT, heights=(90,)),
    # sound alone: its picture is drawn, such that it is copied
    "talk.mp3": World(voice(), COPIED, ENCODED, heights=(180,)),
    "talk.m4a": World(voice(), COPIED, COPIED, heights=(180,)),
    "talk.aac": World(voice(4), COPIED, COPIED, seconds=4, heights=(180,)),
    "talk.opus": World(voice(), COPIED, ENCODED, heights=(180,)),
    "talk.ogg": World([*voice(), "-c:a", "libvorbis"], COPIED, ENCODED, heights=(180,)),
    "talk.wav": World(voice(), COPIED, ENCODED, heights=(180,)),
    "talk.flac": World([*voice(), "-af", "pan=5.1|c0=c0|c1=c0|c2=c0"], COPIED, ENCODED, heights=(180,)),
    "talk.wma": World([*voice(), "-c:a", "wmav2"], COPIED, ENCODED, heights=(180,)),
    "talk.3gp": World([*voice(hertz=8000), "-c:a", "aac"], COPIED, ENCODED, heights=(180,)),
    "talk-cover.mp3": World([*voice(), *film(), "-map", "0", "-map", "1", "-frames:v", "1", "-c:v", "mjpeg",
                             "-disposition:v", "attached_pic"], COPIED, ENCODED, heights=(180,)),
    "talk-a-word.wav": World(voice(length=0.05), COPIED, ENCODED, seconds=0.08, heights=(180,)),
    "talk-24-bit.mka": World([*voice(length=7), "-c:a", "pcm_s24le"], COPIED, ENCODED, seconds=7, heights=(180,)),
}  # fmt: skip


def planned(source: Path, tools: Tools, folder: Path) -> Plan:
    found = probe(source, tools)
    _, found = remux_if_needed(source, found, folder / "even.mp4", tools, POLICY)
    return plan(found, POLICY)


def sound_of(made: Plan) -> str:
    return (COPIED if made.copy_sound else ENCODED) if made.sound else SILENT


def agrees(made: Plan, picture: str, sound: str) -> None:
    assert (COPIED if made.copied else made.refusal) == picture or (not made.copied and picture in made.refusal)
    assert sound_of(made) == sound


@pytest.mark.slow
@pytest.mark.parametrize("name", WORLD)
def test_what_people_send(
    name: str,
    make: Make,
    way: Callable[..., Any],
    inspect: Callable[[Any], None],
    resemble: Callable[[Any], None],
) -> None:
    source = WORLD[name]
    made = way(make(f"world-{name}", *source.arguments), POLICY)
    agrees(made.plan, source.picture, source.sound)
    assert made.plan.rate == source.rate
    assert tuple(rung.height for rung in made.plan.rungs) == source.heights
    assert made.plan.duration == pytest.approx(source.seconds, abs=max(0.2, float(1 / source.rate)))
    if made.plan.frames < 2000:
        inspect(made)
        resemble(made)


# --- what it is decoded by changes on the way


def flv_tags(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(kind, milliseconds, content) of each."""
    at = 9 + 4
    while at + 11 <= len(data):
        size, low, high = int.from_bytes(data[at + 1 : at + 4], "big"), data[at + 4 : at + 7], data[at + 7 : at + 8]
        yield data[at], int.from_bytes(high + low, "big"), data[at + 11 : at + 11 + size]
        at += 11 + size + 4


def begun_again(one: Path, two: Path, out: Path) -> None:
    """As a recorder writes it whose camera was started again: the second's parameters stand between its tags."""
    made, last = bytearray(one.read_bytes()[:13]), 0

    def put(kind: int, time: int, body: bytes) -> None:
        tag = struct.pack(">I", kind << 24 | len(body)) + struct.pack(">I", time)[1:] + struct.pack(">I", time)[:1]
        made.extend(tag + bytes(3) + body + struct.pack(">I", 11 + len(body)))

    for kind, time, body in flv_tags(one.read_bytes()):
        if (kind, body[1]) != (9, 2):  # not « here it ends »
            put(kind, time, body)
            last = max(last, time)
    for kind, time, body in flv_tags(two.read_bytes()):
        if kind != 18:
            put(kind, last + 40 + time, body)
    out.write_bytes(made)


def two_descriptions(one: Path, two: Path, out: Path) -> None:
    """As an editor joins two MP4 without touching a byte of them: one track, two entries in its `stsd`."""
    first, second = one.read_bytes(), two.read_bytes()
    lies = [boxes.find(data, "mdat") for data in (first, second)]
    content = [data[box.body : box.end] for data, box in zip((first, second), lies, strict=True)]
    path = "moov/trak/mdia/minf/stbl/"
    tables = [
        {kind: data[(box := boxes.find(data, path + kind)).body : box.end] for kind in ("stsd", "stsz", "stss")}
        for data in (first, second)
    ]
    counts = [boxes.u32(each["stsz"], 8) for each in tables]
    keys = [[boxes.u32(each["stss"], at) for at in range(8, len(each["stss"]), 4)] for each in tables]
    every = [*keys[0], *(key + counts[0] for key in keys[1])]
    step = boxes.u32(first, boxes.find(first, path + "stts").body + 12)
    at = boxes.find(first, "ftyp").end + 8
    new = {
        "stsd": struct.pack(">II", 0, 2) + tables[0]["stsd"][8:] + tables[1]["stsd"][8:],
        "stts": struct.pack(">IIII", 0, 1, sum(counts), step),
        "stss": struct.pack(f">II{len(every)}I", 0, len(every), *every),
        "stsz": struct.pack(">III", 0, 0, sum(counts)) + tables[0]["stsz"][12:] + tables[1]["stsz"][12:],
        "stsc": struct.pack(">8I", 0, 2, 1, counts[0], 1, 2, counts[1], 2),
        "stco": struct.pack(">IIII", 0, 2, at, at + len(content[0])),
    }

    def built(box: boxes.Box) -> bytes:
        body = first[box.body : box.end]
        if box.kind in ("moov", "trak", "mdia", "minf", "stbl"):
            body = b"".join(map(built, boxes.boxes(first, box.body, box.end)))
        elif box.kind in ("mvhd", "tkhd", "mdhd"):
            length = {"mvhd": 16, "tkhd": 20, "mdhd": 16}[box.kind]
            body = body[:length] + struct.pack(">I", 2 * boxes.u32(body, length)) + body[length + 4 :]
        body = new.get(box.kind, body)
        return struct.pack(">I4s", 8 + len(body), box.kind.encode()) + body

    media = b"".join(content)
    ftyp = first[: at - 8]
    out.write_bytes(ftyp + struct.pack(">I4s", 8 + len(media), b"mdat") + media + built(boxes.find(first, "moov")))


def one_after_the_other(one: Path, two: Path, out: Path) -> None:
    """As a recording of two broadcasts."""
    out.write_bytes(one.read_bytes() + two.read_bytes())


def joined_without_encoding(one: Path, two: Path, out: Path) -> None:
    """As an editor writes it that keeps their bytes."""
    (listed := out.with_suffix(".txt")).write_text(f"file '{one}'\nfile '{two}'\n")
    command = ["ffmpeg", "-v", "error", "-f", "concat", "-safe", "0", "-i", listed, "-c", "copy", out]
    subprocess.run(command, check=True)


class Joined(NamedTuple):
    """Two recordings of three seconds: how they are made, and how they become one file; the sound of the plan."""

    one: list[Any]
    two: list[Any]
    join: Callable[[Path, Path, Path], None]
    sound: str


PLAIN = [*X264, "-g", "25", "-crf", "35"]
OTHER = ["-c:v", "libx264", "-preset", "medium", "-bf", "0", "-pix_fmt", "yuv420p", "-g", "25"]
LARGE_3, SMALL_3 = film("320x180", length=3), film("240x180", length=3)
FLV, BARE = [*AAC, "-flvflags", "no_duration_filesize"], ["-use_editlist", "0"]
JOINED = {
    "begun-again.flv": Joined(
        [*LARGE_3, *voice(3), *PLAIN, *FLV], [*LARGE_3, *voice(3), *OTHER, *FLV], begun_again, ENCODED
    ),
    "begun-again-smaller.flv": Joined([*LARGE_3, *PLAIN, *FLV], [*SMALL_3, *OTHER, *FLV], begun_again, SILENT),
    "other-size.ts": Joined(
        [*LARGE_3, *voice(3), *PLAIN, *AAC], [*SMALL_3, *voice(3), *PLAIN, *AAC], one_after_the_other, ENCODED
    ),
    "other-size.mkv": Joined(
        [*LARGE_3, *voice(3), *PLAIN, *AAC], [*SMALL_3, *voice(3), *PLAIN, *AAC], joined_without_encoding, COPIED
    ),
    "other-coding.ts": Joined([*LARGE_3, *PLAIN], [*LARGE_3, *OTHER], one_after_the_other, SILENT),
    "two-descriptions.mp4": Joined([*LARGE_3, *PLAIN, *BARE], [*SMALL_3, *OTHER, *BARE], two_descriptions, SILENT),
}


@pytest.mark.slow
@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("name", JOINED)
def test_what_changes_on_the_way(
    name: str,
    copy: bool,
    make: Make,
    way: Callable[..., Any],
    inspect: Callable[[Any], None],
    resemble: Callable[[Any], None],
    tmp_path: Path,
) -> None:
    """Copied, what comes after the change would be decoded by what came before it."""
    source = JOINED[name]
    both = [make(f"{part}-{name}", *arguments) for part, arguments in (("one", source.one), ("two", source.two))]
    source.join(*both, tmp_path / name)
    made = way(tmp_path / name, replace(POLICY, copy=copy))
    agrees(made.plan, copying.CHANGES_FORMAT if copy else copying.NOT_WANTED, source.sound)
    assert abs(made.plan.frames - 150) <= 1  # the sound of the first may outlast its picture
    assert made.plan.duration == pytest.approx(6, abs=0.1)
    assert tuple(rung.height for rung in made.plan.rungs) == (180, 120)
    inspect(made)
    resemble(made)
