"""HLS (RFC 8216, version 7): a rendition is one fragmented MP4, read in byte ranges."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction

SUFFIX = "-fragmented.mp4"  # as PeerTube names them
FIRST_UP_TO = 2_500_000  # bits/s of the variant that is listed first


@dataclass(frozen=True)
class Segment:
    """From a keyframe to before the next segment's, with its sound. `offset` and `size` in bytes, `sha256` in hex."""

    offset: int
    size: int
    frames: int
    sha256: str
    ticks: int = 0  # its length, where pictures keep their own times (Rendition.clock); else its frames tell


@dataclass(frozen=True)
class Rendition:
    """A rendition, finished or growing. Bandwidths in bits/s; `height` is the label, `rate` pictures a second."""

    height: int
    width_px: int
    height_px: int
    file: str
    size: int
    init_size: int
    segments: tuple[Segment, ...]
    codecs: str
    bandwidth: int
    average_bandwidth: int
    rate: Fraction
    clock: int = 0  # ticks a second; 0: the clock is even
    target: int = 0  # seconds that no segment exceeds, once rounded; 0: what the segments say
    final: bool = True

    def length(self, segment: Segment) -> Fraction:
        """Seconds."""
        return Fraction(segment.ticks, self.clock) if self.clock else segment.frames / self.rate

    @property
    def duration(self) -> float:
        """Seconds."""
        return float(sum(map(self.length, self.segments)))

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "rate": str(self.rate)})

    @classmethod
    def from_json(cls, stored: str) -> Rendition:
        said = json.loads(stored)
        segments = tuple(Segment(**segment) for segment in said["segments"])
        return cls(**{**said, "rate": Fraction(said["rate"]), "segments": segments})


def peak(segments: Sequence[tuple[int, Fraction]]) -> int:
    """The largest bitrate of any run of segments that lasts 0.5 to 1.5 target durations (RFC 8216, 4.3.4.2).

    Of (bytes, seconds). So the last segment, often a single keyframe of a few frames, does not count alone.
    """
    longest = max(seconds for _, seconds in segments)
    best = Fraction(0)
    for first in range(len(segments)):
        size, length = 0, Fraction(0)
        for more, seconds in segments[first:]:
            size, length = size + more, length + seconds
            if length > 1.5 * longest:
                break
            if length >= longest / 2:
                best = max(best, 8 * size / length)
    return math.ceil(best)


def playlist_name(rendition: Rendition) -> str:
    """`<file uuid>-<height>.m3u8`, beside `<file uuid>-<height>-fragmented.mp4`."""
    return rendition.file.removesuffix(SUFFIX) + ".m3u8"


def media_playlist(rendition: Rendition) -> str:
    """The segments of a rendition; while it is not final more will follow, and none of these will change."""
    longest = max(map(rendition.length, rendition.segments))
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{rendition.target or math.ceil(longest)}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'VOD' if rendition.final else 'EVENT'}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        *["#EXT-X-START:TIME-OFFSET=0"]
        * (not rendition.final),  # or a player may begin at the newest, as of a live one
        f'#EXT-X-MAP:URI="{rendition.file}",BYTERANGE="{rendition.init_size}@0"',
    ]
    for segment in rendition.segments:
        lines += [
            f"#EXTINF:{float(rendition.length(segment)):.6f},",
            f"#EXT-X-BYTERANGE:{segment.size}@{segment.offset}",
            rendition.file,
        ]
    return "\n".join([*lines, *["#EXT-X-ENDLIST"] * rendition.final]) + "\n"


def master_playlist(renditions: Sequence[Rendition]) -> str:
    """All renditions. The first is what a player begins with before it has measured anything (Safari always,
    hls.js until its first estimate): the best that 2.5 Mbit/s carry, else the smallest. Then from the largest down.
    """
    falling = sorted(renditions, key=lambda each: each.bandwidth, reverse=True)
    first = next((each for each in falling if each.bandwidth <= FIRST_UP_TO), falling[-1])
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for each in [first, *(other for other in falling if other is not first)]:
        lines += [
            (
                f"#EXT-X-STREAM-INF:BANDWIDTH={each.bandwidth},AVERAGE-BANDWIDTH={each.average_bandwidth},"
                f"RESOLUTION={each.width_px}x{each.height_px},FRAME-RATE={float(each.rate):.3f},"
                f'CODECS="{each.codecs}"'
            ),
            playlist_name(each),
        ]
    return "\n".join(lines) + "\n"


def sha256_list(renditions: Sequence[Rendition]) -> dict[str, dict[str, str]]:
    """PeerTube's `segments-sha256.json`: for each file, the digest of each byte range, last byte included."""
    return {each.file: {f"{s.offset}-{s.offset + s.size - 1}": s.sha256 for s in each.segments} for each in renditions}
