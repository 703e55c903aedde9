"""The watched folder: a film that lies still there is taken as if it had been uploaded, with what lies beside it.

Its row comes first, then it is moved: whatever is killed, the file is in the folder, or in `incoming/` with a row that
says so. A refused one goes to `refused/` in the folder, with a text that says why.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tubehome import settings
from tubehome.base import clock, ids, text
from tubehome.base.errors import NoRoom, Refused, TubehomeError, Unavailable
from tubehome.base.i18n import mark
from tubehome.flows import edit
from tubehome.jobs import Job
from tubehome.library.access import PRIVATE
from tubehome.site import Site
from tubehome.store import files
from tubehome.uploads import desk, incoming, sidecars
from tubehome.uploads.models import RECEIVING, Upload

log = logging.getLogger(__name__)
TOKEN = " watched folder"  # noqa: S105 - where an upload came from, as its row says; no token's name begins so
TICK_SECONDS = 5.0
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".!qb", "~")
REFUSED = "refused"
CANNOT_GO_BACK = mark(
    "{name} cannot go back into the watched folder {folder}: look whether its disk is full or faulty."
)
CHUNK = 1 << 20


@dataclass
class Seen:
    """A file as it was last seen, and since when (monotonic seconds) it has been so."""

    print: tuple[int, int, int]  # inode, size, time of change
    since: float


@dataclass
class Watch:
    """What is known of the folder between two looks."""

    seen: dict[str, Seen] = field(default_factory=dict)
    said: str = ""  # the last complaint, said once


def look(site: Site, watch: Watch, now: float | None = None) -> int:
    """Takes what has lain still long enough; how many. Complains once about a folder that cannot be used."""
    try:
        folder = _folder(site)
        _heal(site, folder)
        still = _still(site, folder, watch, time.monotonic() if now is None else now)
        taken = sum(_take(site, folder, name) for name in still)
    except (TubehomeError, OSError) as error:
        if str(error) != watch.said:
            log.warning("%s", error)
        watch.said = str(error)
        return 0
    watch.said = ""
    return taken


def _folder(site: Site) -> Path:
    folder = Path(site.config.intake.folder)
    if not folder.is_absolute() or not folder.is_dir():
        raise Unavailable("The watched folder {folder} is not there: is its disk mounted?", folder=str(folder))
    root = site.files.root.resolve()
    if folder.resolve() == root or root in folder.resolve().parents or folder.resolve() in root.parents:
        raise Unavailable("The watched folder {folder} and the data folder lie in one another.", folder=str(folder))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Unavailable("The watched folder {folder} may not be written to by this user.", folder=str(folder))
    return folder


def _entries(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Plain files that could be meant, by name; no links are followed, nothing half made is looked at."""
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda each: each.name):
            if entry.name.startswith(".") or entry.name.lower().endswith(UNFINISHED):
                continue
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(info.st_mode):
                yield entry.name, info


def _still(site: Site, folder: Path, watch: Watch, now: float) -> list[str]:
    """Names of films that, with all that lies beside them, have not changed for long enough by our own clock."""
    fresh: dict[str, Seen] = {}
    for name, info in _entries(folder):
        mark = (info.st_ino, info.st_size, info.st_mtime_ns)
        before = watch.seen.get(name)
        fresh[name] = before if before and before.print == mark else Seen(mark, now)
    watch.seen = fresh
    patience = site.config.intake.still_seconds
    found = []
    for name, seen in fresh.items():
        if Path(name).suffix.lower() in sidecars.ALL:
            continue
        beside = [fresh[other] for other in fresh if other != name and Path(other).stem == Path(name).stem]
        if seen.print[1] and all(now - each.since >= patience for each in (seen, *beside)):
            found.append(name)
    return found


