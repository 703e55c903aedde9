"""Ranges: joined they are the film in one piece, picture by picture; a rendition grows and never changes behind."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubehome.base.errors import ToolFailed
from tubehome.media import growing, ranges
from tubehome.media import sound as sounds
from tubehome.media.encode import remux_if_needed
from tubehome.media.ffmpeg import Tools
from tubehome.media.growing import Piece
from tubehome.media.plan import Plan, Policy, Span, plan
from tubehome.media.probe import probe
from tubehome.media.sound import adts_frames, make_sound

Make = Callable[..., Path]
Ffmpeg = Callable[..., object]
SHORT = Policy(heights=(180, 120), preset="ultrafast", segment_seconds=0.5, range_seconds=2, copy=False)
COPIED = replace(SHORT, copy=True)
PLAIN = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def film(rate: str, *more: str, seconds: int = 7) -> list[str]:
    return ["-f", "lavfi", "-i", f"testsrc2=s=320x180:r={rate}:d={seconds}", *more]


# name, how it is made: what bites is in the name
FILMS = {
    "ntsc-film.mp4": film("24000/1001", *PLAIN, "-bf", "2", "-g", "100"),
    "pal.mkv": film("25", *PLAIN, "-bf", "2", "-g", "60"),
    "ntsc.mp4": film("30000/1001", *PLAIN, "-bf", "2", "-g", "250"),
    "fifty.ts": film("50", *PLAIN, "-bf", "2", "-g", "100", "-output_ts_offset", "7000"),
    "ntsc-60.mp4": film("60000/1001", *PLAIN, "-g", "600"),
    "late.mp4": film("25", *PLAIN, "-g", "50", "-output_ts_offset", "3.7"),
    "open-gop.mp4": film("25", *PLAIN, "-bf", "3", "-g", "40", "-x264-params", "open-gop=1"),
    "phone.mp4": film("60", "-vf", r"select=not(mod(n\,7))+lt(mod(n\,11)\,4)", "-fps_mode", "vfr", *PLAIN, "-bf", "2"),
    "phone.mkv": film("60", "-vf", r"select=not(mod(n\,7))+lt(mod(n\,11)\,4)", "-fps_mode", "vfr", *PLAIN, "-bf", "2"),
    "old.avi": film("25", "-c:v", "mpeg4", "-bf", "2", "-g", "60"),
    "disc.mpg": film("25", "-c:v", "mpeg2video", "-bf", "2", "-g", "30"),
    "web.webm": film("25", "-c:v", "libvpx", "-deadline", "realtime", "-g", "60"),
    "fragmented.mp4": film("25", *PLAIN, "-g", "50", "-movflags", "+frag_keyframe+empty_moov"),
}


def planned(source: Path, tools: Tools, folder: Path, policy: Policy = SHORT) -> tuple[Path, Plan]:
    found = probe(source, tools)
    source, found = remux_if_needed(source, found, folder / "even.mp4", tools)
    return source, Plan.from_json(plan(found, policy).to_json())


def shown(ffmpeg: Callable[..., object], *arguments: object) -> list[str]:
    """The digest of each picture that comes out of ffmpeg's arguments."""
    lines = str(ffmpeg(*arguments, "-fps_mode", "passthrough", "-f", "framemd5", "-").stdout).splitlines()  # type: ignore[attr-defined]
    return [line.split(",")[-1].strip() for line in lines if not line.startswith("#")]


def decoded(ffmpeg: Ffmpeg, source: Path, made: Plan, span: Span, after: str = "null") -> list[str]:
    """The pictures of a range as the encoder gets them."""
    options = {**ranges.ONE_GRAPH, **ranges._seek(made, span.seek)}
    seek = [part for key, value in options.items() for part in (f"-{key}", value) if part is not None]
    return shown(ffmpeg, "-copyts", *seek, "-i", source, "-map", "0:V:0", "-vf", f"{ranges.cut(made, span)},{after}")


