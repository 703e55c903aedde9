"""Is this a film that we can take? Decided by what is in the file, never by its name."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

from tubehome.base.errors import Refused, TooLarge
from tubehome.base.i18n import Bytes, Seconds
from tubehome.media import sniff
from tubehome.media.ffmpeg import Failed, Tools
from tubehome.media.probe import Picture, Probe, probe

GUESS = 25  # of 100: a format recognised with less certainty is none


@dataclass(frozen=True)
class Ceilings:
    """The largest film that is taken: bytes, seconds, pixels of a side."""

    max_bytes: int
    max_seconds: int
    max_side: int = 8192
    min_side: int = 8


def check(path: Path, name: str, ceilings: Ceilings, tools: Tools) -> Probe:
    """The probe of a file that we can take. Refused or TooLarge, with one sentence, when we cannot.

    `name` is what the person calls the file. At least one picture of it has been decoded when this returns.
    """
    _check_file(path, name, ceilings)
    sniff.refuse(path, name)
    try:
        probed = probe(path, tools)
    except Failed as failure:
        raise Refused(
            "{name} is not a video that can be read: it may be damaged, or of a kind unknown here; try MP4.",
            name=name,
            cause=failure.cause,
        ) from failure
    return _check_probe(probed, name, ceilings)


def _check_file(path: Path, name: str, ceilings: Ceilings) -> None:
    try:
        found = path.stat()
    except OSError as error:
        raise Refused("{name} cannot be opened: check its name and its permissions.", name=name) from error
    if not stat.S_ISREG(found.st_mode):
        raise Refused("{name} is not a file: name one video file.", name=name)
    if not found.st_size:
        raise Refused("{name} is empty: copy or export it again.", name=name)
    if found.st_size > ceilings.max_bytes:
        raise TooLarge(
            "{name} is too large: {size}, where at most {limit} are accepted.",
            name=name,
            size=Bytes(found.st_size),
            limit=Bytes(ceilings.max_bytes),
        )


def _check_probe(probed: Probe, name: str, ceilings: Ceilings) -> Probe:
    if probed.score < GUESS or not (probed.picture or probed.sound):
        raise Refused("{name} is not a video: nothing in it can be recognised.", name=name)
    if probed.picture:
        _check_size(probed.picture, name, ceilings)
    if probed.duration <= 0:
        raise Refused("Nobody can tell how long {name} lasts: export it again.", name=name)
    if probed.duration > ceilings.max_seconds:
        raise TooLarge(
            "{name} is too long: {length}, where at most {limit} are accepted.",
            name=name,
            length=Seconds(probed.duration),
            limit=Seconds(ceilings.max_seconds),
        )
    return probed


def _check_size(picture: Picture, name: str, ceilings: Ceilings) -> None:
    sides = sorted((picture.width, picture.height))
    if sides[0] < ceilings.min_side or sides[1] > ceilings.max_side:
        raise Refused(
            "The picture of {name} is {width} × {height} pixels: a side may have from {least} to {most}.",
            name=name,
            width=str(picture.width),
            height=str(picture.height),
            least=str(ceilings.min_side),
            most=str(ceilings.max_side),
        )
