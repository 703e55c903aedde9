"""Sound alone gets a picture: its cover, or the wave of the whole of it. From there on it is a film like any other.

The picture is encoded once, a few seconds of it, and repeated by copy: an hour costs what reading its sound costs, and
the result is such that its picture is copied (`copying`), so nothing is encoded twice.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from tubehome.base.errors import Refused
from tubehome.base.i18n import mark
from tubehome.media._guard import Options
from tubehome.media.ffmpeg import CLEAN, Failed, Input, Job, Output, Tools, run
from tubehome.media.plan import even
from tubehome.media.probe import Probe, Sound, probe

TALLEST = 720  # lines: more would show nothing more
RATE = 25  # pictures a second: what every player and television expects
GOP = 5  # seconds from one keyframe to the next
COVER, WAVES = "cover", "waves"
SAID = {
    COVER: mark("Sound alone: its cover becomes the picture."),
    WAVES: mark("Sound alone: a drawing of its loudness becomes the picture."),
}
LOUDNESS_HERTZ = 2000  # showwavespic keeps the whole sound: 24 hours take 350 MB so
BAR, GAP = 6, 4  # pixels: a bar of the wave, and what lies between two
PAPER, INK = "0x141c18", "0x3cbf8a"
BT709: Options = {"color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709", "color_range": "tv"}


def with_picture(source: Path, probed: Probe, out: Path, side: int, max_fps: int, tools: Tools) -> Probe:
    """Writes the film of a sound to `out`, about as large as the source, and returns its probe.

    `side`: its lines, at most. The sound is not touched. The same source gives the same bytes.
    """
    sound = probed.sound
    if sound is None:
        raise Refused("There is neither picture nor sound in this file.")
    rate = min(RATE, max_fps)
    gop = out.with_name(f"{out.name}.still")
    try:
        drawn = _draw(source, probed, sound, gop, (even(side * 16 // 9), even(side), rate), tools)
        _join(gop, source, probed, sound, out, rate, tools)
    finally:
        gop.unlink(missing_ok=True)
    return replace(probe(out, tools), remuxed=True, drawn=drawn, inside=probed.inside)


def _draw(source: Path, probed: Probe, sound: Sound, gop: Path, shape: tuple[int, int, int], tools: Tools) -> str:
    """A few seconds of picture; what it shows. A cover that cannot be read counts as none."""
    if probed.cover is not None:
        try:
            _encode(source, _cover(probed.cover, *shape[:2]), 60, gop, shape, tools)
        except Failed:
            pass
        else:
            return COVER
    _encode(source, _waves(sound.index, *shape[:2]), probed.duration, gop, shape, tools)
    return WAVES


def _encode(source: Path, graph: str, seconds: float, gop: Path, shape: tuple[int, int, int], tools: Tools) -> None:
    width, height, rate = shape
    frames = GOP * rate
    picture = f"scale={width}:{height}:out_color_matrix=bt709:out_range=tv,setsar=1,format=yuv420p"
    chain = f"{graph},{picture},loop={frames - 1}:1:0,setpts=N/({rate}*TB)[o]"
    options: Options = {
        "map": "[o]",
        "frames:v": frames,
        "r": rate,
        "c:v": "libx264",
        "preset": "veryfast",
        "tune": "stillimage",
        "crf": 20,
        "bf": 0,
        "g": frames,
        "threads": 1,
        "f": "mp4",
        **BT709,
        **CLEAN,
    }
    run(Job([Input(source)], [Output(gop, options)], seconds, chain), tools)


def _cover(stream: int, width: int, height: int) -> str:
    """The cover whole, at most twice its size, before itself: enlarged and out of focus."""
    fill = f"scale={width}:{height}:force_original_aspect_ratio=increase,crop={width}:{height},setsar=1"
    fit = f"scale='min({width},2*iw)':'min({height},2*ih)':force_original_aspect_ratio=decrease:flags=lanczos,setsar=1"
    return (
        f"[0:{stream}]trim=end_frame=1,format=gbrp,split[a][b];"
        f"[a]{fill},gblur=sigma={height // 24},eq=brightness=-0.12:saturation=0.8,format=gbrp[back];[b]{fit}[front];"
        f"[back][front]overlay=(W-w)/2:(H-h)/2:format=gbrp"
    )


def _waves(index: int, width: int, height: int) -> str:
    """Loudness from beginning to end, as a row of bars."""
    bars = max(8, width * 7 // 8 // (BAR + GAP))
    wide, tall = bars * (BAR + GAP), height // 2
    return (
        f"color={PAPER}:s={width}x{height},trim=end_frame=1,format=gbrp[paper];"
        f"[0:a:{index}]aresample={LOUDNESS_HERTZ},aformat=channel_layouts=mono,"
        f"showwavespic=s={bars}x{tall}:scale=cbrt:draw=full:filter=peak:colors={INK},"
        f"scale={wide}:{tall}:flags=neighbor,format=gbrap,drawgrid=w={BAR + GAP}:h=0:x=-1:t={GAP}:c={PAPER}@1[bars];"
        f"[paper][bars]overlay=(W-w)/2:(H-h)/2:format=gbrp"
    )


def _join(gop: Path, source: Path, probed: Probe, sound: Sound, out: Path, rate: int, tools: Tools) -> None:
    """The picture over and over beside the sound, both copied. Whole pictures: the last may outlast the sound."""
    pictures = max(1, math.ceil((sound.end - sound.start) * rate))
    options: Options = {
        "map": ["0:v:0", f"1:a:{sound.index}"],
        "c": "copy",
        "t": f"{pictures / rate:.6f}",
        "f": "matroska",
        **CLEAN,
    }
    inputs = [Input(gop, {"stream_loop": -1}), Input(source)]
    room = 2 * probed.size + gop.stat().st_size * (round(probed.duration) // GOP + 2) + 64_000_000
    job = Job(inputs, [Output(out, options)], probed.duration, max_bytes=room)
    try:
        run(job, tools)
    except Failed:  # a sound that Matroska has no name for: without loss
        run(replace(job, outputs=[Output(out, {**options, "c:a": "flac"})], max_bytes=20 * room), tools)
