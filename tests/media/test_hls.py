"""Playlists, digests and bandwidths; that the same input gives the same bytes; that sound and picture agree."""

from __future__ import annotations

import array
import hashlib
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import m3u8
import pytest

from tubehome.base.errors import ToolFailed
from tubehome.media import boxes, growing, hls, ranges
from tubehome.media.ffmpeg import Tools
from tubehome.media.hls import Rendition, Segment
from tubehome.media.plan import Policy, plan
from tubehome.media.probe import probe
from tubehome.media.progressive import progressive

Make = Callable[..., Path]
FILE = "3e0c1cd2-3c4f-4a8e-9d2e-6f0f6f6f0001-360-fragmented.mp4"
ONE_THREAD = Policy(heights=(180, 120), preset="ultrafast", segment_seconds=0.5, threads=1)
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]


def rendition(sizes: list[int], frames: list[int], rate: Fraction = Fraction(25), **more: Any) -> Rendition:
    segments, at = [], 1000
    for size, count in zip(sizes, frames, strict=True):
        segments.append(Segment(at, size, count, hashlib.sha256(str(at).encode()).hexdigest()))
        at += size
    fields: dict[str, Any] = {
        "height": 360, "width_px": 640, "height_px": 360, "file": FILE, "size": at, "init_size": 1000,
        "segments": tuple(segments), "codecs": "avc1.64001e,mp4a.40.2",
        "bandwidth": hls.peak([(each.size, each.frames / rate) for each in segments]),
        "average_bandwidth": 1, "rate": rate,
    }  # fmt: skip
    return Rendition(**{**fields, **more})


def test_a_finished_playlist_word_for_word() -> None:
    made = rendition([500_000, 400_000, 1000], [120, 120, 3], Fraction(30000, 1001))
    assert (
        hls.media_playlist(made)
        == f"""#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:5
#EXT-X-MEDIA-SEQUENCE:0
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="{FILE}",BYTERANGE="1000@0"
#EXTINF:4.004000,
#EXT-X-BYTERANGE:500000@1000
{FILE}
#EXTINF:4.004000,
#EXT-X-BYTERANGE:400000@501000
{FILE}
#EXTINF:0.100100,
#EXT-X-BYTERANGE:1000@901000
{FILE}
#EXT-X-ENDLIST
"""
    )


def test_a_growing_playlist_only_grows() -> None:
    now = hls.media_playlist(rendition([500, 400], [100, 100], final=False))
    later = hls.media_playlist(rendition([500, 400, 300], [100, 100, 100], final=False))
    assert later.startswith(now)
    assert "EVENT" in now
    assert "#EXT-X-START:TIME-OFFSET=0" in now, "a player begins at its beginning, not at its newest"
    assert "ENDLIST" not in now


def test_the_first_variant_is_what_an_unknown_line_carries() -> None:
    made = [rendition([1], [1], height=h, bandwidth=b, file=f"{h}{hls.SUFFIX}") for h, b in
            [(360, 900_000), (720, 2_300_000), (1080, 5_000_000), (480, 1_500_000)]]  # fmt: skip
    assert re.findall(r"(\d+)\.m3u8", hls.master_playlist(made)) == ["720", "1080", "480", "360"]
    heavy = [replace(each, bandwidth=9 * each.bandwidth) for each in made]
    assert re.findall(r"(\d+)\.m3u8", hls.master_playlist(heavy)) == ["360", "1080", "720", "480"]
    assert re.findall(r"(\d+)\.m3u8", hls.master_playlist(made[:1])) == ["360"]


def test_digests_in_peertubes_shape() -> None:
    made = rendition([500, 400], [100, 100])
    assert hls.sha256_list([made]) == {
        FILE: {"1000-1499": made.segments[0].sha256, "1500-1899": made.segments[1].sha256}
    }


def test_names() -> None:
    assert hls.playlist_name(rendition([1], [1])) == "3e0c1cd2-3c4f-4a8e-9d2e-6f0f6f6f0001-360.m3u8"


