"""Pictures that people send: decoded by what they are, cut to a shape, and written anew. Nothing of the file is kept.

An image can ask for gigabytes, or be a script: so its kind is read from its first bytes, only that kind's reader is
let near it, and the ceiling on pixels holds as for films.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tubehome.base.errors import Refused
from tubehome.media.ffmpeg import CLEAN, Failed, Input, Job, Output, Tools, run
from tubehome.media.images import FORMATS, PIXELS, Image

MOST_BYTES = 12_000_000
READERS = {b"\xff\xd8\xff": "jpeg_pipe", b"\x89PNG\r\n\x1a\n": "png_pipe", b"RIFF": "webp_pipe"}


def reader(source: Path) -> str:
    """ffmpeg's reader for the picture. Refused for what is none of JPEG, PNG and WebP."""
    with source.open("rb") as file:
        head = file.read(16)
    kind = next((name for sign, name in READERS.items() if head.startswith(sign)), "")
    if not kind or (kind == "webp_pipe" and head[8:12] != b"WEBP"):
        raise Refused("This is not a picture that can be used: send a JPEG, PNG or WebP file.")
    return kind


def redraw(source: Path, sizes: Sequence[tuple[int, int]], folder: Path, stem: str, tools: Tools) -> tuple[Image, ...]:
    """The picture in each size (width, height in pixels), filled and cut to its shape, as `<stem>-<width>.webp|jpg`.

    Refused when it cannot be read, or is too large.
    """
    if source.stat().st_size > MOST_BYTES:
        raise Refused("This picture is too large: {most} megabytes at most.", most=MOST_BYTES // 1_000_000)
    kind = reader(source)
    wanted = [(width, height, ending) for width, height in sizes for ending in FORMATS]
    graph = f"[0:v]split={len(wanted)}" + "".join(f"[s{n}]" for n in range(len(wanted)))
    for n, (width, height, ending) in enumerate(wanted):
        fill = f"scale={width}:{height}:force_original_aspect_ratio=increase:flags=lanczos,crop={width}:{height}"
        graph += f";[s{n}]{fill},setsar=1,format={PIXELS[ending]}[o{n}]"
    names = [f"{stem}-{width}.{ending}" for width, _, ending in wanted]
    outputs = [
        Output(folder / name, {"map": f"[o{n}]", "frames:v": 1, **CLEAN, **FORMATS[ending]})
        for n, (name, (_, _, ending)) in enumerate(zip(names, wanted, strict=True))
    ]
    given = Input(source, {"f": kind, "format_whitelist": kind})
    try:
        run(Job([given], outputs, 60, graph), tools.with_progress(None))
    except Failed as error:
        raise Refused("This picture cannot be read: it is damaged, or far too large.", cause=error.cause) from error
    return tuple(
        Image(name, width, height, (folder / name).stat().st_size)
        for name, (width, height, _) in zip(names, wanted, strict=True)
    )
