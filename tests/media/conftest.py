"""Clips made by ffmpeg as they are needed (once a session and process), and the whole way from a clip to HLS."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import pytest

from tubehome.media import boxes, growing, hls, ranges, top
from tubehome.media.check import Ceilings, check
from tubehome.media.encode import picture_chain, remux_if_needed
from tubehome.media.ffmpeg import Tools
from tubehome.media.growing import Piece
from tubehome.media.images import Image, thumbnails
from tubehome.media.plan import Plan, Policy, plan
from tubehome.media.probe import Probe, changing
from tubehome.media.progressive import progressive
from tubehome.media.sound import make_sound

FILE = "3e0c1cd2-3c4f-4a8e-9d2e-6f0f6f6f0001"
CEILINGS = Ceilings(max_bytes=100_000_000, max_seconds=3600)
TINY = Policy(heights=(180, 120), preset="ultrafast", segment_seconds=0.5, range_seconds=1)
FILM = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=30000/1001:d=2"]
VOICE = ["-f", "lavfi", "-i", "sine=f=330:r=44100:d=2"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-threads", "2"]
ONE_GRAPH = ["-reinit_filter", 0]

Make = Callable[..., Path]


@dataclass(frozen=True)
class Made:
    """All that came of one source; `folder` holds it as it would be served."""

    folder: Path
    source: Path
    probe: Probe
    plan: Plan
    renditions: tuple[hls.Rendition, ...]
    images: tuple[Image, ...]


def ffmpeg(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The system's ffmpeg, apart from ours. The test fails when it does."""
    command = ["ffmpeg", "-hide_banner", "-nostdin", "-loglevel", "warning", "-y", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done


@pytest.fixture(scope="session", name="ffmpeg")
def ffmpeg_fixture() -> Callable[..., subprocess.CompletedProcess[str]]:
    return ffmpeg


@pytest.fixture(scope="session")
def encoders() -> set[str]:
    said = subprocess.run(["ffmpeg", "-hide_banner", "-encoders"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^ [VA][.A-Z]{5} (\S+)", said, re.MULTILINE))


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """make(name, *arguments): the clip of that name, made the first time. Arguments as ffmpeg's, without the output."""
    folder = tmp_path_factory.mktemp("clips")

    def made(name: str, *arguments: object) -> Path:
        path = folder / name
        if not path.exists():
            ffmpeg(*arguments, path)
        return path

    return made


@pytest.fixture(scope="session")
def clip(make: Make) -> Path:
    """Two seconds of an ordinary MP4."""
    return make("ordinary.mp4", *FILM, *VOICE, *X264, "-c:a", "aac", "-shortest")


@pytest.fixture
def tools() -> Tools:
    return Tools(threads=2, nice=0)


@pytest.fixture
def way(tmp_path: Path, tools: Tools) -> Callable[..., Made]:
    """way(source, policy): everything that is made of a source, in a folder of its own."""

    def made(source: Path, policy: Policy = TINY) -> Made:
        return whole_way(source, policy, tmp_path, tools)

    return made


def whole_way(source: Path, policy: Policy, folder: Path, tools: Tools) -> Made:
    probed = check(source, source.name, CEILINGS, tools)
    source, probed = remux_if_needed(source, probed, folder / "remuxed", tools, policy)
    planned, pieces = _made_as_planned(source, probed, policy, folder, tools)
    renditions = []
    for rung in planned.rungs:
        name = f"{FILE}-{rung.height}-fragmented.mp4"
        rendition = growing.rendition(pieces[rung.height], planned, rung, name, final=True)
        growing.verify_size(folder / name, rendition)
        assert hls.Rendition.from_json(rendition.to_json()) == rendition
        (folder / hls.playlist_name(rendition)).write_text(hls.media_playlist(rendition))
        renditions.append(rendition)
    (folder / "master.m3u8").write_text(hls.master_playlist(renditions))
    top = folder / f"{FILE}-{planned.progressive}-fragmented.mp4"
    progressive(top, folder / f"{planned.progressive}p.mp4", tools)
    images = thumbnails(source, planned, folder, tools)
    return Made(folder, source, probed, planned, tuple(renditions), images)


def _made_as_planned(
    source: Path, probed: Probe, policy: Policy, folder: Path, tools: Tools
) -> tuple[Plan, dict[int, list[Piece]]]:
    """Where only the copy shows that it cannot be one, by another plan."""
    planned = Plan.from_json(plan(probed, policy).to_json())
    sound = folder / "sound" if planned.sound else None
    if sound:
        make_sound(source, planned, sound, tools)
    try:
        return planned, all_pieces(source, sound, planned, folder, tools)
    except top.Changes:
        assert planned.copied
        for left in folder.glob(f"{FILE}-*"):
            left.unlink()
        return _made_as_planned(source, changing(probed), policy, folder, tools)


def all_pieces(source: Path, sound: Path | None, planned: Plan, folder: Path, tools: Tools) -> dict[int, list[Piece]]:
    """Every rendition in `folder`, range by range; what each range added, by height."""
    named = {rung.height: folder / f"{FILE}-{rung.height}-fragmented.mp4" for rung in planned.rungs}
    pieces: dict[int, list[Piece]] = {rung.height: [] for rung in planned.rungs}
    if planned.copied:
        first = planned.rungs[0].height
        pieces[first] = [top.copy_top(source, sound, planned, named[first], tools)]
    for span in planned.spans if planned.encoded else ():
        outs = {rung.height: folder / f"range-{rung.height}" for rung in planned.encoded}
        ranges.encode_range(source, planned, span, outs, tools)
        for height, path in outs.items():
            before = pieces[height]
            before.append(growing.append(path, sound, planned, span, before, named[height], folder, tools))
            path.unlink()
    for left in ("fragment.mp4", "fragment.aac"):
        (folder / left).unlink(missing_ok=True)
    return pieces


@pytest.fixture(name="all_pieces")
def all_pieces_fixture() -> Callable[..., dict[int, list[Piece]]]:
    return all_pieces


@pytest.fixture
def inspect() -> Callable[[Made], None]:
    return inspect_made


def inspect_made(made: Made) -> None:
    """What holds for whatever was made of whatever source."""
    for rendition in made.renditions:
        _inspect_rendition(made, rendition)
    starts = {tuple(s.frames for s in rendition.segments) for rendition in made.renditions}
    assert len(starts) == 1, "keyframes align across renditions"
    assert len({tuple(map(r.length, r.segments)) for r in made.renditions}) == 1
    _inspect_progressive(made)
    for image in made.images:
        shown = ffmpeg("-i", made.folder / image.file, "-f", "framemd5", "-").stdout
        assert f"#dimensions 0: {image.width}x{image.height}" in shown
        assert image.width <= made.plan.width


def _inspect_rendition(made: Made, rendition: hls.Rendition) -> None:
    path = made.folder / rendition.file
    data, at = path.read_bytes(), rendition.init_size
    for segment in rendition.segments:
        assert segment.offset == at, "byte ranges tile the file"
        at += segment.size
        assert [b.kind for b in boxes.boxes(data, segment.offset, at)] == ["moof", "mdat"]
    assert at == len(data) == rendition.size
    playlist = (made.folder / hls.playlist_name(rendition)).read_text()
    total = sum(float(length) for length in re.findall(r"#EXTINF:([\d.]+),", playlist))
    assert abs(total - made.plan.duration) <= 1.01 / made.plan.rate
    shown = ffmpeg("-i", made.folder / hls.playlist_name(rendition), "-map", "0", "-fps_mode", "passthrough",
                   "-f", "framemd5", "-")  # fmt: skip
    assert not shown.stderr.strip(), "decodes without one warning"
    rows = [line.split(",") for line in shown.stdout.splitlines() if not line.startswith("#")]
    pictures = [int(row[2]) for row in rows if row[0] == "0"]
    assert len(pictures) == sum(s.frames for s in rendition.segments)
    if not made.plan.copied:
        assert pictures == list(range(len(pictures))), "each picture at its place"
    assert pictures[0] == 0
    assert pictures == sorted(set(pictures)), "none at another's place"
    assert f"#dimensions 0: {rendition.width_px}x{rendition.height_px}" in shown.stdout
    assert made.plan.sound == any(row[0] == "1" for row in rows)
    assert made.plan.sound == ("mp4a.40.2" in rendition.codecs)


def _inspect_progressive(made: Made) -> None:
    height = made.plan.progressive
    both = (made.folder / f"{FILE}-{height}-fragmented.mp4", made.folder / f"{height}p.mp4")
    copied = ["-map", "0", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "streamhash", "-"]
    assert len({ffmpeg("-i", path, *copied).stdout for path in both}) == 1, "the same bitstream"
    played = ffmpeg("-i", both[1], "-fps_mode", "passthrough", "-f", "framemd5", "-")
    assert not played.stderr.strip()


@pytest.fixture
def resemble() -> Callable[[Made], None]:
    return resembles


def resembles(made: Made) -> None:
    """Each picture is the source's at its moment: no worse than one ffmpeg with the same settings makes it.

    By SSIM, which falls at once where a picture stands at its neighbour's place. A copied one is the same.
    """
    plan, rung = made.plan, made.plan.rungs[0]
    if rung.height_px < 16:
        return  # SSIM looks at squares of 8 pixels
    chain = f"[0:V:0]setpts=PTS-({plan.p0})" + ",bwdif=mode=send_frame" * plan.interlaced
    chain += f",fps={plan.rate}" * (not plan.copied)
    chain += f",{picture_chain(plan, rung.width_px, rung.height_px)},setpts=N/25/TB"
    mine = made.folder / f"{FILE}-{rung.height}-fragmented.mp4"
    ours = _ssim(made.source, chain, mine)
    if plan.copied:
        assert ours > 0.999, ours
        return
    one = made.folder / "one-ffmpeg.mp4"
    settings = ["-c:v", "libx264", "-preset", plan.preset, "-crf", plan.crf, "-maxrate", rung.max_rate]
    settings += ["-bufsize", 2 * rung.max_rate, "-threads", 1, "-g", plan.segment_frames, "-sc_threshold", 0]
    ffmpeg(
        "-copyts",
        *ONE_GRAPH,
        "-i",
        made.source,
        "-filter_complex",
        f"{chain}[o]",
        "-map",
        "[o]",
        "-r",
        25,
        *settings,
        one,
    )
    theirs = _ssim(made.source, chain, one)
    assert ours >= theirs - 0.01, f"{ours} instead of {theirs}"


def _ssim(source: Path, chain: str, film: Path) -> float:
    """Of all pictures, 0 to 1."""
    graph = f"{chain}[a];[1:V:0]setpts=N/25/TB[b];[a][b]ssim=shortest=1:stats_file=-[o]"
    said = ffmpeg(
        "-copyts", *ONE_GRAPH, "-i", source, "-i", film, "-filter_complex", graph, "-map", "[o]", "-f", "null", "-"
    ).stdout
    found = [float(value) for value in re.findall(r"All:([\d.]+)", said)]
    assert found, "nothing was compared"
    return sum(found) / len(found)


@pytest.fixture
def seconds() -> Callable[[Path], Fraction]:
    """Length of the first video stream of a plain MP4, as its index tells."""

    def told(path: Path) -> Fraction:
        index = boxes.video_index(path)
        return Fraction(index.duration, index.timescale)

    return told
