"""The encoders: each is a name, its arguments for a rung, and a test of itself. A new one is a class here and a row.

Every range of a film is encoded by the one that its plan names. What a coder must keep to: H.264 in 4:2:0 with 8 bits,
a keyframe at each multiple of the segment and nowhere else, closed groups, the same parameters in every range, and the
same bytes when it is run twice.
"""

from __future__ import annotations

from typing import Protocol

from tubehome.base.errors import TubehomeError
from tubehome.media._guard import Options
from tubehome.media.ffmpeg import Job, Output, Tools, run
from tubehome.media.plan import Plan, Rung


class Coder(Protocol):
    """What a range asks of an encoder."""

    name: str

    def options(self, plan: Plan, rung: Rung) -> Options:
        """ffmpeg's arguments for one rung, without its keyframes and its container."""


class X264:
    """In software, everywhere; with one thread.

    With more, x264's threads look at each other's progress under a ceiling, and two runs may differ in a few bytes.
    Slices instead of frames do not cure it.
    """

    name = "libx264"

    def options(self, plan: Plan, rung: Rung) -> Options:
        return {
            "c:v": self.name,
            "preset": plan.preset,
            "crf": plan.crf,
            "maxrate": rung.max_rate,
            "bufsize": 2 * rung.max_rate,
            "sc_threshold": 0,
            "threads": plan.threads,
        }


CODERS: dict[str, Coder] = {coder.name: coder for coder in (X264(),)}


def works(name: str, plan: Plan, tools: Tools) -> bool:
    """Encodes a second of nothing: does this machine have what the coder needs?"""
    rung = plan.rungs[-1]
    graph = f"color=s={rung.width_px}x{rung.height_px}:r={plan.rate}:d=1,format=yuv420p[o]"
    output = Output(None, {"map": "[o]", **CODERS[name].options(plan, rung)})
    try:
        run(Job([], [output], 1, graph), tools)
    except TubehomeError:
        return False
    return True
