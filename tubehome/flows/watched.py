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

from tubehome.base import clock, ids, text
from tubehome.base.errors import NoRoom, Refused, TubehomeError, Unavailable
from tubehome.flows import edit
from tubehome.flows.refused import carry, free, refuse
from tubehome.jobs import Job
from tubehome.library.access import PRIVATE
from tubehome.site import Site
from tubehome.store import files
from tubehome.uploads import desk, incoming, sidecars
from tubehome.uploads.models import RECEIVING, WATCHED, Upload

log = logging.getLogger(__name__)
TICK_SECONDS = 5.0
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".download", ".filepart", ".!qb", "~")
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
    said: list[str] = field(default_factory=list)  # the last complaints, said once

    def complain(self, troubles: list[str]) -> None:
        for trouble in troubles:
            if trouble not in self.said:
                log.warning("%s", trouble)
        self.said = troubles


def look(site: Site, watch: Watch, now: float | None = None) -> int:
    """Takes what has lain still long enough; how many. Complains once about a folder that cannot be used."""
    try:
        folder = _folder(site)
        _heal(site, folder)
        still = _still(site, folder, watch, time.monotonic() if now is None else now)
    except (TubehomeError, OSError) as error:
        watch.complain([str(error)])
        return 0
    taken, troubles = 0, []
    for name in still:
        try:
            taken += _take(site, folder, name)
        except NoRoom as error:  # nor would there be for the others
            troubles.append(str(error))
            break
        except (TubehomeError, OSError) as error:  # the others do not wait for it
            troubles.append(str(error))
    watch.complain(troubles)
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
            refuse(path, [folder / other for other in beside], folder, error)
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
        length=size, metadata=json.dumps({"file": os.fsencode(name).hex(), **more}), token=WATCHED, created_at=now,
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
            os.rename(target, free(path))
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
        carry(folder / name, place / name)
        if (place / name).is_symlink():  # put there in the last moment; its text was read before, and stays said
            (place / name).unlink()
    files.sync_folder(place)


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
    said = json.loads(row.metadata) if row.token == WATCHED and row.metadata else {}
    return {key: str(said[key]) for key in ("tags", "licence") if key in said}


class CannotGoBack(TubehomeError):
    """The watched folder cannot take a film back now: it stays here, and that is waited for."""

    status = 409


def give_back(site: Site, row: Upload, error: TubehomeError) -> None:
    """A film that came from there, moved and not copied: into its `refused/`, with what lay beside it and the reason.

    CannotGoBack when the folder cannot take it now: it is then here still.
    """
    path = incoming.path(site, row.uuid)
    if row.token != WATCHED or not path.exists():
        return
    place, name = kept_folder(site, row.uuid), row.name
    try:
        beside = sorted(place.iterdir()) if place.is_dir() else []
        refuse(path, beside, _folder(site), error, _name(row))
    except OSError as failed:
        raise CannotGoBack(
            "{name} cannot go back into the watched folder {folder}: look whether its disk is full or faulty.",
            name=name,
            folder=site.config.intake.folder,
        ) from failed
    except Unavailable as failed:
        if site.config.intake.folder:
            away = CannotGoBack(failed.text)
            away.values = failed.values
            raise away from failed
        raise CannotGoBack(
            "{name} came from the watched folder, which is turned off: it goes back there when « [intake] folder » "
            "is set again.",
            name=name,
        ) from failed
    shutil.rmtree(place, ignore_errors=True)


def refusal(row: Upload) -> Refused | None:
    """Why it only waits to go back: that was found out before, and it need not be read again."""
    told = json.loads(row.metadata).get("refused") if row.token == WATCHED and row.metadata else None
    return Refused.from_json(told) if told else None


def remember(row: Upload, error: TubehomeError | None) -> None:
    """Keeps the refusal with the row of a film that has to go back; None: it is looked at anew."""
    if row.token == WATCHED and row.metadata:
        said = {key: value for key, value in json.loads(row.metadata).items() if key != "refused"}
        row.metadata = json.dumps(said | ({"refused": error.to_json()} if error else {}))
        Upload.update(metadata=row.metadata).where(Upload.id == row.id).execute()


def _name(row: Upload) -> str:
    """As it was called in the folder, whatever its bytes."""
    return os.fsdecode(bytes.fromhex(json.loads(row.metadata)["file"]))


def _heal(site: Site, folder: Path) -> None:
    """What a kill left between the row and the end of the move."""
    for row in list(Upload.select().where(Upload.state == RECEIVING, Upload.token == WATCHED)):
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