@pytest.mark.slow
@pytest.mark.parametrize("name", FILMS)
def test_ranges_joined_are_the_film_in_one_piece(
    name: str, make: Make, ffmpeg: Ffmpeg, tools: Tools, tmp_path: Path
) -> None:
    source, made = planned(make(f"ranges-{name}", *FILMS[name]), tools, tmp_path)
    assert len(made.spans) >= 3
    whole = decoded(ffmpeg, source, made, replace(made.spans[0], b=None, stop=None, frames=made.frames))
    joined = [picture for span in made.spans for picture in decoded(ffmpeg, source, made, span)]
    assert joined == whole
    assert abs(len(whole) - made.frames) <= 1


LACED = ["-flags", "+ildct+ilme"]
CHANGING = {
    "plain": [*PLAIN, "-bf", "2", "-g", "60"],
    "broadcast": ["-c:v", "mpeg2video", "-b:v", "400k"],
    "laced": [*PLAIN, *LACED, "-x264-params", "tff=1", "-g", "60"],
    "laced-broadcast": ["-c:v", "mpeg2video", "-b:v", "400k", *LACED, "-top", "1"],
}


@pytest.mark.slow
@pytest.mark.parametrize("first", [30, 40])  # pictures: a whole number of ranges, and the middle of one
@pytest.mark.parametrize("name", CHANGING)
def test_where_the_picture_changes_its_size_none_is_lost(
    name: str, first: int, make: Make, ffmpeg: Ffmpeg, tools: Tools, tmp_path: Path
) -> None:
    """As a recording of two broadcasts; ffmpeg begins a second graph there, unless it is told not to."""
    parts = [
        make(f"changing-{name}-{size}-{count}.ts", "-f", "lavfi", "-i", f"testsrc2=s={size}:r=25", "-frames:v", count,
             *CHANGING[name])
        for size, count in (("320x180", first), ("240x180", 60))
    ]  # fmt: skip
    both = tmp_path / "both.ts"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    source, made = planned(both, tools, tmp_path)
    assert made.interlaced == name.startswith("laced")
    assert (30 in made.starts, 40 in made.starts) == (True, False)
    pictures = []
    for span in made.spans:
        outs = {rung.height: tmp_path / f"{rung.height}.mp4" for rung in made.rungs}
        last = span.b is None
        assert abs(ranges.encode_range(source, made, span, outs, tools).frames - span.frames) <= last
        pictures += decoded(ffmpeg, source, made, span, "scale=96:54")
    assert abs(len(pictures) - made.frames) <= 1
    # a decoder of MPEG-2 may keep the last picture before the change to itself
    assert len(set(pictures)) >= len(pictures) - 1


COPYABLE = ("ntsc-film.mp4", "pal.mkv", "ntsc-60.mp4", "phone.mp4", "phone.mkv", "fragmented.mp4")