@pytest.mark.parametrize(
    ("sizes", "frames", "peak"),
    [
        ([1000], [100], 2000),
        ([1000, 3000, 1000], [100, 100, 100], 6000),
        ([1000, 900], [100, 1], 8 * 1900 * 25 / 101),  # the tail does not count alone, only with its neighbour
        ([1000, 900], [100, 60], 3000),
        ([40], [1], 8000),
    ],
)
def test_bandwidth_is_the_peak_over_whole_segments(sizes: list[int], frames: list[int], peak: float) -> None:
    assert rendition(sizes, frames).bandwidth == pytest.approx(peak, abs=1)


@pytest.mark.slow
def test_everything_agrees_and_comes_out_the_same_twice(clip: Path, way: Any) -> None:
    first = way(clip, ONE_THREAD)
    kept = {path.name: path.read_bytes() for path in first.folder.iterdir()}
    second = way(clip, ONE_THREAD)
    assert {path.name: path.read_bytes() for path in second.folder.iterdir()} == kept
    assert first == second

    master = m3u8.loads(kept["master.m3u8"].decode())
    assert len(master.playlists) == len(first.renditions) == 2
    for each in master.playlists:
        made = next(r for r in first.renditions if hls.playlist_name(r) == each.uri)
        info, listed = each.stream_info, m3u8.loads(kept[each.uri].decode())
        assert (info.bandwidth, info.average_bandwidth) == (made.bandwidth, made.average_bandwidth)
        assert (info.resolution, info.frame_rate) == ((made.width_px, made.height_px), 29.970)
        data = kept[made.file]
        assert info.codecs == f"avc1.{data[(at := data.index(b'avcC') + 5) : at + 3].hex()},mp4a.40.2"
        assert made.average_bandwidth == pytest.approx(8 * (made.size - made.init_size) / first.plan.duration, abs=1)
        assert made.average_bandwidth <= made.bandwidth <= 3 * made.average_bandwidth
        assert [s.byterange for s in listed.segments] == [f"{s.size}@{s.offset}" for s in made.segments]
        assert listed.segments[0].init_section.byterange == f"{made.init_size}@0"
        for segment in made.segments:
            assert hashlib.sha256(data[segment.offset :][: segment.size]).hexdigest() == segment.sha256
    assert b"Lavf" not in kept["180p.mp4"]


@pytest.mark.slow
@pytest.mark.parametrize("late", [0, 0.7, -0.5])
def test_a_beep_and_its_flash_stay_together(late: float, make: Make, way: Any, ffmpeg: Any) -> None:
    """A white picture and a beep each second; sound that begins `late` against the picture in the source."""
    flashes = "color=black:s=64x48:r=25:d=4,drawbox=c=white:t=fill:enable='gte(mod(t,1),0.48)*lt(mod(t,1),0.6)'"
    beeps = "aevalsrc='if(between(mod(t,1),0.48,0.6),0.8*sin(6000*t),0)':s=44100:d=4"
    sound = ["-af", f"atrim={late},asetpts=PTS-STARTPTS"] if late > 0 else []
    name = f"beeps{late}.mkv"
    source = make(name, "-f", "lavfi", "-itsoffset", max(0, -late), "-i", flashes, "-f", "lavfi", "-itsoffset",
                  max(late, 0), "-i", beeps, *sound, *X264, "-g", "100", "-c:a", "flac")  # fmt: skip

    made = way(source, Policy(heights=(48,), preset="ultrafast", segment_seconds=1))

    rendition = made.renditions[0]
    for path in (made.folder / hls.playlist_name(rendition), made.folder / f"{made.plan.progressive}p.mp4"):
        seen, heard = starts_of_flashes(path, ffmpeg), starts_of_beeps(path, made.folder / "heard", ffmpeg)
        shift = -late if late < 0 else 0  # the source's sound is early against its picture: it stays so
        pairs = [(flash, min(heard, key=lambda b: abs(b + shift - flash))) for flash in seen]
        assert len(seen) >= 3
        assert [flash for flash, beep in pairs if abs(beep + shift - flash) <= 1 / 25][-3:], (seen, heard)
        assert sum(abs(beep + shift - flash) <= 1 / 25 for flash, beep in pairs) >= len(seen) - 1, (seen, heard)


