"""How a film goes into `refused/` of the watched folder: with a text that says why, and what lay beside it."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from contextlib import suppress
from pathlib import Path

from tubehome import settings
from tubehome.base import ids
from tubehome.base.errors import Refused, TubehomeError
from tubehome.store import files

log = logging.getLogger(__name__)
REFUSED = "refused"
NAME_BYTES = 255  # of a file, on nearly every file system
WORDS_BYTES = 190  # of the film's name in that of its reason, which is written under a longer one first


def refuse(path: Path, beside: list[Path], folder: Path, error: TubehomeError, name: str = "") -> None:
    """OSError when the folder cannot take it: everything is then where it was, and all of this can be done again."""
    place = folder / REFUSED
    place.mkdir(exist_ok=True)
    target = free(place / (name or path.name))
    reason = free(place / f"{_cut(target.name, WORDS_BYTES)}.txt")
    files.write(reason, f"{error.sentence(settings.read().language)}\n")
    carried: list[tuple[Path, Path]] = []
    try:
        for other in beside:
            carried.append((other, free(place / other.name)))
            carry(*carried[-1])
        carry(path, target)
    except BaseException:
        reason.unlink(missing_ok=True)
        for source, there in carried:
            with suppress(OSError):
                if there.exists() and not source.exists():
                    carry(there, source)
        raise
    log.warning("%s was refused: %s", target.name, error)


def carry(source: Path, target: Path) -> None:
    """Moves a file, also to another disk; the original goes last."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".{ids.new_uuid()}.part")  # a name of its own: two may be at it
        try:
            shutil.copyfile(source, part)
            files.settle(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        source.unlink()


def free(path: Path) -> Path:
    """The path, or the same with a number before its ending."""
    for number in range(1, 10_000):
        stem = _cut(path.stem, NAME_BYTES - len(os.fsencode(path.suffix)) - len(" (9999)"))
        tried = path if number == 1 else path.with_name(f"{stem} ({number}){path.suffix}")
        if not os.path.lexists(tried):
            return tried
    raise Refused("There are too many files named {name}.", name=path.name)


def _cut(name: str, most: int) -> str:
    """So many bytes of a name at most, none of its signs cut in two."""
    raw = os.fsencode(name)
    return name if len(raw) <= most else raw[:most].decode("utf-8", "ignore")
