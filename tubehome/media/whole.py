"""Is a rendition whole, to its last bit? Asked before the original goes, which is the last chance to make another."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.base.i18n import mark
from tubehome.media.ffmpeg import Tools, ffprobe
from tubehome.media.hls import Rendition

BROKEN = mark("A rendition of this video is not whole on the disk: the original is kept.")
PRIMING = 2  # frames of sound that a decoder may keep to itself


def verify_size(path: Path, size: int) -> None:
    """ToolFailed when it is not there with so many bytes."""
    found = path.stat().st_size if path.is_file() else 0
    if found != size:
        raise ToolFailed(BROKEN, cause=f"{path.name}: {found} bytes instead of {size}")


def verify_bytes(path: Path, made: Rendition) -> None:
    """Every segment is the one that was listed. ToolFailed when not. What lies before them, only decoding tells."""
    verify_size(path, made.size)
    try:
        with path.open("rb") as file:
            for segment in made.segments:
                file.seek(segment.offset)
                if hashlib.sha256(file.read(segment.size)).hexdigest() != segment.sha256:
                    raise ToolFailed(BROKEN, cause=f"{path.name}: the segment at {segment.offset}")
    except OSError as error:
        raise ToolFailed(BROKEN, cause=f"{path.name}: {error}") from error


def verify_pictures(path: Path, made: Rendition, sound: bool, tools: Tools) -> None:
    """Decodes all of it: no picture and no sound may be missing. ToolFailed when one is."""
    options = ["-threads", str(tools.thread_count()), "-err_detect", "explode", "-count_frames", "-count_packets"]
    options += ["-show_entries", "stream=codec_type,nb_read_frames,nb_read_packets", "-of", "csv=p=0"]
    told = [line.strip().split(",") for line in ffprobe(path, options, made.duration, tools) if line.strip()]
    counted = {kind: (int(frames), int(packets)) for kind, frames, packets, *_ in told if frames.isdigit()}
    wanted = sum(segment.frames for segment in made.segments)
    pictures, (heard, packets) = counted.get("video", (0, 0))[0], counted.get("audio", (0, 0))
    if pictures != wanted or (sound and (not packets or heard < packets - PRIMING)):
        cause = f"{path.name}: {pictures} of {wanted} pictures, {heard} of {packets} frames of sound can be decoded"
        raise ToolFailed(BROKEN, cause=cause)