@pytest.mark.slow
@pytest.mark.parametrize("name", COPYABLE)
def test_below_a_copied_top_ranges_joined_are_its_pictures_at_their_times(
    name: str, make: Make, ffmpeg: Ffmpeg, tools: Tools, tmp_path: Path, all_pieces: Callable[..., Any]
) -> None:
    """Keyframes as often as a segment is long, so that there are several ranges."""
    more = [*FILMS[name], "-crf", "35", "-force_key_frames", "expr:gte(t,n_forced*0.5)"]
    source, made = planned(make(f"often-{name}", *more), tools, tmp_path, COPIED)
    assert made.copied, made.refusal
    assert len(made.spans) >= 3
    pieces = all_pieces(source, None, made, tmp_path, tools)
    top, low = (next(tmp_path.glob(f"*-{rung.height}-fragmented.mp4")) for rung in made.rungs)
    assert times(ffmpeg, top) == times(ffmpeg, low)
    assert [segment.ticks for piece in pieces[180] for segment in piece.segments] == [
        segment.ticks for piece in pieces[120] for segment in piece.segments
    ]
    packets = ["-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "streamhash", "-"]
    assert ffmpeg("-i", top, *packets).stdout == ffmpeg("-i", source, *packets).stdout, "bit by bit"  # type: ignore[attr-defined]


def times(ffmpeg: Ffmpeg, path: Path) -> list[float]:
    """When each picture is shown, in milliseconds."""
    said = ffmpeg("-i", path, "-map", "0:v", "-fps_mode", "passthrough", "-vf", "showinfo", "-f", "null", "-loglevel",
                  "info", "-").stderr  # type: ignore[attr-defined]  # fmt: skip
    return [round(1000 * float(at)) for at in re.findall(r"pts_time:([\d.]+)", said)]


@pytest.fixture
def grown(make: Make, tools: Tools, tmp_path: Path) -> tuple[Path, Plan, dict[tuple[int, int], Path]]:
    """A film with sound, planned; the files of its ranges by (height, number)."""
    voice = ["-f", "lavfi", "-i", "sine=f=330:r=44100:d=7"]
    source = make("grown.mp4", *film("30000/1001"), *voice, *PLAIN, "-g", "90", "-c:a", "aac")
    source, made = planned(source, tools, tmp_path)
    files = {}
    for span in made.spans:
        outs = {rung.height: tmp_path / f"range-{rung.height}-{span.number}.mp4" for rung in made.rungs}
        ranges.encode_range(source, made, span, outs, tools)
        files |= {(height, span.number): path for height, path in outs.items()}
    make_sound(source, made, tmp_path / "sound.aac", tools)
    return tmp_path, made, files


def grow(folder: Path, made: Plan, files: dict[tuple[int, int], Path], target: Path, tools: Tools) -> list[Piece]:
    pieces: list[Piece] = []
    for span in made.spans:
        video = files[made.rungs[0].height, span.number]
        pieces.append(growing.append(video, folder / "sound.aac", made, span, pieces, target, folder, tools))
    return pieces


@pytest.mark.slow
def test_a_rendition_grows_and_never_changes_behind(
    grown: tuple[Path, Plan, dict[tuple[int, int], Path]], tools: Tools, ffmpeg: Ffmpeg
) -> None:
    folder, made, files = grown
    target, pieces, before = folder / "film-fragmented.mp4", [], b""
    for span in made.spans:
        video = files[made.rungs[0].height, span.number]
        pieces.append(growing.append(video, folder / "sound.aac", made, span, pieces, target, folder, tools))
        now = target.read_bytes()
        assert now.startswith(before)
        assert len(now) == pieces[-1].size
        before = now
    segments = [segment for piece in pieces for segment in piece.segments]
    at = pieces[0].init_size
    for number, segment in enumerate(segments, 1):
        assert segment.offset == at
        assert before[at + 12 : at + 24] == b"mfhd" + bytes(4) + number.to_bytes(4, "big"), "numbered without a gap"
        at += segment.size
        assert hashlib.sha256(before[segment.offset : at]).hexdigest() == segment.sha256
    assert at == len(before)
    pictures = [p for span in made.spans for p in shown(ffmpeg, "-i", files[made.rungs[0].height, span.number])]
    assert shown(ffmpeg, "-i", target, "-map", "0:v") == pictures


@pytest.mark.slow
def test_sound_has_no_seam(grown: tuple[Path, Plan, dict[tuple[int, int], Path]], tools: Tools, ffmpeg: Ffmpeg) -> None:
    folder, made, files = grown
    target = folder / "film-fragmented.mp4"
    grow(folder, made, files, target, tools)
    copied = ["-c:a", "copy", "-f", "framemd5", "-"]
    lines = str(ffmpeg("-i", target, "-map", "0:a", *copied).stdout).splitlines()  # type: ignore[attr-defined]
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    encoded = (folder / "sound.aac").read_bytes()
    run_up = next(adts_frames(encoded))[1]
    (folder / "whole.aac").write_bytes(encoded[run_up:])
    lines = str(ffmpeg("-f", "aac", "-i", folder / "whole.aac", *copied, "-bsf:a", "aac_adtstoasc").stdout).splitlines()  # type: ignore[attr-defined]
    assert len(rows) >= len(lines) - 20
    assert [int(row[2]) for row in rows] == [1024 * n for n in range(len(rows))]


SOUNDS = {
    "encoded.mkv": ["-c:a", "flac"],
    "copied-44.mp4": ["-c:a", "aac", "-ar", "44100"],
    "copied-48.mp4": ["-c:a", "aac", "-ar", "48000"],
    "copied-milliseconds.mkv": ["-c:a", "aac", "-ar", "44100"],
    "fragmented.mp4": ["-c:a", "aac", "-ar", "48000", "-movflags", "+frag_keyframe+empty_moov"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize("copy", [False, True])
def test_sound_goes_through_every_joint_frame_by_frame(
    name: str, copy: bool, make: Make, ffmpeg: Ffmpeg, tools: Tools, tmp_path: Path, all_pieces: Callable[..., Any]
) -> None:
    """The frames of the one file of sound, none missing, none double, each where the one before it ends."""
    sweep = ["-f", "lavfi", "-i", "aevalsrc=0.6*sin(2*PI*(200+150*t)*t):s=48000:d=7"]
    often = ["-force_key_frames", "expr:gte(t,n_forced*0.5)"]
    source = make(f"sweep-{name}", *film("25"), *sweep, *PLAIN, *often, "-bf", "2", *SOUNDS[name])
    source, made = planned(source, tools, tmp_path, replace(SHORT, copy=copy))
    assert made.copy_sound == name.startswith("copied")
    assert (made.copied, len(made.spans) >= 3) == (copy, True)
    sound = tmp_path / "sound.aac"
    make_sound(source, made, sound, tools)
    all_pieces(source, sound, made, tmp_path, tools)
    packets = ["-map", "0:a", "-c:a", "copy", "-f", "framemd5", "-"]
    whole = [digest for _, digest in rows_of(ffmpeg("-f", "aac", "-i", sound, "-bsf:a", "aac_adtstoasc", *packets))]
    for rung in made.rungs:
        there = rows_of(ffmpeg("-i", next(tmp_path.glob(f"*-{rung.height}-fragmented.mp4")), *packets))
        first = whole.index(there[0][1])  # what lies before the first picture is left out
        assert [digest for _, digest in there] == whole[first : first + len(there)]
        assert len(there) >= len(whole) - first - 1
        starts = [start for start, _ in there]
        assert all(b - a == 1024 for a, b in itertools.pairwise(starts)), starts
        assert abs(starts[0] / made.hertz - float(sounds.begins(made, first))) < 0.001


def rows_of(said: object) -> list[Any]:
    """(start in samples, digest) of each packet."""
    lines = str(said.stdout).splitlines()  # type: ignore[attr-defined]
    rows = [line.split(",") for line in lines if not line.startswith("#")]
    return [(int(row[2]), row[-1].strip()) for row in rows]


@pytest.mark.slow
def test_a_torn_append_is_cut_off_and_gives_the_same_bytes(
    grown: tuple[Path, Plan, dict[tuple[int, int], Path]], tools: Tools
) -> None:
    folder, made, files = grown
    calm, torn = folder / "calm", folder / "torn"
    pieces = grow(folder, made, files, calm, tools)
    for span in made.spans:
        if torn.exists():
            with torn.open("ab") as file:
                file.write(b"a kill came here" * 100)
        video = files[made.rungs[0].height, span.number]
        growing.append(video, folder / "sound.aac", made, span, pieces[: span.number], torn, folder, tools)
    assert torn.read_bytes() == calm.read_bytes()


@pytest.mark.slow
def test_a_range_encoded_twice_is_the_same_twice(make: Make, tools: Tools, tmp_path: Path) -> None:
    source, made = planned(make("ranges-ntsc.mp4", *FILMS["ntsc.mp4"]), tools, tmp_path)
    span = made.spans[1]
    twice = []
    for attempt in ("one", "two"):
        outs = {rung.height: tmp_path / f"{attempt}-{rung.height}.mp4" for rung in made.rungs}
        ranges.encode_range(source, made, span, outs, tools)
        twice.append([path.read_bytes() for path in outs.values()])
    assert twice[0] == twice[1]


@pytest.mark.slow
def test_a_seek_that_lands_too_late_is_noticed_and_mended(make: Make, tools: Tools, tmp_path: Path) -> None:
    source, made = planned(make("ranges-ntsc.mp4", *FILMS["ntsc.mp4"]), tools, tmp_path)
    span = replace(made.spans[1], seek=10**6, earlier=None)  # beyond the film
    outs = {rung.height: tmp_path / f"{rung.height}.mp4" for rung in made.rungs}
    found = ranges.encode_range(source, made, span, outs, tools)
    assert found.frames == span.frames


@pytest.mark.slow
def test_a_seek_that_lands_some_pictures_too_late_is_noticed(make: Make, tools: Tools, tmp_path: Path) -> None:
    """Pictures lack: nothing may fill their places."""
    source, made = planned(make("keys.mp4", *film("25", *PLAIN, "-g", "10")), tools, tmp_path)
    span, picture = made.spans[2], probe(source, tools).picture
    assert picture
    keys = [key for key in picture.stream.keys if (key - made.p0) * made.time_base > span.start]
    outs = {rung.height: tmp_path / f"{rung.height}.mp4" for rung in made.rungs}
    ranges._encode(source, made, span, keys[0], outs, tools)
    with pytest.raises(ToolFailed, match="instead of"):
        ranges.verify(made, span, outs)


@pytest.mark.slow
def test_a_rendition_that_was_shortened_from_outside_is_refused(
    grown: tuple[Path, Plan, dict[tuple[int, int], Path]], tools: Tools
) -> None:
    folder, made, files = grown
    target = folder / "film"
    height, first, second = made.rungs[0].height, *made.spans[:2]
    piece = growing.append(files[height, 0], folder / "sound.aac", made, first, [], target, folder, tools)
    target.write_bytes(target.read_bytes()[:-10])
    with pytest.raises(ToolFailed, match="changed from outside"):
        growing.append(files[height, 1], folder / "sound.aac", made, second, [piece], target, folder, tools)


TAGGED = ["-color_primaries", "bt709", "-color_trc", "bt709", "-colorspace", "bt709", "-color_range", "tv"]
DAMAGED = {
    "even": (film("30000/1001", *PLAIN, *TAGGED, "-g", "90"), SHORT),
    "interlaced": (film("25", *PLAIN, "-flags", "+ildct", "-x264-params", "tff=1", "-g", "50"), SHORT),
    "full-range": (film("25", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuvj420p", "-g", "50"), SHORT),
    "copied": (film("25", *PLAIN, *TAGGED, "-bf", "2", "-crf", "35", "-g", "13"), COPIED),
    "phone": ([*FILMS["phone.mp4"], "-crf", "35", "-force_key_frames", "expr:gte(t,n_forced*0.5)"], COPIED),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGED)
def test_black_takes_the_place_of_a_damaged_range_and_of_nothing_else(
    name: str, make: Make, ffmpeg: Ffmpeg, tools: Tools, tmp_path: Path
) -> None:
    arguments, policy = DAMAGED[name]
    source, made = planned(make(f"damaged-{name}.mp4", *arguments), tools, tmp_path, policy)
    assert made.copied is (policy is COPIED), made.refusal
    rung = made.encoded[-1]
    grown = {}
    for how, black in (("whole", ()), ("holed", (0, 2))):
        target, pieces = tmp_path / how, list[Piece]()
        for span in made.spans:
            outs = {rung.height: tmp_path / "range.mp4"}
            make_range = ranges.fill_range if span.number in black else ranges.encode_range
            assert make_range(source, made, span, outs, tools).frames == span.frames
            pieces.append(
                growing.append(
                    outs[rung.height], None, replace(made, sound=False), span, pieces, target, tmp_path, tools
                )
            )
        grown[how] = shown(ffmpeg, "-i", target, "-map", "0:v"), times(ffmpeg, target), pieces
    whole, holed = grown["whole"], grown["holed"]
    assert [(s.frames, s.ticks) for p in whole[2] for s in p.segments] == [
        (s.frames, s.ticks) for p in holed[2] for s in p.segments
    ]
    assert len(whole[0]) == len(holed[0]) == made.frames
    for span in made.spans:
        pictures = slice(span.a, span.a + span.frames)
        if span.number in (0, 2):
            assert len(set(holed[0][pictures])) == 1, "one black picture, again and again"
            assert holed[1][span.a] == whole[1][span.a]
        else:
            assert holed[0][pictures] == whole[0][pictures]
            assert holed[1][pictures] == whole[1][pictures]
    brightness = str(
        ffmpeg(
            "-i",
            tmp_path / "holed",
            "-vf",
            "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-",
            "-frames:v",
            "1",
            "-f",
            "null",
            "-",
        ).stdout
    )  # type: ignore[attr-defined]
    assert float(brightness.rsplit("=", 1)[1]) <= 16.5
