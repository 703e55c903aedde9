"""Picture and sound stay together: a flash and a beep at the same moment come out within a picture of each other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.media.plan import Policy

pytestmark = pytest.mark.slow
Make = Callable[..., Path]
POLICY = Policy(heights=(90,), preset="ultrafast", segment_seconds=0.5, range_seconds=1)
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
AAC = ["-c:a", "aac"]


def flash(at: float, length: float = 4, rate: str = "25") -> list[str]:
    """A black film that is white for a fifth of a second."""
    white = f"drawbox=c=white:t=fill:enable='between(t,{at - 0.001:.3f},{at + 0.19:.3f})'"
    return ["-f", "lavfi", "-i", f"color=black:s=160x90:r={rate}:d={length},{white}"]


def beep(at: float, length: float = 4) -> list[str]:
    tone = f"if(between(t,{at},{at + 0.2}),0.8*sin(5000*t),0)"
    return ["-f", "lavfi", "-i", f"aevalsrc='{tone}':s=48000:d={length}"]


def moved(by: float, given: list[str]) -> list[str]:
    return [*given[:2], "-itsoffset", str(by), *given[2:]]


CLIPS: dict[str, list[Any]] = {
    "copied.mp4": [*flash(2), *beep(2), *X264, *AAC],
    "copied-b-frames.mp4": [*flash(2), *beep(2), *X264, "-bf", "3", "-g", "25", *AAC],
    "sound-encoded.mkv": [*flash(2), *beep(2), *X264, "-c:a", "libvorbis"],
    "old.avi": [*flash(2), *beep(2), "-c:v", "mpeg4", "-c:a", "libmp3lame"],
    "old.mkv": [*flash(2, rate="60000/1001"), *beep(2), "-c:v", "mpeg4", "-c:a", "libopus"],
    "broadcast.ts": [*flash(2), *beep(2), "-c:v", "mpeg2video", "-c:a", "mp2"],
    "web.webm": [*flash(2), *beep(2), "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-c:a", "libopus"],
    "late-sound.mp4": [*flash(2), *moved(0.7, beep(1.3, 3)), *X264, *AAC],
    "late-sound.mkv": [*flash(2), *moved(0.7, beep(1.3, 3)), "-c:v", "mpeg4", *AAC],
    "late-picture.mp4": [*moved(0.8, flash(1.2, 3)), *beep(2), *X264, *AAC],
    "far-start.mkv": [*flash(2), *beep(2), "-c:v", "mpeg4", *AAC, "-output_ts_offset", "7000"],
    "far-start.ts": [*flash(2), *beep(2), *X264, *AAC, "-output_ts_offset", "7000"],
    "before-zero.mp4": [*flash(2), *beep(2), *X264, "-bf", "0", *AAC, "-output_ts_offset", "-0.5",
                        "-avoid_negative_ts", "disabled"],
}  # fmt: skip


@pytest.mark.parametrize("name", CLIPS)
def test_a_flash_and_its_beep(name: str, make: Make, way: Callable[..., Any], ffmpeg: Callable[..., Any]) -> None:
    apart, frame = together(way(make(f"flash-{name}", *CLIPS[name]), POLICY), ffmpeg)
    assert abs(apart) <= frame, f"the sound comes {apart:.3f} s after the picture"


@pytest.mark.parametrize("keys", ["250", "10"])
def test_one_that_was_cut_without_encoding(
    keys: str, make: Make, way: Callable[..., Any], ffmpeg: Callable[..., Any]
) -> None:
    """Its list of edits says to begin in the middle of a group of pictures."""
    whole = make(f"flash-whole-{keys}.mp4", *flash(2), *beep(2), *X264, "-g", keys, *AAC)
    apart, frame = together(way(make(f"flash-cut-{keys}.mp4", "-ss", "0.9", "-i", whole, "-c", "copy"), POLICY), ffmpeg)
    assert abs(apart) <= frame, f"the sound comes {apart:.3f} s after the picture"


def test_they_do_not_drift_apart(make: Make, way: Callable[..., Any], ffmpeg: Callable[..., Any]) -> None:
    """After three minutes, through fifteen joints, with a sound whose clock is not that of its frames."""
    arguments = [*flash(181, 184), *beep(181, 184), "-c:v", "mpeg4", "-ar", "44100", "-c:a", "libmp3lame"]
    policy = Policy(heights=(90,), preset="ultrafast", segment_seconds=4, range_seconds=12)
    apart, frame = together(way(make("flash-long.mkv", *arguments), policy), ffmpeg)
    assert abs(apart) <= frame, f"the sound comes {apart:.3f} s after the picture"


def together(made: Any, ffmpeg: Callable[..., Any]) -> tuple[float, float]:
    """Seconds from the flash to the beep in what came out; seconds of a picture."""
    film = next(made.folder.glob("*-fragmented.mp4"))
    said = ffmpeg("-i", film, "-vf", "scale=2:2,format=gray,showinfo", "-fps_mode", "passthrough", "-loglevel", "info",
                  "-map", "0:v", "-f", "null", "-").stderr  # fmt: skip
    shown = [line for line in said.splitlines() if " pts_time:" in line]
    bright = next(line for line in shown if float(line.split("mean:[")[1].split("]")[0].split()[0]) > 180)
    flashed = float(bright.split(" pts_time:")[1].split()[0])
    raw = made.folder / "sound.raw"
    ffmpeg("-i", film, "-map", "0:a", "-af", "aresample=8000:async=1:first_pts=0", "-ac", 1, "-f", "s16le", raw)
    data = memoryview(raw.read_bytes()).cast("h")
    beeped = next(n for n, value in enumerate(data) if abs(value) > 6000) / 8000
    return beeped - flashed, float(1 / made.plan.rate)
