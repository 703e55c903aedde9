"""MP4 read box by box (ISO/IEC 14496-12), enough to count what ffmpeg wrote and to look into what people send.

Whatever the bytes say, a reader here ends and either answers or raises ValueError: sizes are checked before they
are believed, and nothing is allocated because a field asks for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

MOOV_MAX = 128_000_000  # bytes of index that we read into memory: about 3 days of film
BOXES_MAX = 2_000_000  # top-level boxes: a fragment a picture, for 5 hours; a file of empty boxes has more
SLICES, PARAMETERS = range(1, 6), (7, 8)  # nal_unit_type of H.264 (ISO/IEC 14496-10, table 7-1)
_NOT_SYNC = 0x10000  # sample_is_non_sync_sample, 8.8.3.1


class Box(NamedTuple):
    """A box: its header begins at `start`, its content at `body`, the next box at `end` (offsets in bytes)."""

    kind: str
    start: int
    body: int
    end: int


def boxes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Box]:
    """The boxes of data[at:end], one after the other. ValueError when one does not fit."""
    end = len(data) if end is None else end
    while at < end:
        box = _header(data[at : min(at + 16, end)], at, end)
        if box.end > end:
            raise ValueError(f"box {box.kind!r} at {at} is cut short")
        yield box
        at = box.end


def file_boxes(file: BinaryIO) -> Iterator[Box]:
    """The top-level boxes of a file, from their headers alone. The last may end beyond the file: see `Box.end`."""
    size, at = file.seek(0, 2), 0
    for _ in range(BOXES_MAX):
        if at >= size:
            return
        file.seek(at)
        box = _header(file.read(16), at, size)
        yield box
        at = box.end
    raise ValueError("more boxes than any film has")


def _header(head: bytes, at: int, end: int) -> Box:
    if len(head) < 8:
        raise ValueError(f"no box header at {at}")
    size, kind = struct.unpack_from(">I4s", head)
    length = 8
    if size == 1:
        if len(head) < 16:
            raise ValueError(f"no large size at {at}")
        length, size = 16, int.from_bytes(head[8:16], "big")
    elif size == 0:  # to the end of what holds it
        size = end - at
    if size < length:
        raise ValueError(f"impossible size {size} at {at}")
    return Box(kind.decode("latin-1"), at, at + length, at + size)


def find(data: bytes, path: str, at: int = 0, end: int | None = None) -> Box:
    """The first box along a path like "moov/trak/mdia". ValueError when there is none."""
    found: Box | None = None
    for kind in path.split("/"):
        found = next((box for box in boxes(data, at, end) if box.kind == kind), None)
        if found is None:
            raise ValueError(f"no {kind!r} box in {path}")
        at, end = found.body, found.end
    assert found is not None  # noqa: S101  (a path has at least one part)
    return found


def find_all(data: bytes, kind: str, at: int = 0, end: int | None = None) -> list[Box]:
    return [box for box in boxes(data, at, end) if box.kind == kind]


def u8(data: bytes, at: int) -> int:
    """ValueError beyond the end, as the next ones."""
    if not 0 <= at < len(data):
        raise ValueError(f"nothing at {at}")
    return data[at]


def u32(data: bytes, at: int) -> int:
    if at < 0 or at + 4 > len(data):
        raise ValueError(f"nothing at {at}")
    return int.from_bytes(data[at : at + 4], "big")


def u64(data: bytes, at: int) -> int:
    return u32(data, at) << 32 | u32(data, at + 4)


def load_moov(path: Path) -> bytes:
    """The `moov` box of a file, header included. ValueError when there is none, or it is cut short or absurd."""
    with path.open("rb") as file:
        box = next((box for box in file_boxes(file) if box.kind == "moov"), None)
        if box is None or box.end - box.start > MOOV_MAX:
            raise ValueError("no index, or a huge one")
        file.seek(box.start)
        data = file.read(box.end - box.start)
    if len(data) < box.end - box.start:
        raise ValueError("the index is cut short")
    return data


@dataclass(frozen=True)
class Index:
    """What the index of a plain MP4 says of its first video track. `duration` in units of 1/`timescale` s."""

    frames: int
    keyframes: tuple[int, ...]  # numbers of frames, from 0
    avcc: bytes
    timescale: int
    duration: int


def _sample_count(data: bytes, stsz: Box, file_size: int) -> int:
    """ValueError when there cannot be so many: a changed count must not cost gigabytes."""
    size, count = u32(data, stsz.body + 4), u32(data, stsz.body + 8)
    most = file_size // size if size else (stsz.end - stsz.body - 12) // 4
    if count > most:
        raise ValueError(f"{count} samples where there is room for {most}")
    return count


def video_index(path: Path) -> Index:
    """Reads the index at the end (or the beginning) of an MP4. ValueError when the file is not complete."""
    data = load_moov(path)
    track = _video_track(data)
    at, end = track.body, track.end
    mdhd = find(data, "mdia/mdhd", at, end)
    stbl = find(data, "mdia/minf/stbl", at, end)
    long = u8(data, mdhd.body) == 1
    frames = _sample_count(data, find(data, "stsz", stbl.body, stbl.end), path.stat().st_size)
    sync = find_all(data, "stss", stbl.body, stbl.end)
    return Index(
        frames,
        _table(data, sync[0]) if sync else tuple(range(frames)),  # without a table every frame is one
        avcc(data, stbl),
        u32(data, mdhd.body + (20 if long else 12)),
        u64(data, mdhd.body + 24) if long else u32(data, mdhd.body + 16),
    )


def _table(data: bytes, stss: Box) -> tuple[int, ...]:
    count = u32(data, stss.body + 4)
    if stss.body + 8 + 4 * count > stss.end:
        raise ValueError("a table longer than its box")
    return tuple(number - 1 for number in struct.unpack_from(f">{count}I", data, stss.body + 8))


def _video_track(data: bytes) -> Box:
    moov = find(data, "moov")
    for track in find_all(data, "trak", moov.body, moov.end):
        hdlr = find(data, "mdia/hdlr", track.body, track.end)
        if data[hdlr.body + 8 : hdlr.body + 12] == b"vide":
            return track
    raise ValueError("no video track")


def avcc(data: bytes, stbl: Box) -> bytes:
    """The decoder configuration (ISO/IEC 14496-15, avcC) of the first sample entry."""
    stsd = find(data, "stsd", stbl.body, stbl.end)
    entry = next(boxes(data, stsd.body + 8, stsd.end), None)
    if entry is None or entry.kind not in ("avc1", "avc3"):
        raise ValueError("not H.264")
    box = find(data, "avcC", entry.body + 78, entry.end)
    return data[box.body : box.end]


def parameters(avcc: bytes) -> tuple[bytes, ...]:
    """The parameter sets (SPS, then PPS) of a decoder configuration. ValueError when it is cut short."""
    found: list[bytes] = []
    at = 5
    for mask in (0x1F, 0xFF):
        count, at = u8(avcc, at) & mask, at + 1
        for _ in range(count):
            size = u8(avcc, at) << 8 | u8(avcc, at + 1)
            if at + 2 + size > len(avcc):
                raise ValueError("a parameter set is cut short")
            found.append(avcc[at + 2 : at + 2 + size])
            at += 2 + size
    return tuple(found)


def sample_entries(data: bytes) -> list[str]:
    """The codec names (`avc1`, `encv`, …) of every track of a `moov`."""
    moov, names = find(data, "moov"), []
    for track in find_all(data, "trak", moov.body, moov.end):
        stsd = find(data, "mdia/minf/stbl/stsd", track.body, track.end)
        names += [box.kind for box in boxes(data, stsd.body + 8, stsd.end)]
    return names


@dataclass(frozen=True)
class Fragment:
    """A `moof` and its `mdat`: where it lies, and what its video run says. `time` in units of the track.

    `time_at`: where that number is written, in `time_bytes` bytes; `delay`: from the first picture's decoding to its
    showing; `picture_at`: where the first picture lies.
    """

    offset: int
    size: int
    frames: int
    time: int
    starts_with_keyframe: bool
    time_at: int
    time_bytes: int
    delay: int
    picture_at: int


@dataclass(frozen=True)
class Fragmented:
    """A fragmented MP4: `init_size` bytes of `ftyp` and `moov`, then fragments to the last byte."""

    init_size: int
    timescale: int
    avcc: bytes
    fragments: tuple[Fragment, ...]

    @property
    def delay(self) -> int:
        return self.fragments[0].delay


def fragmented(path: Path) -> Fragmented:
    """Reads a file of `ftyp moov (moof mdat)+` and nothing else; ValueError for any other shape."""
    with path.open("rb") as file:
        size, found = file.seek(0, 2), list(file_boxes(file))
        if [box.kind for box in found[:2]] != ["ftyp", "moov"] or found[-1].end != size:
            raise ValueError("not a complete fragmented file")
        file.seek(0)
        head = file.read(found[1].end)
        moov = find(head, "moov")
        track = _video_track(head)
        tkhd = find(head, "tkhd", track.body, track.end)
        number = u32(head, tkhd.body + (20 if u8(head, tkhd.body) == 1 else 12))
        mdhd = find(head, "mdia/mdhd", track.body, track.end)
        timescale = u32(head, mdhd.body + (20 if u8(head, mdhd.body) == 1 else 12))
        stbl = find(head, "mdia/minf/stbl", track.body, track.end)
        defaults = _default_flags(head, moov, number)
        rest = found[2:]
        if len(rest) % 2 or [box.kind for box in rest] != ["moof", "mdat"] * (len(rest) // 2):
            raise ValueError("something else than fragments")
        fragments = [_fragment(file, *pair, number, defaults) for pair in zip(rest[::2], rest[1::2], strict=True)]
    return Fragmented(found[1].end, timescale, avcc(head, stbl), tuple(fragments))


def _default_flags(data: bytes, moov: Box, track: int) -> int:
    mvex = find(data, "mvex", moov.body, moov.end)
    for trex in find_all(data, "trex", mvex.body, mvex.end):
        if u32(data, trex.body + 4) == track:
            return u32(data, trex.body + 20)
    raise ValueError("no defaults for the video track")


def _fragment(file: BinaryIO, moof: Box, mdat: Box, track: int, defaults: int) -> Fragment:
    file.seek(moof.start)
    data = file.read(moof.end - moof.start)
    top = find(data, "moof")
    for traf in find_all(data, "traf", top.body, top.end):
        tfhd = find(data, "tfhd", traf.body, traf.end)
        if u32(data, tfhd.body + 4) != track:
            continue
        tfdt = find(data, "tfdt", traf.body, traf.end)
        wide = u8(data, tfdt.body) == 1
        time = u64(data, tfdt.body + 4) if wide else u32(data, tfdt.body + 4)
        runs = find_all(data, "trun", traf.body, traf.end)
        if not runs:
            raise ValueError("an empty fragment")
        frames = sum(u32(data, run.body + 4) for run in runs)
        flags = _first_flags(data, runs[0], _traf_flags(data, tfhd, defaults))
        return Fragment(
            moof.start, mdat.end - moof.start, frames, time, not flags & _NOT_SYNC,
            moof.start + tfdt.body + 4, 8 if wide else 4, _first_delay(data, runs[0]),
            _base(data, tfhd, moof) + _first_offset(data, runs[0], mdat.body - moof.start),
        )  # fmt: skip
    raise ValueError("a fragment without video")


def _base(data: bytes, tfhd: Box, moof: Box) -> int:
    """From where the places of a track's samples count (8.8.7)."""
    return u64(data, tfhd.body + 8) if u32(data, tfhd.body) & 1 else moof.start


