"""FLV whose encoder was started again: its new parameters stand in one place alone, which a seek leaps over.

So each keyframe gets the parameters that hold there. Whatever the bytes say, this ends: what is no tag is copied as it
is.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tubehome.media import boxes
from tubehome.media.ffmpeg import Tools, go_on

TAG = 11  # bytes before its content; four follow it
SOUND, PICTURE, SAID = 8, 9, 18
H264 = b"\x17"  # how its parameters and its keyframes begin
MOST = 0xFFFFFF  # bytes of a tag's content


def repeat_parameters(source: Path, out: Path, tools: Tools) -> None:
    """Writes `source` to `out`, each keyframe with its parameters; Interrupted, or OSError where there is no room."""
    with source.open("rb") as file, out.open("wb") as target:
        start = file.read(9)
        target.write(start + file.read(max(0, int.from_bytes(start[5:9], "big") - 9) + 4))
        params = b""
        while _is_tag(head := file.read(TAG)):
            go_on(tools)
            body, behind = file.read(int.from_bytes(head[1:4], "big")), file.read(4)
            if head[0] == SAID:
                continue  # it may name places in the file, which are others now
            if head[0] == PICTURE and body.startswith(H264 + b"\0"):
                params = _parameters(body[5:])
            elif head[0] == PICTURE and body.startswith(H264 + b"\1") and len(body) + len(params) <= MOST:
                body = body[:5] + params + body[5:]
                behind = (TAG + len(body)).to_bytes(4, "big")
            target.write(head[:1] + len(body).to_bytes(3, "big") + head[4:] + body + behind)
        target.write(head)
        shutil.copyfileobj(file, target, 1 << 20)


def _is_tag(head: bytes) -> bool:
    return len(head) == TAG and head[0] in (SOUND, PICTURE, SAID)


def _parameters(avcc: bytes) -> bytes:
    """As they stand before a picture; nothing where they cannot be read."""
    try:
        return b"".join(len(nal).to_bytes(1 + (avcc[4] & 3), "big") + nal for nal in boxes.parameters(avcc))
    except (ValueError, OverflowError):
        return b""
