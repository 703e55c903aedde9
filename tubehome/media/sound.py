"""The sound of a film: made or copied once for all renditions, as ADTS; each range takes the frames that begin in it.

ADTS is frames one after the other, each with its length. So complete frames are found by walking their headers, and
frame n begins at a known moment: no edit list is needed, and no clock beside the picture's.
"""

from __future__ import annotations

import math
import mmap
from array import array
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.media._guard import Options
from tubehome.media.ffmpeg import CLEAN, Input, Job, Output, Tools, run
from tubehome.media.plan import HERTZ, SAMPLES, Plan, Span

INDEX_SUFFIX = ".index"
AFTER = 1.0  # seconds made beyond what is used of a sound made ahead: where it ends, an encoder decides otherwise
LACKING = 0.2  # seconds that may lack at the end


def make_sound(source: Path, plan: Plan, out: Path, tools: Tools, *, ahead: bool = False) -> None:
    """Writes the sound to `out`, and where each frame of it lies beside it; verified. ToolFailed otherwise.

    `ahead`: only the beginning, for the plan's early ranges, whose frames are those of the whole sound, bit for bit.

    Encoded: 48 kHz, mono or stereo, from the first picture to at least the last. Late sound is preceded by silence,
    holes and a short end are filled with it: every segment then has both. Copied: its frames as they are.
    """
    seconds = min(plan.duration, plan.ahead + AFTER) if ahead else plan.duration
    only: Options = {"t": f"{seconds:.6f}"} if ahead else {}
    options: Options = {"map": f"0:a:{plan.sound_index}", "f": "adts", **CLEAN, **_coder(plan), **only}
    room = 64_000_000 + round(seconds * plan.audio_bitrate / 4)
    job = Job([Input(source)], [Output(out, options)], seconds, max_bytes=room, copy_timestamps=True)
    run(job, tools)
    try:
        frames = write_index(out)
    except ValueError as error:
        raise ToolFailed("The sound of this video came out unreadable.", cause=str(error)) from error
    if frames * SAMPLES / plan.hertz + plan.sound_at < seconds - LACKING - SAMPLES / plan.hertz:
        raise ToolFailed("The sound of this video came out too short.", cause=f"{frames} frames of {SAMPLES} samples")


def _coder(plan: Plan) -> Options:
    if plan.copy_sound:
        return {"c:a": "copy"}
    chain = f"asetpts=PTS-({plan.start:.6f})/TB,aresample=async=1:first_pts=0,apad=whole_dur={plan.duration:.6f}"
    return {"af": chain, "ac": plan.channels, "ar": HERTZ, "c:a": "aac", "b:a": plan.audio_bitrate}


def adts_frames(data: bytes | mmap.mmap) -> Iterator[tuple[int, int]]:
    """Offset and size of each frame of an ADTS stream (ISO/IEC 13818-7). ValueError when it is not one."""
    at = 0
    while at < len(data):
        if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
            raise ValueError(f"no ADTS header at {at}")
        size = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
        if size < 7 or at + size > len(data):
            raise ValueError(f"a frame cut short at {at}")
        yield at, size
        at += size


def index_of(sound: Path) -> Path:
    return sound.with_name(sound.name + INDEX_SUFFIX)


def write_index(sound: Path) -> int:
    """Writes where each frame lies (unsigned 64 bit, in file order, the end last) beside an ADTS file; their number.

    A range then takes its sound without walking hours of headers. ValueError when the file is not whole.
    """
    offsets, end = array("Q"), 0
    with sound.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        for at, size in adts_frames(data):
            offsets.append(at)
            end = at + size
    offsets.append(end)
    index_of(sound).write_bytes(offsets.tobytes())
    return len(offsets) - 1


def offset(sound: Path, frame: int) -> int:
    """Where a frame lies in the file (bytes); beyond the last one, where the file ends."""
    index = index_of(sound)
    last = index.stat().st_size // 8 - 1
    with index.open("rb") as file:
        file.seek(8 * max(0, min(frame, last)))
        return int.from_bytes(file.read(8), "little")


def frame_at(plan: Plan, at: Fraction) -> int:
    """The first frame that begins at or after a moment (seconds): each goes with the range that it begins in."""
    return max(0, math.ceil((at - plan.sound_at) * plan.hertz / SAMPLES))


def begins(plan: Plan, frame: int) -> Fraction:
    """When a frame begins, in seconds from the first picture."""
    return plan.sound_at + Fraction(frame * SAMPLES, plan.hertz)


def cut(sound: Path, plan: Plan, span: Span, out: Path) -> int:
    """Writes the sound of a range to `out`; the number of its first frame."""
    first = frame_at(plan, span.start)
    begin = offset(sound, first)
    end = sound.stat().st_size if span.stop is None else offset(sound, frame_at(plan, span.stop))
    with sound.open("rb") as source, out.open("wb") as target:
        source.seek(begin)
        left = end - begin
        while left > 0 and (data := source.read(min(left, 1 << 20))):
            target.write(data)
            left -= len(data)
    return first
