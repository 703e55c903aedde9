"""Small pictures of the whole film on one sheet, for looking along the player's bar: from keyframes of a rendition.

In PeerTube's shape (one JPEG, at most 10 by 10, evenly spaced), and as WebVTT, which players read.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.media.ffmpeg import CLEAN, Input, Job, Output, Tools, run

EDGE = 10  # pictures along each side of the sheet, at most
SIDE = 160  # pixels of a picture's longer side
LEAST_SECONDS = 4.0  # between two pictures
_SHOWN = re.compile(r"pts_time:(-?[\d.]+)")


@dataclass(frozen=True)
class Storyboard:
    """One sheet: `times` (seconds) of its pictures, row by row; sizes in pixels; `interval` in whole seconds."""

    columns: int
    rows: int
    width: int
    height: int
    interval: int
    times: tuple[float, ...]


def storyboard(film: Path, duration: float, shape: tuple[int, int], out: Path, tools: Tools) -> Storyboard:
    """Writes the sheet of a rendition of this `shape` (width, height) to `out`, a JPEG. ToolFailed if there is none."""
    apart = max(LEAST_SECONDS, duration / (EDGE * EDGE))
    width, height = _size(*shape)
    chosen = rf"select=isnan(prev_selected_t)+gte(t-prev_selected_t\,{apart - 0.01:.3f})"
    count = min(EDGE * EDGE, math.floor(duration / apart) + 1)
    columns = min(EDGE, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    graph = f"{chosen},showinfo,scale={width}:{height},setsar=1,tile={columns}x{rows}:nb_frames={count}"
    options = {"map": "0:V:0", "vf": graph, "frames:v": 1, "fps_mode": "passthrough", "f": "image2", "c:v": "mjpeg",
               "q:v": 5, "update": 1, "pix_fmt": "yuvj420p", **CLEAN}  # fmt: skip
    said = run(Job([Input(film, {"skip_frame": "nokey"})], [Output(out, options)], duration, quiet=False), tools).lines
    times = tuple(float(found[1]) for line in said if (found := _SHOWN.search(line)))[:count]
    if not times or not out.exists() or not out.stat().st_size:
        raise ToolFailed("No pictures along this video could be made.", cause="\n".join(said[-5:]))
    return Storyboard(columns, rows, width, height, max(1, round(apart)), times)


def _size(width: int, height: int) -> tuple[int, int]:
    """Both even."""
    scale = SIDE / max(width, height)
    return max(2, 2 * round(width * scale / 2)), max(2, 2 * round(height * scale / 2))


def webvtt(made: Storyboard, duration: float, image: str) -> str:
    """Which part of the sheet shows which time (WebVTT with media fragments)."""
    ends = [*made.times[1:], max(duration, made.times[-1] + 0.001)]
    cues = []
    for number, (start, end) in enumerate(zip(made.times, ends, strict=True)):
        row, column = divmod(number, made.columns)
        where = f"{column * made.width},{row * made.height},{made.width},{made.height}"
        cues.append(f"{_clock(start)} --> {_clock(end)}\n{image}#xywh={where}\n")
    return "WEBVTT\n\n" + "\n".join(cues)


def _clock(seconds: float) -> str:
    whole, thousandths = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{thousandths:03}"


def peertube(made: Storyboard, image: str) -> dict[str, object]:
    """As PeerTube's API describes a storyboard."""
    return {
        "filename": image,
        "totalWidth": made.columns * made.width,
        "totalHeight": made.rows * made.height,
        "spriteWidth": made.width,
        "spriteHeight": made.height,
        "spriteDuration": made.interval,
    }
