"""A rendition that grows: ranges are appended as fragments to its one file; bytes once listed never change.

The file on the disk may be longer than what the rows say (a kill between the append and the commit): the tail is cut
off before the next append. Who listens to a growing playlist reads the same bytes at the same places for ever.
"""

from __future__ import annotations

import hashlib
import math
import mmap
import os
import shutil
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.media import boxes
from tubehome.media._guard import Option, Options
from tubehome.media.encode import CLEAN, HERTZ, SAMPLES, adts_frames
from tubehome.media.ffmpeg import Input, Job, Output, Tools, run
from tubehome.media.hls import Segment
from tubehome.media.plan import Plan, Span

INDEX_SUFFIX = ".index"


@dataclass(frozen=True)
class Piece:
    """What one range added to one rendition. `size` of the file afterwards; `init_size` with the first range alone."""

    number: int
    size: int
    init_size: int
    avcc: str  # hex
    segments: tuple[Segment, ...]


def index_sound(sound: Path) -> Path:
    """Writes where each frame of an ADTS file lies beside it (unsigned 64 bit, in file order, the end last).

    A range then takes its sound without walking hours of headers. ValueError when the file is not whole.
    """
    offsets = array("Q")
    with sound.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = 0
        for at, size in adts_frames(data):
            offsets.append(at)
            end = at + size
    offsets.append(end)
    target = sound.with_name(sound.name + INDEX_SUFFIX)
    target.write_bytes(offsets.tobytes())
    return target


def sound_frames(plan: Plan, a: int, b: int) -> tuple[int, int]:
    """The frames of sound [i, j) that go with the pictures [a, b): each frame goes with the picture it begins under."""

    def at(picture: int) -> int:
        return math.ceil(Fraction(picture) / plan.rate * HERTZ / SAMPLES)

    return at(a), at(b)


def cut_sound(sound: Path, plan: Plan, a: int, b: int | None, out: Path) -> int:
    """Writes the sound of the pictures [a, b) (None: to the end) to `out`; the number of its first frame.

    The encoder's first frame is a run-up: without it, frame i begins at i × 1024 samples, and no edit list is needed.
    """
    first, last = sound_frames(plan, a, b if b is not None else a)
    with sound.with_name(sound.name + INDEX_SUFFIX).open("rb") as file:
        offsets = array("Q")
        offsets.frombytes(file.read())
    count = len(offsets) - 2  # without the run-up
    begin = offsets[1 + min(first, count)]
    end = offsets[-1] if b is None else offsets[1 + min(last, count)]
    with sound.open("rb") as source, out.open("wb") as target:
        source.seek(begin)
        left = end - begin
        while left > 0 and (data := source.read(min(left, 1 << 20))):
            target.write(data)
            left -= len(data)
    return first


def append(
    video: Path,
    sound: Path | None,
    plan: Plan,
    span: Span,
    before: Sequence[Piece],
    target: Path,
    work: Path,
    tools: Tools,
) -> Piece:
    """Adds a verified range to the rendition `target`; on the disk when it returns.

    `before`: the pieces that are there, in order; `work`: a folder for what lies beside it meanwhile. ToolFailed when
    what was made does not continue what is there.
    """
    fragment, voice = work / "fragment.mp4", work / "fragment.aac"
    first = cut_sound(sound, plan, span.a, span.b, voice) if sound else 0
    frames = boxes.video_index(video).frames
    _copy(video, voice if sound else None, first, plan, span, fragment, tools)
    try:
        found = boxes.fragmented(fragment)
        _verify(found, plan, span, frames)
    except ValueError as error:
        raise ToolFailed("A rendition of this video came out unevenly cut.", cause=str(error)) from error
    if before and found.avcc.hex() != before[0].avcc:
        raise ToolFailed("A rendition of this video came out unevenly cut.", cause="other parameters than range 0")
    return _add(fragment, found, span, before, target)


def _copy(video: Path, sound: Path | None, first: int, plan: Plan, span: Span, out: Path, tools: Tools) -> None:
    start = float(span.a / plan.rate)
    inputs = [Input(video, {"itsoffset": f"{start:.6f}"})]
    mapped: dict[str, Option] = {"map": "0:v"}
    room = video.stat().st_size
    if sound is not None and sound.stat().st_size:
        inputs.append(Input(sound, {"itsoffset": f"{first * SAMPLES / HERTZ:.6f}", "f": "aac"}))
        mapped = {"map": ["0:v", "1:a"], "bsf:a": "aac_adtstoasc"}
        room += sound.stat().st_size
    number = span.a // plan.segment_frames
    options: Options = {
        **mapped,
        "c": "copy",
        "avoid_negative_ts": "disabled",
        "fragment_index": number + 1,
        "movflags": "+frag_keyframe+delay_moov+default_base_moof+frag_discont+skip_trailer",
        "f": "mp4",
        **CLEAN,
    }
    seconds = float(span.frames / plan.rate)
    run(Job(inputs, [Output(out, options)], seconds, max_bytes=2 * room + 64_000_000, copy_timestamps=True), tools)


def _verify(found: boxes.Fragmented, plan: Plan, span: Span, frames: int) -> None:
    total = 0
    for number, fragment in enumerate(found.fragments):
        last = number == len(found.fragments) - 1
        if not fragment.starts_with_keyframe:
            raise ValueError(f"segment {number} does not start with a keyframe")
        if fragment.frames > plan.segment_frames or (fragment.frames < plan.segment_frames and not last):
            raise ValueError(f"segment {number} has {fragment.frames} frames")
        if fragment.time * plan.rate != (span.a + total) * found.timescale:
            raise ValueError(f"segment {number} starts at {fragment.time}/{found.timescale}")
        total += fragment.frames
    if total != frames:
        raise ValueError(f"{total} of {frames} frames were copied")


def _add(fragment: Path, found: boxes.Fragmented, span: Span, before: Sequence[Piece], target: Path) -> Piece:
    keep = before[-1].size if before else 0
    skip = found.init_size if before else 0
    segments = []
    with fragment.open("rb") as source:
        for each in found.fragments:
            source.seek(each.offset)
            digest = hashlib.sha256(source.read(each.size)).hexdigest()
            segments.append(Segment(keep - skip + each.offset, each.size, each.frames, digest))
        fd = os.open(target, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(fd, "r+b") as out:
            if out.seek(0, os.SEEK_END) < keep:
                raise ToolFailed("A rendition of this video is shorter than it was: it was changed from outside.")
            out.truncate(keep)  # cuts off an append that a kill tore
            out.seek(keep)
            source.seek(skip)
            shutil.copyfileobj(source, out, 1 << 20)
            out.flush()
            os.fsync(out.fileno())
            size = out.tell()
    init = 0 if before else found.init_size
    return Piece(span.number, size, init, found.avcc.hex(), tuple(segments))
