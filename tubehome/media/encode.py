"""What every encode shares: a source with an even clock, and the filters that give a picture its size and colours."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tubehome.media import flv, still
from tubehome.media._guard import Options
from tubehome.media.ffmpeg import CLEAN, Input, Job, Output, Tools, run
from tubehome.media.plan import Plan, Policy
from tubehome.media.probe import RESETTING, Probe, probe

DEFAULT = Policy()


def is_copied_first(probed: Probe) -> bool:
    """Is it worked with as a copy, of about the same size?"""
    if probed.picture is None:
        return True
    return _repeats(probed) or (probed.format in RESETTING and probed.timestamp_jump)


def _repeats(probed: Probe) -> bool:
    """Do its parameters stand where a seek leaps over them?"""
    return probed.format == "flv" and probed.picture is not None and not probed.picture.stream.constant


def remux_if_needed(
    source: Path, probed: Probe, out: Path, tools: Tools, policy: Policy = DEFAULT
) -> tuple[Path, Probe]:
    """The file to work with from here on, and its probe: the source itself, or `out`, with an even clock and a picture.

    To be called before `plan`; a plan that is `remuxed` holds for this copy alone. The copy is of about the same
    size, and making it again gives the same bytes. A broadcast may begin anywhere and jump: without `-copyts`, ffmpeg
    closes the jump. FLV whose parameters change gets them at each keyframe, for seeks (`flv`). Sound alone gets a
    picture (`still`).
    """
    if not is_copied_first(probed):
        return source, probed
    if probed.picture is None:
        side = max((h for h in policy.heights if h <= still.TALLEST), default=min(policy.heights))
        return out, still.with_picture(source, probed, out, side, policy.max_fps, tools)
    if _repeats(probed):
        flv.repeat_parameters(source, out, tools)
        return out, replace(probe(out, tools), remuxed=True)
    tracks = ["0:V:0", *([f"0:a:{probed.sound.index}"] if probed.sound else [])]
    options: Options = {"map": tracks, "c": "copy", "f": "mp4", **CLEAN}
    if probed.sound and probed.sound.codec == "aac":
        options = {**options, "bsf:a": "aac_adtstoasc"}
    job = Job([Input(source)], [Output(out, options)], probed.duration, max_bytes=2 * probed.size + 64_000_000)
    run(job, tools)
    return out, replace(probe(out, tools), remuxed=True)


def picture_chain(plan: Plan, width: int, height: int, pixels: str = "yuv420p") -> str:
    """Filters that give a picture its size and its colours (HDR is brought down; scaled first, which is cheaper)."""
    chain = f"scale={width}:{height},setsar=1"
    if plan.hdr:
        chain += ",zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0"
        chain += ",zscale=t=bt709:m=bt709:r=tv"
    return f"{chain},format={pixels}"
