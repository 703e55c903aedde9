"""Encoding a film in ranges: about a minute of whole segments each, every rung out of one decode.

A range is bit for bit what it would be in one piece, and encoded twice it is the same twice (one thread an encoder):
so a power cut costs one range, and ranges may be encoded side by side and in any order. What was measured to get
there stands in `docs/media.md`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.media import boxes
from tubehome.media._guard import Options
from tubehome.media.coders import CODERS
from tubehome.media.encode import picture_chain
from tubehome.media.ffmpeg import CLEAN, Input, Job, Output, Tools, run
from tubehome.media.plan import Plan, Rung, Span

# A seek that failed without failing: the number of pictures may be right, and the pictures wrong.
LOST = re.compile(r"could not seek to position|first frame is no keyframe")
# Where the picture changes its size midway, ffmpeg would begin a second graph: what the first one held is lost, and its
# clock begins again. In one graph `scale` follows the change.
ONE_GRAPH: Options = {"reinit_filter": 0}
# Of interlaced film: `bwdif` cannot follow a change, so `scale` keeps the size of the first picture before it.
STRAIGHTENED = ",scale=interl=1,bwdif=mode=send_frame"
SETTLING = 64_000_000  # bytes that any output may take beyond what its rate says


@dataclass(frozen=True)
class Made:
    """A verified range. `avcc` by height: the decoder's configuration, equal in every range of a rendition."""

    frames: int
    avcc: Mapping[int, bytes]


def encode_range(source: Path, plan: Plan, span: Span, outs: Mapping[int, Path], tools: Tools) -> Made:
    """Encodes [a, b) at every height of `outs`, picture alone, each into a plain MP4; verified.

    The clock is checked by counting: where a seek landed too late, pictures are missing, and the range is encoded
    again from an earlier keyframe, at last from the beginning. ToolFailed when it is not as planned even then.
    """
    seeks = list(dict.fromkeys((span.seek, span.earlier, None)))
    for last, seek in enumerate(seeks, 1 - len(seeks)):
        said = _encode(source, plan, span, seek, outs, tools)
        try:
            if last and LOST.search(said):
                continue
            return verify(plan, span, outs)
        except ToolFailed:
            if last == 0:
                raise
    raise AssertionError("there is always a last try")


def fill_range(source: Path, plan: Plan, span: Span, outs: Mapping[int, Path], tools: Tools) -> Made:
    """Black instead of a range that cannot be encoded: as many pictures, so that all others stay where they are.

    The film's first picture, blackened: so colours, clock and parameters are those of the other ranges, which a
    rendition is made of. It can be decoded, or the film would not have been taken.
    """
    rungs = [rung for rung in plan.rungs if rung.height in outs]
    _run(source, plan, span, None, outs, _graph(_black(plan, span), plan, rungs), tools)
    return verify(plan, span, outs)


def _black(plan: Plan, span: Span) -> str:
    """Filters that leave the first picture, as often as the range has pictures, in black."""
    chain = f"setpts=PTS-({plan.p0})"
    if plan.interlaced:
        chain += STRAIGHTENED
    if not plan.copied:
        chain += f",fps={plan.rate}"
    chain += f",trim=end_frame=1,loop={span.frames - 1}:1:0,setpts='{_steady(plan, span)}'"
    return f"{chain},format=yuv420p,drawbox=c=black:t=fill"


def _steady(plan: Plan, span: Span) -> str:
    """The time of picture N: on the even clock N; else evenly between the marks, of which each begins a segment."""
    if not plan.copied:
        return "N"
    first = plan.range_marks[span.number]
    at = [*(at for at, _ in plan.marks), plan.end][first : first + len(span.keys) + 1]
    counts = [*span.keys, span.frames]
    said = ""
    for number in reversed(range(len(span.keys))):
        a, b = counts[number : number + 2]
        here = f"{at[number] - at[0]}+floor((N-{a})*{at[number + 1] - at[number]}/{b - a})"
        said = f"if(lt(N,{b}),{here},{said})" if said else here
    return said


def _encode(source: Path, plan: Plan, span: Span, seek: int | None, outs: Mapping[int, Path], tools: Tools) -> str:
    """What ffmpeg said."""
    rungs = [rung for rung in plan.rungs if rung.height in outs]
    return _run(source, plan, span, seek, outs, _graph(cut(plan, span), plan, rungs), tools)


def _run(
    source: Path, plan: Plan, span: Span, seek: int | None, outs: Mapping[int, Path], graph: str, tools: Tools
) -> str:
    rungs = [rung for rung in plan.rungs if rung.height in outs]
    outputs = [Output(outs[rung.height], {"map": f"[o{rung.height}]", **_coder(plan, span, rung)}) for rung in rungs]
    seconds = float(span.frames / plan.rate)
    most = SETTLING + round(seconds * max(rung.max_rate for rung in rungs) / 4)
    job = Job([Input(source, {**ONE_GRAPH, **_seek(plan, seek)})], outputs, seconds, graph, most, copy_timestamps=True)
    return "\n".join(run(job, tools).lines)


