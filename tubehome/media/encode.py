"""Encoding: the sound once, the picture once a rung. Every file is read back before it counts."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.media import boxes
from tubehome.media._guard import Options
from tubehome.media.ffmpeg import Input, Job, Output, Tools, run
from tubehome.media.plan import Plan, Rung
from tubehome.media.probe import RESETTING, Probe, probe

SAMPLES = 1024  # of an AAC frame
HERTZ = 48_000
CLEAN: Options = {"map_metadata": -1, "map_chapters": -1, "bitexact": None}  # phones write where they were


def remux_if_needed(source: Path, probed: Probe, out: Path, tools: Tools) -> tuple[Path, Probe]:
    """The file to work with from here on, and its probe: the source itself, or `out` with an even clock.

    To be called before `plan`; a plan that is `remuxed` holds for this copy alone. The copy is an MP4 of about the
    same size, and making it again gives the same bytes. A broadcast may begin anywhere and jump: without `-copyts`,
    ffmpeg closes the jump.
    """
    if probed.format not in RESETTING or not probed.timestamp_jump:
        return source, probed
    tracks = ["0:V:0", *([f"0:a:{probed.sound.index}"] if probed.sound else [])]
    options: Options = {"map": tracks, "c": "copy", "f": "mp4", **CLEAN}
    if probed.sound and probed.sound.codec == "aac":
        options = {**options, "bsf:a": "aac_adtstoasc"}
    job = Job([Input(source)], [Output(out, options)], probed.duration, max_bytes=2 * probed.size + 64_000_000)
    run(job, tools)
    return out, replace(probe(out, tools), remuxed=True)


def encode_sound(source: Path, plan: Plan, out: Path, tools: Tools) -> None:
    """The sound as AAC in ADTS (48 kHz, mono or stereo), from the first picture to at least the last.

    Late sound is preceded by silence, holes and a short end are filled with it: every segment then has both.
    """
    chain = f"asetpts=PTS-({plan.start:.6f})/TB,aresample=async=1:first_pts=0,apad=whole_dur={plan.duration:.6f}"
    options: Options = {
        "map": f"0:a:{plan.sound_index}",
        "af": chain,
        "ac": plan.channels,
        "ar": HERTZ,
        "c:a": "aac",
        "b:a": plan.audio_bitrate,
        "f": "adts",
        **CLEAN,
    }
    room = 64_000_000 + round(plan.duration * plan.audio_bitrate / 4)
    job = Job([Input(source)], [Output(out, options)], plan.duration, max_bytes=room, copy_timestamps=True)
    run(job, tools)
    try:
        with out.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            frames = sum(1 for _ in adts_frames(data))
    except ValueError as error:
        raise ToolFailed("The sound of this video came out unreadable.", cause=str(error)) from error
    if frames - 1 < (plan.duration - 0.2) * HERTZ / SAMPLES:
        raise ToolFailed("The sound of this video came out too short.", cause=f"{frames} frames of {SAMPLES} samples")


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


def encode_rung(source: Path, plan: Plan, rung: Rung, out: Path, tools: Tools) -> int:
    """The film at one size: H.264 alone in an MP4. Its number of frames. ToolFailed when it is not as planned."""
    threads = tools.thread_count(plan.threads)
    options: Options = {
        "map": "[v]",
        "c:v": "libx264",
        "preset": plan.preset,
        "crf": plan.crf,
        "maxrate": rung.max_rate,
        "bufsize": 2 * rung.max_rate,
        "g": plan.segment_frames,
        "keyint_min": plan.segment_frames,
        "sc_threshold": 0,
        # Under a bitrate ceiling x264's threads look at each other's progress, so two runs may differ in a few bytes;
        # slices instead of frames do not cure it, and one thread does.
        "threads": threads,
        "fps_mode": "cfr",  # where the source changes its size midway, a picture may get lost between two graphs
        "f": "mp4",
        **CLEAN,
    }
    graph = f"[0:V:0]{timeline(plan)},{picture_chain(plan, rung.width_px, rung.height_px)}[v]"
    room = 64_000_000 + round(plan.duration * rung.max_rate / 4)
    job = Job([Input(source)], [Output(out, options)], plan.duration, graph, room, copy_timestamps=True)
    run(job, tools)
    return verify_rung(out, plan)


def timeline(plan: Plan) -> str:
    """Filters that put frame n at n/rate, beginning with the first picture."""
    chain = f"setpts=PTS-({plan.p0})"
    if plan.interlaced:
        chain += ",bwdif=mode=send_frame"
    chain += f",fps={plan.rate}"
    if plan.hold:
        chain += f",tpad=stop=-1:stop_mode=clone,trim=end_frame={plan.frames}"
    return chain


def picture_chain(plan: Plan, width: int, height: int, pixels: str = "yuv420p") -> str:
    """Filters that give a picture its size and its colours (HDR is brought down; scaled first, which is cheaper)."""
    chain = f"scale={width}:{height},setsar=1"
    if plan.hdr:
        chain += ",zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0"
        chain += ",zscale=t=bt709:m=bt709:r=tv"
    return f"{chain},format={pixels}"


def verify_rung(path: Path, plan: Plan) -> int:
    """Counts what the index of an encoded rung tells. An index comes last: where there is one, all is there."""
    try:
        index = boxes.video_index(path)
    except ValueError as error:
        raise ToolFailed("A rendition of this video came out unreadable.", cause=str(error)) from error
    # A damaged end may lack some pictures; more than half a second, and something is wrong.
    if not plan.frames - max(2, round(plan.rate / 2)) <= index.frames <= plan.frames + 2:
        raise ToolFailed(
            "A rendition of this video came out with {made} pictures instead of {planned}.",
            made=index.frames,
            planned=plan.frames,
        )
    if index.keyframes != tuple(range(0, index.frames, plan.segment_frames)):
        raise ToolFailed("A rendition of this video came out unevenly cut.", cause=f"keyframes {index.keyframes[:20]}")
    if index.avcc[:1] != b"\x01":
        raise ToolFailed("A rendition of this video came out unreadable.", cause="no decoder configuration")
    return index.frames
