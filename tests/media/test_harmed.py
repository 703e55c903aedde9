"""Films with something in them that is no film, or that is broken: the rest is what it would be without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Policy
from tubehome.media.probe import probe

pytestmark = pytest.mark.slow
Make = Callable[..., Path]
POLICY = Policy(heights=(90,), preset="ultrafast", segment_seconds=0.5, range_seconds=1)
FILM = ["-f", "lavfi", "-i", "testsrc2=s=160x90:r=25:d=4", "-f", "lavfi", "-i", "sine=f=330:r=48000:d=4"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"]


def test_the_data_tracks_of_a_sports_camera_are_let_be(
    make: Make, way: Callable[..., Any], inspect: Callable[[Any], None], tmp_path: Path
) -> None:
    """Its clock and its telemetry lie beside the film, as tracks that are neither picture nor sound."""
    film = make("harmed-camera.mov", *FILM, *X264, "-g", "25", "-timecode", "10:00:00:00")
    path = tmp_path / "camera.mp4"
    path.write_bytes(film.read_bytes().replace(b"tmcd", b"gpmd"))
    made = way(path, POLICY)
    assert made.probe.streams == 3
    assert made.plan.copied
    inspect(made)


@pytest.mark.parametrize("name", ["old.mkv", "copied.mp4"])
def test_bytes_that_were_lost_in_the_middle_cost_only_their_pictures(
    name: str, make: Make, way: Callable[..., Any], ffmpeg: Callable[..., Any], tmp_path: Path, tools: Tools
) -> None:
    old = name.endswith("mkv")
    coded = ["-c:v", "mpeg4", "-g", "25", "-c:a", "libmp3lame"] if old else [*X264, "-g", "25"]
    whole = make(f"harmed-{name}", *FILM, *coded)
    data = bytearray(whole.read_bytes())
    at = len(data) * 5 // 8
    data[at : at + 400] = bytes(400)
    path = tmp_path / name
    path.write_bytes(data)
    made = way(path, POLICY)
    assert made.plan.copied != old
    assert abs(made.plan.frames - 100) <= 1
    film = next(made.folder.glob("*-90-fragmented.mp4"))
    told = probe(film, tools)
    assert told.picture
    assert abs(told.picture.packets - 100) <= 1
    assert told.duration == pytest.approx(4, abs=0.2)
    # the second before the damage is that of the film without it
    beginning = (
        "[0:V]trim=end_frame=25,setpts=N/25/TB[a];[1:V]trim=end_frame=25,setpts=N/25/TB[b];[a][b]ssim=stats_file=-[o]"
    )
    seen = ffmpeg("-i", whole, "-i", film, "-filter_complex", beginning, "-map", "[o]", "-f", "null", "-").stdout
    similar = [float(line.split("All:")[1].split()[0]) for line in seen.splitlines() if "All:" in line]
    assert len(similar) == 25
    assert min(similar) > 0.9
