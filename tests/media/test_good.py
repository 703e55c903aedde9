"""Ordinary sources of a phone, a camera, a screen recorder, an old archive: each goes the whole way."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tubehome.media import boxes
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Policy, plan
from tubehome.media.probe import Picture, probe
from tubehome.media.ranges import encode_range

FILM = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30000/1001:d=2"]
VOICE = ["-f", "lavfi", "-i", "sine=f=330:r=44100:d=2"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "2"]
AAC = ["-c:a", "aac"]
BOTH = [*FILM, *VOICE]
SURROUND = ["-f", "lavfi", "-i", "aevalsrc=0.1*sin(600*t)|0.1*sin(700*t)|0.1*sin(800*t)|0|0.1*sin(900*t)|0:c=5.1:d=2"]
HDR10 = ["-pix_fmt", "yuv420p10le", "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc"]
UNEVEN = "select='not(mod(n,7))+gt(mod(n,11),3)',setpts='PTS+0.004/TB*mod(N,3)'"


class Source(NamedTuple):
    """`needs`: encoders; the rest: what the plan must say."""

    arguments: list[str]
    needs: tuple[str, ...] = ()
    rate: Fraction = Fraction(30000, 1001)
    frames: int = 60
    size: tuple[int, int] = (320, 180)
    sound: bool = True
    slack: int = 0  # frames that the count may differ


def film(size: str = "320x180", rate: str = "25", length: float = 1, source: str = "testsrc2") -> list[str]:
    return ["-f", "lavfi", "-i", f"{source}=s={size}:r={rate}:d={length}"]


def one(frames: int = 25, rate: Fraction | int = 25, **more: Any) -> dict[str, Any]:
    return {"frames": frames, "rate": Fraction(rate), **more}


SOURCES = {
    "h264.mp4": Source([*BOTH, *X264, "-bf", "2", *AAC]),
    "h264.mkv": Source([*BOTH, *X264, "-g", "250", "-c:a", "libmp3lame"], ("libmp3lame",)),
    "hevc.mov": Source([*BOTH, "-c:v", "libx265", "-preset", "ultrafast", "-tag:v", "hvc1", "-x265-params",
                        "log-level=none", *AAC], ("libx265",)),
    "vp8.webm": Source([*BOTH, "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libvorbis"],
                       ("libvpx", "libvorbis")),
    "vp9.webm": Source([*BOTH, "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
                       ("libvpx-vp9", "libopus")),
    "av1.mp4": Source([*film(), *VOICE, "-t", "1", "-c:v", "libsvtav1", "-preset", "12", *AAC], ("libsvtav1",),
                      **one(slack=2)),
    "mpeg4.avi": Source([*BOTH, "-c:v", "mpeg4", "-bf", "2", "-c:a", "libmp3lame"], ("libmp3lame",), slack=2),
    "mjpeg.avi": Source([*film(), *VOICE, "-t", "1", "-c:v", "mjpeg", "-pix_fmt", "yuvj422p", "-c:a", "pcm_u8",
                         "-ar", "11025"], **one(slack=1)),
    "theora.ogv": Source([*BOTH, "-c:v", "libtheora", "-c:a", "libvorbis"], ("libtheora", "libvorbis"), slack=1),
    "h264.ts": Source([*BOTH, *X264, *AAC, "-output_ts_offset", "100"], slack=1),
    "mpeg2.ts": Source([*film(), *VOICE, "-t", "1", "-c:v", "mpeg2video", "-c:a", "mp2"], **one(slack=1)),
    "dvd.mpg": Source([*film(), *VOICE, "-t", "1", "-c:v", "mpeg2video", "-c:a", "mp2", "-f", "vob"], **one(slack=2)),
    "h264.flv": Source([*film(), *VOICE, "-t", "1", *X264, *AAC], **one(slack=1)),
    "wmv2.wmv": Source([*film(), *VOICE, "-t", "1", "-c:v", "wmv2", "-c:a", "wmav2"], **one(slack=1)),
    "fragmented.mp4": Source([*BOTH, *X264, *AAC, "-movflags", "frag_keyframe+empty_moov"], slack=1),
    "late-start.mp4": Source([*BOTH, *X264, *AAC, "-output_ts_offset", "3.7"]),
    "phone-variable.mp4": Source([*BOTH, "-vf", UNEVEN, "-fps_mode", "vfr", *X264, *AAC], frames=40),
    "screen-variable.mkv": Source([*film(rate="60", length=2), "-vf", "select='lt(n,20)+not(mod(n,30))'",
                                   "-fps_mode", "vfr", *X264], rate=Fraction(60), frames=23, sound=False),
    "odd.mkv": Source([*film("321x181", source="testsrc"), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt",
                       "yuv444p"], **one(size=(321, 181), sound=False)),
    "anamorphic.mp4": Source([*film("180x180"), "-vf", "setsar=16/9", *X264], **one(sound=False)),
    "silent.mp4": Source([*film(), *X264], **one(sound=False)),
    "surround.mkv": Source([*FILM, *SURROUND, *X264, "-c:a", "ac3"]),
    "mono.mov": Source([*FILM, *VOICE, *X264, "-c:a", "pcm_s16be", "-ar", "11025", "-ac", "1"]),
    "hdr.mp4": Source([*film(length=0.4), *X264, *HDR10, "-profile:v", "high10"], **one(10, sound=False)),
    "interlaced.mp4": Source([*film(), "-vf", "setfield=tff", "-flags", "+ildct+ilme", "-c:v", "libx264",
                              "-preset", "ultrafast", "-x264-params", "tff=1"], **one(sound=False)),
    "one-frame.mp4": Source([*film(length=0.04), *X264], **one(1, sound=False)),
    "a-fifth.mp4": Source([*film(length=0.2), *VOICE, "-t", "0.2", *X264, *AAC], **one(5)),
    "fast.mp4": Source([*film(rate="120"), *X264], **one(60, 60, sound=False)),
    "slow.mp4": Source([*film(rate="5", length=2), *X264], **one(10, 5, sound=False)),
    "alpha.webm": Source([*film(), "-vf", "format=yuva420p", "-c:v", "libvpx-vp9", "-deadline", "realtime"],
                         ("libvpx-vp9",), **one(sound=False)),
    "long-sound.mp4": Source([*film(), *VOICE, *X264, *AAC], **one(50, slack=1)),
    "short-sound.mp4": Source([*film(length=2), *VOICE, "-af", "atrim=end=0.7", *X264, *AAC], **one(50)),
    "upright.mp4": Source([*film("180x320"), *X264], **one(size=(180, 320), sound=False)),
    "tiny.mp4": Source([*film("64x48"), *X264], **one(size=(64, 48), sound=False)),
    "two-tracks.mkv": Source([*film(), *VOICE, *VOICE, "-t", "1", "-map", "0", "-map", "1", "-map", "2", *X264, *AAC,
                              "-disposition:a:0", "0", "-disposition:a:1", "default"], **one()),
}  # fmt: skip

# Whose picture, and whose sound, is taken as it is.
PICTURE_COPIED = {
    "h264.mp4", "h264.mkv", "h264.ts", "h264.flv", "fragmented.mp4", "late-start.mp4", "phone-variable.mp4",
    "screen-variable.mkv", "silent.mp4", "surround.mkv", "mono.mov", "slow.mp4", "short-sound.mp4", "upright.mp4",
    "tiny.mp4", "two-tracks.mkv",
}  # fmt: skip
SOUND_COPIED = {
    "h264.mp4", "hevc.mov", "av1.mp4", "h264.ts", "h264.flv", "fragmented.mp4", "late-start.mp4", "phone-variable.mp4",
    "a-fifth.mp4", "long-sound.mp4", "two-tracks.mkv",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", SOURCES)
def test_a_source_goes_the_whole_way(
    name: str,
    make: Callable[..., Path],
    encoders: set[str],
    way: Callable[[Path], Any],
    inspect: Callable[[Any], None],
    resemble: Callable[[Any], None],
) -> None:
    source = SOURCES[name]
    if missing := set(source.needs) - encoders:
        pytest.skip(f"this ffmpeg lacks {missing}")

    made = way(make(name, *source.arguments))

    assert (made.plan.width, made.plan.height) == source.size
    assert (made.plan.rate, made.plan.sound) == (source.rate, source.sound)
    assert made.plan.copied == (name in PICTURE_COPIED), made.plan.refusal
    assert made.plan.copy_sound == (name in SOUND_COPIED)
    total = sum(s.frames for s in made.renditions[0].segments)
    assert abs(total - source.frames) <= source.slack
    inspect(made)
    resemble(made)


@pytest.mark.slow
def test_colours_fields_and_tracks_of_what_comes_out(make: Callable[..., Path], tmp_path: Path, tools: Tools) -> None:
    """HDR comes out as ordinary BT.709, interlaced as progressive, and the default sound track is the one taken."""

    def encoded(name: str) -> Picture:
        source = make(name, *SOURCES[name].arguments)
        planned = plan(probe(source, tools), Policy(heights=(180,), preset="ultrafast"))
        assert planned.hdr == (name == "hdr.mp4")
        assert planned.interlaced == (name == "interlaced.mp4")
        encode_range(source, planned, planned.spans[0], {planned.rungs[0].height: tmp_path / name}, tools)
        made = probe(tmp_path / name, tools).picture
        assert made
        return made

    assert (encoded("hdr.mp4").transfer, encoded("hdr.mp4").pix_fmt) == ("bt709", "yuv420p")
    assert not encoded("interlaced.mp4").interlaced
    sound = probe(make("two-tracks.mkv", *SOURCES["two-tracks.mkv"].arguments), tools).sound
    assert sound
    assert sound.index == 1


@pytest.mark.slow
@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_phone_held_another_way(
    turn: int, make: Callable[..., Path], tmp_path: Path, way: Callable[[Path], Any], inspect: Callable[[Any], None]
) -> None:
    plain = make("to-turn.mp4", *film(source="testsrc"), *X264)
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(rotate(plain.read_bytes(), turn))

    made = way(turned)

    assert made.probe.picture.rotation == turn
    assert (made.plan.width, made.plan.height) == ((320, 180) if turn == 180 else (180, 320))
    inspect(made)


def rotate(data: bytes, turn: int) -> bytes:
    """The same film with the matrix of its first track set (ISO/IEC 14496-12, 8.3.2)."""
    matrix = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}[turn]
    tkhd = boxes.find(data, "moov/trak/tkhd")
    a, b, c, d = (value << 16 for value in matrix)
    packed = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    return data[: tkhd.body + 40] + packed + data[tkhd.body + 76 :]
