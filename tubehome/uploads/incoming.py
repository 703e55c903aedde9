"""The bytes of an upload: one file in `incoming/`, whose size is the offset; one writer at a time.

A piece whose checksum is announced counts only once it is verified: `<uuid>.unsure` says from where on bytes are not
yet, so that a kill in the middle of such a piece is cut off by whoever opens the file next.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tubehome.base.errors import NoRoom, Refused, TubehomeError
from tubehome.base.i18n import mark
from tubehome.site import Site
from tubehome.store import files

SUFFIX, UNSURE = ".upload", ".unsure"
CHUNK = 1 << 18  # bytes read at once: what a cut connection may cost
ALGORITHMS = ("sha1", "sha256", "sha512", "md5")  # Upload-Checksum
FULL = mark("The disk became full while the file was received: make room, then go on; nothing is lost.")
WRONG_SUM = mark("The piece came in damaged (its checksum differs) and was not kept: send it again.")
UNWRITABLE = mark("The disk does not take what is sent; what it took before is kept. The site's log says more.")
TOO_MUCH = mark("More bytes were sent than the upload was said to have: nothing beyond them is kept.")


class Busy(Refused):
    """Somebody writes into it now."""

    status = 423


class Unwritable(TubehomeError):
    """The disk fails. The cause is for the log."""


class WrongOffset(Refused):
    """The piece does not begin where the file ends."""

    status = 409


class WrongSum(Refused):
    """The checksum of a piece differs (tus: 460)."""

    status = 460


@dataclass(frozen=True)
class Checksum:
    algorithm: str
    digest: bytes


def path(site: Site, uuid: str) -> Path:
    return site.files.incoming / f"{uuid}{SUFFIX}"


def _unsure(site: Site, uuid: str) -> Path:
    return site.files.incoming / f"{uuid}{UNSURE}"


def begin(site: Site, uuid: str) -> None:
    """An empty file. FileExistsError when there is one."""
    os.close(os.open(path(site, uuid), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def remove(site: Site, uuid: str) -> None:
    for each in (path(site, uuid), _unsure(site, uuid)):
        each.unlink(missing_ok=True)


def offset(site: Site, uuid: str) -> int:
    """Bytes that count. FileNotFoundError when the file is not there."""
    size = path(site, uuid).stat().st_size
    return min(size, _sure(site, uuid, size))


def _sure(site: Site, uuid: str, size: int) -> int:
    try:
        said = _unsure(site, uuid).read_text()
    except FileNotFoundError:
        return size
    return int(said) if said.isdigit() else 0


def is_whole(site: Site, uuid: str, length: int) -> bool:
    """Do all bytes count, and are on the disk? False while somebody has the file, or when there is none."""
    try:
        if offset(site, uuid) != length:
            return False
        with held(site, uuid) as fd:
            os.fdatasync(fd)
            return offset(site, uuid) == length
    except (FileNotFoundError, Busy):
        return False


@contextmanager
def held(site: Site, uuid: str) -> Iterator[int]:
    """A descriptor of the file, locked for us alone. Busy when somebody else has it; FileNotFoundError."""
    fd = os.open(path(site, uuid), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy("This upload is being sent by another connection: wait for it to end, then go on.") from error
        yield fd
    finally:
        os.close(fd)


def receive(
    site: Site,
    uuid: str,
    fd: int,
    at: int,
    length: int,
    read: Callable[[int], bytes | memoryview],
    checksum: Checksum | None = None,
    moved: Callable[[int], None] | None = None,
) -> int:
    """Appends what `read` gives (at most up to `length`) from offset `at`; the offset then, on the disk.

    `fd` is held. A connection that breaks keeps what came, unless a checksum was announced for it. Raises
    WrongOffset, WrongSum, TooMuch's sentence, NoRoom; OSError of the connection after having stored what came.
    """
    size = os.fstat(fd).st_size
    sure = min(size, _sure(site, uuid, size))
    if at != sure:
        raise WrongOffset(
            "The upload has {here} bytes, and the piece begins at {there}: ask for the offset and go on from there.",
            here=str(sure),
            there=str(at),
        )
    if size > sure:
        os.ftruncate(fd, sure)
    if checksum:
        _doubt(site, uuid, at)
    try:
        end, digest = _write(fd, at, length, read, checksum, moved)
    except BaseException:
        if checksum:
            _back(site, uuid, fd, at)
        else:
            _keep(fd, at)
        raise
    if checksum and (digest is None or digest != checksum.digest):
        _back(site, uuid, fd, at)
        raise WrongSum(WRONG_SUM)
    _keep(fd, at)
    _unsure(site, uuid).unlink(missing_ok=True)
    return end


def _doubt(site: Site, uuid: str, at: int) -> None:
    """Says, whole or not at all, that bytes from here on do not count yet: half of it would put all in doubt."""
    try:
        files.write(_unsure(site, uuid), str(at), 0o600)
    except OSError as error:
        if _is_full(error):
            raise NoRoom(FULL) from error
        raise Unwritable(UNWRITABLE, cause=str(error)) from error


def _keep(fd: int, at: int) -> None:
    """What came since `at` goes to the disk. When it does not, it must not count: the kernel may have dropped it."""
    try:
        os.fdatasync(fd)
    except OSError as error:
        os.ftruncate(fd, at)
        if _is_full(error):
            raise NoRoom(FULL) from error
        raise Unwritable(UNWRITABLE, cause=str(error)) from error


def _is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def _back(site: Site, uuid: str, fd: int, at: int) -> None:
    os.ftruncate(fd, at)
    _unsure(site, uuid).unlink(missing_ok=True)


def _write(
    fd: int,
    at: int,
    length: int,
    read: Callable[[int], bytes | memoryview],
    checksum: Checksum | None,
    moved: Callable[[int], None] | None,
) -> tuple[int, bytes | None]:
    digest = hashlib.new(checksum.algorithm, usedforsecurity=False) if checksum else None
    while data := read(min(CHUNK, length - at + 1)):
        if at + len(data) > length:
            raise Refused(TOO_MUCH)
        if digest:
            digest.update(data)
        at = _put(fd, data, at)
        if moved:
            moved(at)
    return at, digest.digest() if digest else None


def _put(fd: int, data: bytes | memoryview, at: int) -> int:
    """The offset behind them."""
    view = memoryview(data)
    try:
        while view:
            done = os.pwrite(fd, view, at)
            at, view = at + done, view[done:]
    except OSError as error:
        if _is_full(error):
            raise NoRoom(FULL) from error
        if error.errno == errno.EFBIG:
            raise Refused(TOO_MUCH) from error
        raise Unwritable(UNWRITABLE, cause=str(error)) from error
    return at
