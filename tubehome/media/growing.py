"""A rendition that grows: ranges are appended as fragments to its one file; bytes once listed never change.

The file on the disk may be longer than what the rows say (a kill between the append and the commit): the tail is cut
off before the next append. Who listens to a growing playlist reads the same bytes at the same places for ever.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

from tubehome.base.errors import ToolFailed
from tubehome.base.i18n import mark
from tubehome.media import boxes
from tubehome.media import sound as sounds
from tubehome.media._guard import Option, Options
from tubehome.media.ffmpeg import CLEAN, Input, Job, Output, Tools, run
from tubehome.media.hls import Rendition, Segment, peak
from tubehome.media.plan import Plan, Rung, Span

UNEVEN = mark("A rendition of this video came out unevenly cut.")
CHANGED = mark("A rendition of this video is shorter than it was: it was changed from outside.")
SETTLING = 64_000_000  # bytes that a file may take beyond what goes into it


@dataclass(frozen=True)
class Piece:
    """What one range added to one rendition. `size` of the file afterwards; `init_size` with the first range alone."""

    number: int
    size: int
    init_size: int
    avcc: str  # hex
    delay: int  # of the first picture's showing after its decoding, in units of the file's clock
    segments: tuple[Segment, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, said: dict[str, Any]) -> Piece:
        """From what `to_json` wrote, read."""
        return cls(**{**said, "segments": tuple(Segment(**each) for each in said["segments"])})


def rendition(pieces: Sequence[Piece], plan: Plan, rung: Rung, file_name: str, *, final: bool) -> Rendition:
    """The rendition that these pieces make, in order. Growing, its bandwidth is what its rung may need."""
    segments = tuple(segment for piece in pieces for segment in piece.segments)
    voice = plan.audio_bitrate if plan.sound else 0
    made = Rendition(
        height=rung.height,
        width_px=rung.width_px,
        height_px=rung.height_px,
        file=file_name,
        size=pieces[-1].size,
        init_size=pieces[0].init_size,
        segments=segments,
        codecs=f"avc1.{pieces[0].avcc[2:8]}" + ",mp4a.40.2" * plan.sound,
        bandwidth=rung.max_rate * 3 // 2 + voice,
        average_bandwidth=rung.max_rate + voice,
        rate=plan.rate,
        clock=plan.time_base.denominator if plan.copied else 0,
        target=target(plan),
        final=final,
    )
    if not final:
        return made
    weights = [(segment.size, made.length(segment)) for segment in segments]
    average = math.ceil(8 * sum(weight for weight, _ in weights) / sum(seconds for _, seconds in weights))
    return replace(made, bandwidth=peak(weights), average_bandwidth=average)


def verify_size(path: Path, made: Rendition) -> None:
    """ToolFailed when the file is not as long as its pieces say."""
    if path.stat().st_size != made.size:
        raise ToolFailed(CHANGED)


def target(plan: Plan) -> int:
    """EXT-X-TARGETDURATION, known before the first segment is: it may not change while a playlist grows."""
    if not plan.copied:
        return math.ceil(min(plan.segment_frames, plan.frames) / plan.rate)
    stops = [*(at for at, _ in plan.marks), plan.end]
    return max(1, math.ceil(max(b - a for a, b in pairwise(stops)) * plan.time_base))


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
    first = sounds.cut(sound, plan, span, voice) if sound else 0
    frames = boxes.video_index(video).frames
    _copy(video, voice if sound else None, first, plan, span, fragment, tools)
    try:
        found = boxes.fragmented(fragment)
        if before and plan.copied:
            _shift(fragment, found, before[0].delay - found.delay)
            found = boxes.fragmented(fragment)
        _verify(found, plan, span, frames)
        if before and found.avcc.hex() != before[0].avcc:
            raise ValueError("other parameters than range 0")
        return _add(fragment, found, plan, span, before, target)
    except ValueError as error:
        raise ToolFailed(UNEVEN, cause=str(error)) from error


def _copy(video: Path, sound: Path | None, first: int, plan: Plan, span: Span, out: Path, tools: Tools) -> None:
    inputs = [Input(video, {"itsoffset": f"{float(span.start):.6f}"})]
    mapped: dict[str, Option] = {"map": "0:v"}
    room = video.stat().st_size
    if sound is not None and sound.stat().st_size:
        inputs.append(Input(sound, {"itsoffset": f"{float(sounds.begins(plan, first)):.6f}", "f": "aac"}))
        mapped = {"map": ["0:v", "1:a"], "bsf:a": "aac_adtstoasc"}
        room += sound.stat().st_size
    if plan.copied:
        mapped["video_track_timescale"] = plan.time_base.denominator
    options: Options = {
        **mapped,
        "c": "copy",
        "avoid_negative_ts": "disabled",
        "fragment_index": 1 + sum(len(earlier.keys) for earlier in plan.spans[: span.number]),
        "movflags": "+frag_keyframe+delay_moov+default_base_moof+frag_discont+skip_trailer",
        "f": "mp4",
        **CLEAN,
    }
    seconds = float(span.frames / plan.rate)
    run(Job(inputs, [Output(out, options)], seconds, max_bytes=2 * room + SETTLING, copy_timestamps=True), tools)


def _shift(path: Path, found: boxes.Fragmented, by: int) -> None:
    """Moves every fragment's picture on the file's clock.

    Where pictures keep their own times, the coder's delay differs from range to range, and `frag_discont` counts
    decoding times as if it did not.
    """
    if not by:
        return
    with path.open("r+b") as file:
        for fragment in found.fragments:
            file.seek(fragment.time_at)
            file.write((fragment.time + by).to_bytes(fragment.time_bytes, "big"))


def _verify(found: boxes.Fragmented, plan: Plan, span: Span, frames: int) -> None:
    keys = span.keys if plan.copied else tuple(range(0, frames, plan.segment_frames))
    counts = [b - a for a, b in pairwise([*keys, frames])]
    if [fragment.frames for fragment in found.fragments] != counts:
        raise ValueError(f"segments of {[fragment.frames for fragment in found.fragments][:20]} frames")
    total = 0
    for number, fragment in enumerate(found.fragments):
        if not fragment.starts_with_keyframe:
            raise ValueError(f"segment {number} does not start with a keyframe")
        if not plan.copied and fragment.time * plan.rate != (span.a + total) * found.timescale:
            raise ValueError(f"segment {number} starts at {fragment.time}/{found.timescale}")
        total += fragment.frames


def _add(
    fragment: Path, found: boxes.Fragmented, plan: Plan, span: Span, before: Sequence[Piece], target: Path
) -> Piece:
    keep = before[-1].size if before else 0
    skip = found.init_size if before else 0
    ticks = lengths(plan, span)
    segments = []
    with fragment.open("rb") as source:
        for each, length in zip(found.fragments, ticks or [0] * len(found.fragments), strict=True):
            source.seek(each.offset)
            digest = hashlib.sha256(source.read(each.size)).hexdigest()
            segments.append(Segment(keep - skip + each.offset, each.size, each.frames, digest, length))
        size = _put(source, skip, target, keep)
    init = 0 if before else found.init_size
    return Piece(span.number, size, init, found.avcc.hex(), found.delay, tuple(segments))


def lengths(plan: Plan, span: Span) -> list[int]:
    """The ticks of each segment of a range, where pictures keep their own times; else nothing."""
    if not plan.copied:
        return []
    first = plan.range_marks[span.number]
    stops = [*(at for at, _ in plan.marks), plan.end][first : first + len(span.keys) + 1]
    return [b - a for a, b in pairwise(stops)]


def _put(source: BinaryIO, skip: int, target: Path, keep: int) -> int:
    """Appends `source` from `skip` on after `keep` bytes of `target`; the size of it then, on the disk."""
    fd = os.open(target, os.O_RDWR | os.O_CREAT, 0o644)
    with os.fdopen(fd, "r+b") as out:
        if out.seek(0, os.SEEK_END) < keep:
            raise ToolFailed(CHANGED)
        out.truncate(keep)  # cuts off an append that a kill tore
        out.seek(keep)
        source.seek(skip)
        shutil.copyfileobj(source, out, 1 << 20)
        out.flush()
        os.fsync(out.fileno())
        return out.tell()
