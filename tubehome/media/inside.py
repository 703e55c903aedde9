"""What a film's file holds beside picture and sound: its chapters, and the words of subtitles. Kept for who shows them.

Times are seconds from the first picture, as everywhere; a cue of before it is left out. What cannot be read is named,
with the reason, and costs nobody the film.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

from tubehome.base import text
from tubehome.base.errors import ToolFailed
from tubehome.base.i18n import mark
from tubehome.media.ffmpeg import CLEAN, Failed, Input, Job, Killed, Output, Tools, ffprobe, run

WORDS = ("subrip", "ass", "ssa", "webvtt", "mov_text", "text", "eia_608")  # codecs that are words, and no pictures
MOST_TRACKS, MOST_CHAPTERS, MOST_TITLE = 40, 1000, 200
MOST_BYTES = 20_000_000  # of one track
MOST_SAID = 2_000_000  # bytes of ffprobe's that are read
PICTURES = mark("its words are pictures")
UNREADABLE = mark("it cannot be read")
TOO_MANY = mark("there are too many of them")
_TIME = r"(?:(\d+):)?(\d\d):(\d\d\.\d{3})"
_CUE = re.compile(rf"{_TIME} --> {_TIME}(.*)")


@dataclass(frozen=True)
class Chapter:
    start: float
    end: float
    title: str


@dataclass(frozen=True)
class Track:
    """Subtitles. `language` as the file says it; `file` is WebVTT, "" where `refusal` (a message id) says why not."""

    number: int  # among the file's subtitles
    codec: str
    language: str
    title: str
    forced: bool
    file: str = ""
    refusal: str = ""


@dataclass(frozen=True)
class Inside:
    chapters: tuple[Chapter, ...]
    tracks: tuple[Track, ...]

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, stored: str) -> Inside:
        said = json.loads(stored)
        return cls(tuple(Chapter(**each) for each in said["chapters"]), tuple(Track(**each) for each in said["tracks"]))


def look_inside(source: Path, zero: float, seconds: float, folder: Path, tools: Tools) -> Inside:
    """Writes `inside-<n>.vtt` for each track of words into `folder`. `zero`: the first picture on the file's clock.

    Raises only what is not the file's fault (a full disk, a stop).
    """
    chapters, tracks = _listed(source, zero, seconds, tools)
    readable = [track for track in tracks if track.codec in WORDS][:MOST_TRACKS]
    written = _extract(source, readable, zero, seconds, folder, tools)
    told = [
        replace(track, file=written.get(track.number, ""), refusal=_why(track, readable, written))
        for track in tracks[: 2 * MOST_TRACKS]
    ]
    return Inside(chapters, tuple(told))


def _why(track: Track, readable: Sequence[Track], written: Mapping[int, str]) -> str:
    if track.number in written:
        return ""
    if track.codec not in WORDS:
        return PICTURES
    return UNREADABLE if track in readable else TOO_MANY


def _listed(source: Path, zero: float, seconds: float, tools: Tools) -> tuple[tuple[Chapter, ...], tuple[Track, ...]]:
    entries = "chapter=start_time,end_time:chapter_tags=title"
    entries += ":stream=codec_name:stream_tags=language,title:stream_disposition=forced"
    options = ["-select_streams", "s", "-show_entries", entries, "-of", "json"]
    try:
        said = cast("dict[str, list[dict[str, object]]]", json.loads("".join(_read(source, options, tools))))
    except (Failed, ValueError):
        return (), ()
    tracks = tuple(
        Track(
            number=number,
            codec=str(stream.get("codec_name", "")),
            language=_line(stream, "language"),
            title=_line(stream, "title"),
            forced=bool(cast("dict[str, object]", stream.get("disposition", {})).get("forced")),
        )
        for number, stream in enumerate(said.get("streams", []))
    )
    return _chapters(said.get("chapters", []), zero, seconds), tracks


def _read(source: Path, options: Sequence[str], tools: Tools) -> Iterator[str]:
    """ffprobe's answer, as long as it is of a sane length. ValueError beyond."""
    length = 0
    for line in ffprobe(source, options, 60, tools):
        length += len(line)
        if length > MOST_SAID:
            raise ValueError("more is said than any film has to say")
        yield line