def _take(site: Site, folder: Path, name: str) -> bool:
    """The row, then the move. False when the file is not what it was."""
    path = folder / name
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        log.info("%s was not taken: %s", name, error)
        return False
    try:
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            return False
        beside = [other for other, _ in _entries(folder) if _belongs(other, name)]
        try:
            said = _said(folder, beside)
        except TubehomeError as error:
            _refuse(site, path, [folder / other for other in beside], folder, error)
            return True
        row = _row(site, name, info.st_size, said)
        if not _move(site, path, incoming.path(site, row.uuid), fd, info):
            Upload.delete().where(Upload.id == row.id).execute()
            return False
    finally:
        os.close(fd)
    _keep(site, row.uuid, folder, beside)
    if desk.whole(row):
        site.jobs.later(Job.ACCEPT, row.id)
    return True


def _belongs(other: str, name: str) -> bool:
    return Path(other).suffix.lower() in sidecars.ALL and Path(other).stem == Path(name).stem


def _said(folder: Path, beside: list[str]) -> dict[str, object]:
    """What the sidecars say, checked as everything that is said of a video; private unless they say otherwise."""
    said: dict[str, object] = {}
    for name in beside:
        if Path(name).suffix.lower() in sidecars.WORDS:
            said |= sidecars.read(folder / name)
    if "tags" in said and not isinstance(said["tags"], str):
        said["tags"] = list(said["tags"]) if isinstance(said["tags"], list) else said["tags"]
    kept = edit.check(said)
    if "channel" in said:
        kept["channel"] = said["channel"]
    return {"visibility": PRIVATE, **kept}


def _row(site: Site, name: str, size: int, said: dict[str, object]) -> Upload:
    more = {key: said[key] for key in ("tags", "licence") if key in said}
    columns = {key: value for key, value in said.items() if key not in more}
    now = clock.timestamp()
    made: Upload = Upload.create(
        state=RECEIVING, uuid=ids.new_uuid(), name=text.clean_line(os.fsencode(name).decode("utf-8", "replace"))[-255:],
        length=size, metadata=json.dumps({"file": os.fsencode(name).hex(), **more}), token=TOKEN, created_at=now,
        expires_at=now + desk.lifetime(site), **columns,
    )  # fmt: skip
    return made


