"""The copied top: the source's own picture in fragments, in one process for the whole film.

Copied range by range it would begin a keyframe early (MKV, variable rates). In one process the same source gives the
same bytes, so after a kill it is simply made again.
"""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

from tubehome.base.errors import ToolFailed
from tubehome.media import boxes
from tubehome.media import sound as sounds
from tubehome.media._guard import Option
from tubehome.media.copying import CHANGES_FORMAT
from tubehome.media.ffmpeg import CLEAN, Input, Job, Output, Tools, run
from tubehome.media.growing import SETTLING, UNEVEN, Piece
from tubehome.media.hls import Segment
from tubehome.media.plan import Plan


class Changes(ToolFailed):
    """What it is decoded by changes on the way, where only the copy could show it: the film has to be encoded."""


def copy_top(source: Path, sound: Path | None, plan: Plan, out: Path, tools: Tools) -> Piece:
    """Writes the whole film, picture copied, with its sound, to `out`.

    ToolFailed when it is not as planned; Changes when it cannot be copied at all.
    """
    inputs = [Input(source, {"itsoffset": f"{-float(plan.p0 * plan.time_base):.6f}"})]
    mapped: dict[str, Option] = {"map": "0:V:0"}
    room = plan.source_size
    if sound is not None:
        first = sounds.frame_at(plan, Fraction(0))
        start = f"{float(sounds.begins(plan, first)):.6f}"
        inputs.append(Input(sound, {"skip_initial_bytes": sounds.offset(sound, first), "itsoffset": start, "f": "aac"}))
        mapped = {"map": ["0:V:0", "1:a"], "bsf:a": "aac_adtstoasc"}
        room += sound.stat().st_size
    options = {
        **mapped,
        "c": "copy",
        "avoid_negative_ts": "disabled",
        "video_track_timescale": plan.time_base.denominator,
        "movflags": "+frag_keyframe+delay_moov+default_base_moof+skip_trailer",
        "f": "mp4",
        **CLEAN,
    }
    run(Job(inputs, [Output(out, options)], plan.duration, max_bytes=2 * room + SETTLING, copy_timestamps=True), tools)
    try:
        return _piece(out, plan)
    except ValueError as error:
        raise ToolFailed(UNEVEN, cause=str(error)) from error


def _piece(path: Path, plan: Plan) -> Piece:
    """A segment is the fragments from one mark to the next: a source may have keyframes in between."""
    found = boxes.fragmented(path)
    ends = [*(before for _, before in plan.marks[1:]), plan.frames]
    stops = [*(at for at, _ in plan.marks), plan.end]
    segments: list[Segment] = []
    number = total = 0
    with path.open("rb") as file:
        _refuse_changes(file, found)
        for (start, stop), end in zip(pairwise(stops), ends, strict=True):
            first, frames, size = number, 0, 0
            while number < len(found.fragments) and total + frames < end:
                frames += found.fragments[number].frames
                size += found.fragments[number].size
                number += 1
            total += frames
            if total != end or not found.fragments[first].starts_with_keyframe:
                raise ValueError(f"a segment ends after {total} pictures instead of {end}")
            at = found.fragments[first].offset
            file.seek(at)
            digest = hashlib.sha256(file.read(size)).hexdigest()
            segments.append(Segment(at, size, frames, digest, stop - start))
    if number != len(found.fragments):
        raise ValueError(f"{len(found.fragments) - number} fragments too many")
    return Piece(0, path.stat().st_size, found.init_size, found.avcc.hex(), found.delay, tuple(segments))


def _refuse_changes(file: BinaryIO, found: boxes.Fragmented) -> None:
    """Each keyframe may bring its own parameters (MPEG-TS, Matroska): those of the beginning, or a player is lost.

    Some players read them there, others set their decoder up once, by what stands before the first fragment.
    """
    known = {each.rstrip(b"\0") for each in boxes.parameters(found.avcc)}
    for fragment in found.fragments:
        if any(each.rstrip(b"\0") not in known for each in boxes.parameters_within(file, fragment, found.avcc)):
            cause = f"other parameters at {fragment.offset}"
            raise Changes(CHANGES_FORMAT, cause=cause)
