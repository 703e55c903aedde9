"""The one plain MP4: for downloads, feeds, and players that know nothing of HLS."""

from __future__ import annotations

from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.media import boxes
from tubehome.media.ffmpeg import CLEAN, Input, Job, Output, Tools, run


def progressive(fragmented: Path, out: Path, tools: Tools) -> int:
    """Copies a rendition into an MP4 whose index comes first; its size in bytes. ToolFailed when it differs."""
    size = fragmented.stat().st_size
    try:
        parts = boxes.fragmented(fragmented)
    except ValueError as error:
        raise ToolFailed("A rendition of this video came out unevenly cut.", cause=str(error)) from error
    last = parts.fragments[-1]
    options = {"map": "0", "c": "copy", "movflags": "+faststart", "f": "mp4", **CLEAN}
    seconds = (last.time / parts.timescale) + 60
    run(Job([Input(fragmented)], [Output(out, options)], seconds, max_bytes=2 * size + 64_000_000), tools)
    with out.open("rb") as file:
        kinds = [box.kind for box in boxes.file_boxes(file)]
    index = boxes.video_index(out)  # a ValueError is impossible here: ffmpeg wrote it last, and ended well
    frames = sum(fragment.frames for fragment in parts.fragments)
    if kinds.index("moov") > kinds.index("mdat") or index.frames != frames or index.avcc != parts.avcc:
        raise ToolFailed(
            "The file to download came out incomplete.", cause=f"{kinds}, {index.frames} of {frames} frames"
        )
    return out.stat().st_size