def _move(site: Site, path: Path, target: Path, fd: int, info: os.stat_result) -> bool:
    """Out of the folder: a rename on the same disk, else a copy that is verified before the original goes.

    False when another file took the name meanwhile; both are then whole, and where they were.
    """
    try:
        os.rename(path, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _check_room(site, info.st_size, path.name)
        return _copy(path, target, fd, info)
    if target.stat(follow_symlinks=False).st_ino != info.st_ino:  # a link to the same file is another file
        if os.path.lexists(path):
            os.rename(target, _free(path))
        else:
            os.rename(target, path)
        return False
    files.sync_folder(target.parent)
    return True


def _check_room(site: Site, needed: int, name: str) -> None:
    free = desk.free_bytes(site)  # the row that was just made has its length counted in already
    if free < 0:
        raise desk.no_room(name, needed, free + needed)


def _copy(path: Path, target: Path, fd: int, info: os.stat_result) -> bool:
    digest, at = hashlib.sha256(), 0
    with target.open("xb") as out:
        while data := os.pread(fd, CHUNK, at):
            digest.update(data)
            out.write(data)
            at += len(data)
        out.flush()
        os.fsync(out.fileno())
    files.sync_folder(target.parent)
    with target.open("rb") as made:
        same = hashlib.file_digest(made, "sha256").digest() == digest.digest()
    now = path.stat(follow_symlinks=False) if path.exists() else None
    print_ = (info.st_ino, info.st_size, info.st_mtime_ns)
    if not same or at != info.st_size or now is None or (now.st_ino, now.st_size, now.st_mtime_ns) != print_:
        target.unlink()
        return False
    path.unlink()
    return True


def kept_folder(site: Site, uuid: str) -> Path:
    """What lies beside a film, while it has no folder of its own."""
    return site.files.incoming / f"{uuid}.kept"


def _keep(site: Site, uuid: str, folder: Path, beside: list[str]) -> None:
    if not beside:
        return
    place = kept_folder(site, uuid)
    place.mkdir(mode=0o700, exist_ok=True)
    for name in beside:
        _carry(folder / name, place / name)
        if (place / name).is_symlink():  # put there in the last moment; its text was read before, and stays said
            (place / name).unlink()
    files.sync_folder(place)


def _carry(source: Path, target: Path) -> None:
    """Moves a file, also to another disk; the original goes last."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        part = target.with_name(f".{target.name}.part")
        try:
            shutil.copyfile(source, part)
            files.settle(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        source.unlink()


def settle_kept(site: Site, uuid: str) -> None:
    """Beside the original, once the film is a video."""
    place = kept_folder(site, uuid)
    if place.is_dir() and site.files.video(uuid).is_dir():
        target = site.files.kept(uuid)
        target.mkdir(mode=0o700, exist_ok=True)
        for path in place.iterdir():
            os.rename(path, target / path.name)
        files.sync_folder(target)
        place.rmdir()


def more_said(row: Upload) -> dict[str, str]:
    """What the row has no column for: tags, licence."""
    said = json.loads(row.metadata) if row.token == TOKEN and row.metadata else {}
    return {key: str(said[key]) for key in ("tags", "licence") if key in said}


def give_back(site: Site, row: Upload, error: TubehomeError) -> None:
    """A film that came from there, moved and not copied: into its `refused/`, with what lay beside it and the reason.

    Unavailable or NoRoom when the folder cannot take it now: it is then here still.
    """
    path = incoming.path(site, row.uuid)
    if row.token != TOKEN or not path.exists():
        return
    folder, name = _folder(site), _name(row)
    place = kept_folder(site, row.uuid)
    beside = sorted(place.iterdir()) if place.is_dir() else []
    try:
        _refuse(site, path, beside, folder, error, name)
    except OSError as failed:
        full = failed.errno in (errno.ENOSPC, errno.EDQUOT)
        raise (NoRoom if full else Unavailable)(CANNOT_GO_BACK, name=row.name, folder=str(folder)) from failed
    shutil.rmtree(place, ignore_errors=True)


def _name(row: Upload) -> str:
    """As it was called in the folder, whatever its bytes."""
    return os.fsdecode(bytes.fromhex(json.loads(row.metadata)["file"]))


def _refuse(site: Site, path: Path, beside: list[Path], folder: Path, error: TubehomeError, name: str = "") -> None:
    """The film goes last: as long as it has not gone, all of this can be done again."""
    place = folder / REFUSED
    place.mkdir(exist_ok=True)
    target = _free(place / (name or path.name))
    reason = _free(target.with_name(f"{target.name}.txt"))
    files.write(reason, f"{error.sentence(settings.read().language)}\n")
    try:
        for other in beside:
            _carry(other, _free(place / other.name))
        _carry(path, target)
    except BaseException:
        reason.unlink(missing_ok=True)
        raise
    log.warning("%s was refused: %s", target.name, error)


def _free(path: Path) -> Path:
    """The path, or the same with a number before its ending."""
    for number in range(1, 10_000):
        tried = path if number == 1 else path.with_name(f"{path.stem} ({number}){path.suffix}")
        if not os.path.lexists(tried):
            return tried
    raise Refused("There are too many files named {name}.", name=path.name)


def _heal(site: Site, folder: Path) -> None:
    """What a kill left between the row and the end of the move."""
    for row in list(Upload.select().where(Upload.state == RECEIVING, Upload.token == TOKEN)):
        path = incoming.path(site, row.uuid)
        if not path.exists():
            Upload.delete().where(Upload.id == row.id).execute()
        elif path.stat().st_size == row.length and not _still_there(folder, row):
            if desk.whole(row):
                site.jobs.later(Job.ACCEPT, row.id)
        else:  # a copy from another disk that was cut off: the original is still in the folder
            Upload.delete().where(Upload.id == row.id).execute()
            incoming.remove(site, row.uuid)


def _still_there(folder: Path, row: Upload) -> bool:
    """Is the original where it was? Then its copy was not finished: a rename leaves nothing behind."""
    original = folder / _name(row)
    try:
        info = original.stat(follow_symlinks=False)
    except OSError:
        return False
    return info.st_size == row.length
