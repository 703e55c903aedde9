"""Matroska and WebM (RFC 8794, RFC 9559), just enough to see whether a track is encrypted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAGIC = b"\x1a\x45\xdf\xa3"
SEGMENT, TRACKS, ENTRY, ENCODINGS, ENCODING, ENCRYPTION = 0x18538067, 0x1654AE6B, 0xAE, 0x6D80, 0x6240, 0x5035
CLUSTER = 0x1F43B675
PATH = (SEGMENT, TRACKS, ENTRY, ENCODINGS, ENCODING)
MANY = 10_000  # elements of one level that we walk past


def is_encrypted(path: Path) -> bool:
    """Whether a track says that it is under a key. False when the file cannot be read as Matroska."""
    with path.open("rb") as file:
        return _descend(file, 0, file.seek(0, 2), PATH)


def _descend(file: BinaryIO, at: int, end: int, path: tuple[int, ...]) -> bool:
    for kind, body, stop in _elements(file, at, end):
        if not path:
            if kind == ENCRYPTION:
                return True
        elif kind == path[0] and _descend(file, body, stop, path[1:]):
            return True
    return False


def _elements(file: BinaryIO, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Id, begin and end of each element of file[at:end]; stops at the first cluster and at what makes no sense."""
    for _ in range(MANY):
        file.seek(at)
        head = file.read(min(12, max(0, end - at)))
        kind_length = _length(head, 0, 4)
        size_length = _length(head, kind_length, 8) if kind_length else 0
        if not size_length:
            return
        kind = int.from_bytes(head[:kind_length], "big")
        size = int.from_bytes(head[kind_length : kind_length + size_length], "big") & ((1 << 7 * size_length) - 1)
        body = at + kind_length + size_length
        unknown = size == (1 << 7 * size_length) - 1  # a live recording: to the end of what holds it
        stop = end if unknown else min(end, body + size)
        if kind == CLUSTER:
            return
        yield kind, body, stop
        at = stop


def _length(head: bytes, at: int, most: int) -> int:
    """Bytes of the number that begins at `at`, told by its leading zero bits; 0 when there is none."""
    if at >= len(head) or not head[at]:
        return 0
    length = 9 - head[at].bit_length()
    return length if length <= most and at + length <= len(head) else 0