def _first_offset(data: bytes, trun: Box, content: int) -> int:
    """Where a run's first sample lies, from that base on; where the `content` begins when the run does not say."""
    if not u32(data, trun.body) & 1:
        return content
    raw = u32(data, trun.body + 8)
    return raw - (1 << 32) if raw >> 31 else raw


def parameters_within(file: BinaryIO, fragment: Fragment, avcc: bytes) -> Iterator[bytes]:
    """The parameter sets that stand before the first slice of a fragment's first picture. ValueError when cut short."""
    width, at, end = 1 + (u8(avcc, 4) & 3), fragment.picture_at, fragment.offset + fragment.size
    while fragment.offset < at < end:
        file.seek(at)
        head = file.read(width + 1)
        size, kind = int.from_bytes(head[:width], "big"), u8(head, width) & 0x1F
        if kind in SLICES or at + width + size > end:
            return
        if kind in PARAMETERS:
            yield head[width:] + file.read(size - 1)
        at += width + size


def _traf_flags(data: bytes, tfhd: Box, defaults: int) -> int:
    """default_sample_flags of this fragment (8.8.7): the optional fields before it are skipped."""
    present = u32(data, tfhd.body) & 0xFFFFFF
    at = tfhd.body + 8 + 8 * bool(present & 1) + 4 * bool(present & 2) + 4 * bool(present & 8) + 4 * bool(present & 16)
    return u32(data, at) if present & 0x20 else defaults


def _first_delay(data: bytes, trun: Box) -> int:
    """The composition offset of a run's first sample; 0 when the run gives none."""
    present = u32(data, trun.body) & 0xFFFFFF
    if not present & 0x800:
        return 0
    at = trun.body + 8 + 4 * bool(present & 1) + 4 * bool(present & 4)
    at += 4 * bool(present & 0x100) + 4 * bool(present & 0x200) + 4 * bool(present & 0x400)
    raw = u32(data, at)
    return raw - (1 << 32) if u8(data, trun.body) and raw >> 31 else raw


def _first_flags(data: bytes, trun: Box, defaults: int) -> int:
    """The flags of a run's first sample (8.8.8): said once for the first, or for each, or by default."""
    present = u32(data, trun.body) & 0xFFFFFF
    at = trun.body + 8 + 4 * bool(present & 1)
    if present & 4:
        return u32(data, at)
    if present & 0x400:
        return u32(data, at + 4 * bool(present & 0x100) + 4 * bool(present & 0x200))
    return defaults