def _line(said: Mapping[str, object], key: str) -> str:
    tags = cast("dict[str, object]", said.get("tags", {}))
    found = next((value for name, value in tags.items() if name.lower() == key), "")
    return text.clean_line(str(found))[:MOST_TITLE]


def _chapters(said: Sequence[Mapping[str, object]], zero: float, seconds: float) -> tuple[Chapter, ...]:
    """In order, each with a length, within the film. Some programs count chapters from 0 whatever the film's clock."""
    found = [(float(str(c["start_time"])), float(str(c["end_time"])), _line(c, "title")) for c in said]
    if found and all(end <= zero for _, end, _ in found):
        zero = 0.0
    moved = sorted((max(0.0, start - zero), min(seconds, end - zero), title) for start, end, title in found)
    kept = [Chapter(round(start, 3), round(end, 3), title) for start, end, title in moved if end > start]
    return tuple(kept[:MOST_CHAPTERS])


def _extract(
    source: Path, tracks: Sequence[Track], zero: float, seconds: float, folder: Path, tools: Tools
) -> dict[int, str]:
    """All tracks in one reading of the file; where that fails, one by one, so that a broken one costs only itself."""
    if not _write(source, tracks, seconds, folder, tools):
        for track in tracks:
            if not _write(source, [track], seconds, folder, tools):
                (folder / _name(track)).unlink(missing_ok=True)
    written = {}
    for track in tracks:
        path = folder / _name(track)
        cues = _moved(path.read_text("utf-8", "replace"), zero) if path.exists() else ""
        if cues:
            path.write_text(cues, "utf-8")
            written[track.number] = path.name
        else:
            path.unlink(missing_ok=True)
    return written


def _name(track: Track) -> str:
    return f"inside-{track.number + 1}.vtt"


def _write(source: Path, tracks: Sequence[Track], seconds: float, folder: Path, tools: Tools) -> bool:
    """False when the file is at fault: a track is broken, or endless."""
    if not tracks:
        return True
    outputs = [
        Output(
            folder / _name(track),
            {"map": f"0:s:{track.number}", "c:s": "webvtt", "f": "webvtt", "avoid_negative_ts": "disabled", **CLEAN},
        )
        for track in tracks
    ]
    try:
        run(Job([Input(source)], outputs, seconds, max_bytes=MOST_BYTES, copy_timestamps=True), tools)
    except Killed:
        raise
    except ToolFailed:
        return False
    return True


def _moved(cues: str, zero: float) -> str:
    """WebVTT on the film's clock; "" when no cue is left."""
    blocks, some = ["WEBVTT"], False
    for block in re.split(r"\n\s*\n", cues.replace("\r\n", "\n"))[1:]:
        lines = block.strip("\n").split("\n")
        at, said = next(((n, found) for n, line in enumerate(lines) if (found := _CUE.match(line))), (0, None))
        if said is None:
            continue
        start, end = _seconds(*said.groups()[:3]) - zero, _seconds(*said.groups()[3:6]) - zero
        if end > max(0.0, start) and any(line.strip() for line in lines[at + 1 :]):
            some = True
            words = "\n".join(lines[at + 1 :])
            blocks.append(f"{_clock(max(0.0, start))} --> {_clock(end)}{said[7]}\n{words}")
    return "\n\n".join(blocks) + "\n" if some else ""


def _seconds(hours: str | None, minutes: str, seconds: str) -> float:
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(seconds)


def _clock(seconds: float) -> str:
    thousandths = round(seconds * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}.{rest % 1000:03d}"
