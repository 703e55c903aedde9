"""Files of the data folder: whole or not at all, and where each one is.

instance               the id of this instance: its presence says "this is a tubehome"
config.toml            what `init --url` writes
secret.key             signs sessions (0600)
tubehome.db, queue.db  the database, the bell's queue
lock                   held shared by all, exclusively by a migration
run/                   locks and the doorbell; nothing here outlives its process
incoming/              files on their way in
videos/<uuid>/original/  the file as it was given
videos/<uuid>/public/    what is served; a file appears here only when it is whole and verified
videos/<uuid>/candidates/  pictures that the owner may choose from
videos/<uuid>/kept/      what lay beside it in the watched folder, its chapters and subtitles
videos/<uuid>/work/      intermediate files of the pipeline
videos/<uuid>/loose      no row speaks of the folder yet, or soon none will: the sweep may take it
trash/                 being erased
cache/                 the static files, hashed and compressed; may be deleted
before-upgrade/        the last copies of the database, taken before a migration
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tubehome.base import ids


@dataclass(frozen=True)
class Files:
    """The data folder, by name."""

    root: Path

    @property
    def instance(self) -> Path:
        return self.root / "instance"

    @property
    def config(self) -> Path:
        return self.root / "config.toml"

    @property
    def secret(self) -> Path:
        return self.root / "secret.key"

    @property
    def database(self) -> Path:
        return self.root / "tubehome.db"

    @property
    def queue(self) -> Path:
        return self.root / "queue.db"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def incoming(self) -> Path:
        return self.root / "incoming"

    @property
    def trash(self) -> Path:
        return self.root / "trash"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def worker_lock(self) -> Path:
        return self.run / "worker.lock"

    @property
    def doorbell(self) -> Path:
        return self.run / "doorbell"

    @property
    def address(self) -> Path:
        """Where the running server says which address it answers on."""
        return self.run / "address"

    @property
    def pictures(self) -> Path:
        """Pictures of channels; a new picture has a new name."""
        return self.root / "pictures"

    def videos(self) -> Path:
        return self.root / "videos"

    def video(self, uuid: str) -> Path:
        return self.root / "videos" / uuid

    def public(self, uuid: str) -> Path:
        return self.video(uuid) / "public"

    def work(self, uuid: str) -> Path:
        return self.video(uuid) / "work"

    def candidates(self, uuid: str) -> Path:
        """Pictures that the owner may choose as the video's."""
        return self.video(uuid) / "candidates"

    def kept(self, uuid: str) -> Path:
        """What lay beside the film when it came, and what its file held beside picture and sound."""
        return self.video(uuid) / "kept"

    def loose(self, uuid: str) -> Path:
        """A mark: no row speaks of this folder yet, or soon none will. Only what bears it may be swept away."""
        return self.video(uuid) / "loose"

    def original(self, uuid: str) -> Path | None:
        """The file as it was given, if it is still kept."""
        folder = self.video(uuid) / "original"
        return next((f for f in sorted(folder.iterdir()) if f.is_file()), None) if folder.is_dir() else None

    def even_source(self, uuid: str) -> Path:
        """The original with an even clock, or with a picture, where it has none; gone when all is ready."""
        return self.work(uuid) / "even"

    def lay_out(self) -> None:
        """Makes the folders of an instance; private to its owner."""
        for folder in (self.root, self.run, self.incoming, self.trash, self.cache, self.pictures, self.videos()):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)  # one that was there may have been open to all

    def free_bytes(self) -> int:
        return shutil.disk_usage(self.root).free


def sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def settle(part: Path, final: Path) -> None:
    """Renames a finished file into its place so that it survives a power cut: fsync, rename, fsync the folder."""
    fd = os.open(part, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    os.replace(part, final)
    sync_folder(final.parent)


def sha256(path: Path) -> str:
    """Of a whole file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def size_of(folder: Path) -> int:
    """Bytes of the files that lie directly in a folder; 0 where there is none."""
    total = 0
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):  # taken away meanwhile
                total += entry.stat(follow_symlinks=False).st_size
    return total


def write(final: Path, text: str, mode: int = 0o644) -> None:
    """Writes a small text file whole or not at all."""
    part = final.with_name(f".{final.name}.{ids.new_uuid()}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(fd, "w") as out:
            out.write(text)
        settle(part, final)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def erase(folder: Path, trash: Path) -> None:
    """Takes a folder away at once (a rename), then deletes it; the sweep deletes what a crash leaves in the trash."""
    if not folder.exists():
        return
    gone = trash / ids.new_uuid()
    os.replace(folder, gone)
    sync_folder(folder.parent)
    shutil.rmtree(gone, ignore_errors=True)


def empty(folder: Path) -> None:
    for left in children(folder):
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)


def children(folder: Path) -> Iterator[Path]:
    yield from folder.iterdir() if folder.is_dir() else ()