def _seek(plan: Plan, seek: int | None) -> Options:
    """To a keyframe at least one picture before the range: too early costs decoding, too late pictures."""
    if seek is None:
        return {}
    return {"seek_timestamp": 1, "noaccurate_seek": None, "ss": f"{float(seek * plan.time_base):.6f}"}


def _graph(first: str, plan: Plan, rungs: list[Rung]) -> str:
    """One decode for all rungs: what is to be done `first`, then each rung scaled from the one above it."""
    parts = [f"[0:V:0]{first}"]
    for number, rung in enumerate(rungs):
        size = _smaller(rung) if number else picture_chain(plan, rung.width_px, rung.height_px)
        if number < len(rungs) - 1:
            parts += [f"{parts.pop()},{size},split=2[o{rung.height}][n{number}]", f"[n{number}]null"]
        else:
            parts.append(f"{parts.pop()},{size}[o{rung.height}]")
    return ";".join(parts)


def _smaller(rung: Rung) -> str:
    return f"scale={rung.width_px}:{rung.height_px},setsar=1,format=yuv420p"


def cut(plan: Plan, span: Span) -> str:
    """Filters that leave the pictures of a range, the first at 0: on the even clock, or at their own times."""
    chain = f"setpts=PTS-({plan.p0})"
    if plan.copied:
        start = round(span.start / plan.time_base)
        until = "" if span.stop is None else f":end_pts={round(span.stop / plan.time_base)}"
        return f"{chain},trim=start_pts={start}{until},setpts=PTS-({start})"
    if plan.interlaced:
        chain += STRAIGHTENED
    chain += f",fps={plan.rate}"
    end = plan.frames if span.b is None and plan.hold else span.b
    if plan.hold:
        chain += ",tpad=stop=-1:stop_mode=clone"
    return chain + f",trim=start_pts={span.a}{'' if end is None else f':end_pts={end}'},setpts=PTS-STARTPTS"


def _coder(plan: Plan, span: Span, rung: Rung) -> Options:
    return {
        **CODERS[plan.coder].options(plan, rung),
        "f": "mp4",
        **(_own_times(plan, span) if plan.copied else _even_times(plan)),
        **CLEAN,
    }


def _even_times(plan: Plan) -> Options:
    return {
        "g": plan.segment_frames,
        "keyint_min": plan.segment_frames,
        "fps_mode": "cfr",
    }


def _own_times(plan: Plan, span: Span) -> Options:
    """A keyframe where a segment of the copied film begins; a millisecond early, as rounding up would be late."""
    scale = plan.time_base.denominator
    marks = [(at - plan.p0) * plan.time_base - span.start for at, before in plan.marks if before - span.a in span.keys]
    return {
        "fps_mode": "passthrough",
        "enc_time_base": f"1/{scale}",
        "video_track_timescale": scale,
        "g": 100_000,
        "force_key_frames": ",".join(f"{max(0.0, float(mark) - 0.001):.6f}" for mark in marks),
    }


def verify(plan: Plan, span: Span, outs: Mapping[int, Path]) -> Made:
    """What the indexes of a range's files tell: pictures, keyframes, parameters. ToolFailed when they disagree."""
    frames: set[int] = set()
    avcc: dict[int, bytes] = {}
    for height, path in outs.items():
        try:
            index = boxes.video_index(path)
        except ValueError as error:
            raise ToolFailed("A rendition of this video came out unreadable.", cause=str(error)) from error
        if index.keyframes != _expected_keys(plan, span, index.frames):
            cause = f"keyframes {index.keyframes[:20]}"
            raise ToolFailed("A rendition of this video came out unevenly cut.", cause=cause)
        if index.avcc[:1] != b"\x01":
            raise ToolFailed("A rendition of this video came out unreadable.", cause="no decoder configuration")
        frames.add(index.frames)
        avcc[height] = index.avcc
    if len(frames) != 1 or not _as_many_as_planned(plan, span, min(frames)):
        raise ToolFailed(
            "A part of this video came out with {made} pictures instead of {planned}.",
            made=min(frames, default=0),
            planned=span.frames,
        )
    return Made(frames.pop(), avcc)


def _expected_keys(plan: Plan, span: Span, frames: int) -> tuple[int, ...]:
    return span.keys if plan.copied else tuple(range(0, frames, plan.segment_frames))


def _as_many_as_planned(plan: Plan, span: Span, frames: int) -> bool:
    """The last range may differ a little: versions end `fps` differently, a damaged end may lack some pictures."""
    if span.b is not None or plan.copied:
        return frames == span.frames
    slack = max(2, round(plan.rate / 2))
    return max(1, span.frames - slack) <= frames <= span.frames + 2