def starts_of_flashes(path: Path, ffmpeg: Any) -> list[float]:
    shown = ffmpeg("-i", path, "-an", "-vf", "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-",
                   "-f", "null", "-").stdout  # fmt: skip
    times = [float(t) for t in re.findall(r"pts_time:([\d.]+)", shown)]
    bright = [float(y) > 100 for y in re.findall(r"YAVG=([\d.]+)", shown)]
    return [times[n] for n in range(1, len(times)) if bright[n] and not bright[n - 1]]


def starts_of_beeps(path: Path, raw: Path, ffmpeg: Any) -> list[float]:
    ffmpeg("-i", path, "-vn", "-ac", 1, "-ar", 8000, "-af", "aresample=async=1:first_pts=0", "-f", "s16le", raw)
    samples = array.array("h", raw.read_bytes())
    loud = [max(map(abs, samples[n : n + 40])) > 3000 for n in range(0, len(samples), 40)]  # 5 ms each
    return [n * 0.005 for n in range(1, len(loud)) if loud[n] and not any(loud[max(0, n - 20) : n])]


def test_the_download_starts_with_its_index(clip: Path, way: Any) -> None:
    made = way(clip, Policy(heights=(120,), preset="ultrafast", segment_seconds=0.5))
    with (made.folder / "120p.mp4").open("rb") as file:
        assert [box.kind for box in boxes.file_boxes(file)][:2] == ["ftyp", "moov"]
    index = boxes.video_index(made.folder / "120p.mp4")
    assert Fraction(index.duration, index.timescale) == Fraction(made.plan.frames) / made.plan.rate


def test_what_is_not_as_planned_does_not_count(make: Make, tmp_path: Path, tools: Tools) -> None:
    source = make("uncopied.mkv", "-f", "lavfi", "-i", "testsrc2=s=128x96:d=3", "-c:v", "mpeg4")
    planned = plan(probe(source, tools), Policy(heights=(96,), preset="ultrafast", segment_seconds=0.5))
    planned = replace(planned, starts=(0, planned.segment_frames), seeks=planned.seeks[:2])
    first, second = planned.spans
    video, out = tmp_path / "video", tmp_path / "out"
    ranges.encode_range(source, planned, first, {96: video}, tools)
    for other in (replace(first, frames=90), replace(first, frames=3)):
        with pytest.raises(ToolFailed, match="pictures"):
            ranges.verify(planned, other, {96: video})
    with pytest.raises(ToolFailed, match="unevenly cut"):
        ranges.verify(replace(planned, segment_frames=7), first, {96: video})
    piece = growing.append(video, None, planned, first, [], out, tmp_path, tools)
    for plan_, span in ((replace(planned, segment_frames=7), first), (planned, replace(second, a=first.frames + 1))):
        with pytest.raises(ToolFailed, match="unevenly cut"):
            growing.append(video, None, plan_, span, [piece], out, tmp_path, tools)
    with pytest.raises(ToolFailed, match="unevenly cut"):
        growing.append(video, None, planned, first, [replace(piece, avcc="01")], out, tmp_path, tools)
    video.write_bytes(video.read_bytes()[:-1])
    with pytest.raises(ToolFailed, match="unreadable"):
        ranges.verify(planned, first, {96: video})
    out.write_bytes(out.read_bytes()[:-1])
    with pytest.raises(ToolFailed, match="unevenly cut"):
        progressive(out, tmp_path / "p.mp4", tools)


def test_no_trace_of_where_the_phone_was(make: Make, way: Any) -> None:
    source = make("gps.mov", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.4", "-metadata", "location=+48.8577+002.2950/",
                  "-metadata", "title=Zuhause", "-metadata:s:v", "handler_name=Zuhause", *X264)  # fmt: skip
    assert b"+48.8577" in source.read_bytes()
    made = way(source)
    for path in made.folder.iterdir():
        assert b"48.8577" not in path.read_bytes(), path
        assert b"Zuhause" not in path.read_bytes(), path
