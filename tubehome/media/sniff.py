"""First look at a file's bytes, in Python: for what must not reach ffmpeg, or what it would explain badly.

Nothing here accepts a file; it refuses, each kind with its own sentence, or says nothing.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from tubehome.base.errors import Refused
from tubehome.base.i18n import Bytes
from tubehome.media import boxes, ebml

HEAD = 65_536  # bytes that we look at
IMAGES = (
    b"\xff\xd8\xff",
    b"\x89PNG",
    b"GIF8",
    b"BM",
    b"II*\0",
    b"MM\0*",
    b"\0\0\1\0",
    b"8BPS",
    b"\x8aMNG",
    b"\xff\x0a",
)
IMAGE_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis", b"jxl ", b"crx ")
PAPERS = (b"%PDF", b"PK\3\4", b"\xd0\xcf\x11\xe0", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", b"\x7fELF", b"MZ")
LOCKED = ("encv", "enca", "drms", "drmi", "drmt")  # sample entries under a key (ISO/IEC 23001-7; Apple's)
MP4_FIRST = ("ftyp", "moov", "mdat", "free", "skip", "wide", "pnot", "styp", "moof", "sidx", "uuid")
_RAW = re.compile(
    rb"\x00\x00\x00?\x01[\x67\x27\x47\x09\x40\x42\x46\xb3\xb0]"
)  # H.264, HEVC, MPEG-2, MPEG-4 without a container


def refuse(path: Path, name: str) -> None:
    """Raises Refused when the bytes tell that this is no film, or one that is broken or locked."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    _refuse_lists(head.lstrip(b"\xef\xbb\xbf \t\r\n"), name)
    _refuse_strangers(head, name)
    if head[4:8].decode("latin-1") in MP4_FIRST:
        _refuse_broken_mp4(path, name)
    elif head[:4] == ebml.MAGIC and ebml.is_encrypted(path):
        raise _locked(name)


def _refuse_lists(text: bytes, name: str) -> None:
    """Lists of other files: a program that followed them would show what it should not."""
    start = text[:4096].lower()
    if start.startswith((b"#extm3u", b"[playlist]")):
        raise Refused("{name} is a playlist, not a video: send the video that it names.", name=name)
    if start.startswith((b"ffconcat", b"file '", b'file "')):
        raise Refused("{name} is a list of files to join, not a video: send the joined video.", name=name)
    if re.match(rb"v=0\s+o=", start) or start.startswith((b"sdp\n", b"sdp\r\n")):
        raise Refused("{name} describes a live stream (SDP), but is no video: send a recording of it.", name=name)
    if b"<mpd" in start or b"<smoothstreamingmedia" in start:
        raise Refused("{name} is a list of parts (DASH), not a video: send the whole video.", name=name)


def _refuse_strangers(head: bytes, name: str) -> None:
    picture = head.startswith(IMAGES) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
    if picture or (head[4:8] == b"ftyp" and head[8:12] in IMAGE_BRANDS):
        raise Refused("{name} is an image, not a video.", name=name)
    if head.startswith(PAPERS):
        raise Refused("{name} is a document, a program or an archive, not a video.", name=name)
    if _is_text(head):
        raise Refused("{name} is a text, not a video.", name=name)
    if _RAW.match(head):
        raise Refused("{name} is a bare video stream without a clock: put it into an MP4 or MKV file.", name=name)


def _is_text(head: bytes) -> bool:
    """Readable as UTF-8, UTF-16 or a Western encoding, and without the bytes that no text has."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    return not re.search(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]", head)


def _refuse_broken_mp4(path: Path, name: str) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        found: list[boxes.Box] = []
        with suppress(ValueError):  # rubbish after a good file is common; what is missing shows below
            for box in boxes.file_boxes(file):
                found.append(box)  # noqa: PERF402  (what came before the rubbish counts)
    kinds = [box.kind for box in found]
    if not any(box.kind == "moov" and box.end <= size for box in found):
        raise Refused("{name} is only half there: its index is missing. Copy or export it again.", name=name)
    last = found[-1]
    if last.kind == "mdat" and last.end > size and "moof" not in kinds:
        raise Refused(
            "{name} is only half there: {missing} are missing. Copy or export it again.",
            name=name,
            missing=Bytes(last.end - size),
        )
    try:
        entries = boxes.sample_entries(boxes.load_moov(path))
    except ValueError as error:
        raise Refused("The index of {name} is damaged: copy or export it again.", name=name) from error
    if any(entry in LOCKED for entry in entries):
        raise _locked(name)


def _locked(name: str) -> Refused:
    return Refused("{name} is encrypted: send a version that plays without a key.", name=name)
