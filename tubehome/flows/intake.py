"""A file comes in: copied and hashed, checked by its content, then a video. A refused file leaves no trace.

The bytes go to `incoming/`, under a lock held by whoever copies: what a killed process left there is told
apart from what is still being copied, and swept. The file reaches its folder before the row is committed.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tubehome import settings
from tubehome.base import clock, ids, text, urls
from tubehome.base.errors import NoRoom, Refused, TooLarge
from tubehome.base.i18n import Bytes
from tubehome.flows import edit, machine
from tubehome.flows.outline import planned_steps
from tubehome.flows.room import check_room
from tubehome.jobs import Job
from tubehome.library import queries
from tubehome.library.models import Channel, Step, Video
from tubehome.library.processing import Processing
from tubehome.media import check, encode, plan
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan
from tubehome.media.probe import Probe
from tubehome.site import Site
from tubehome.store import files
from tubehome.uploads import incoming

CHUNK = 1 << 20


class Duplicate(Refused):
    """The same bytes are here already; `address` is where."""

    def __init__(self, text: str, *, address: str) -> None:
        super().__init__(text, address=address)
        self.address = address


@dataclass(frozen=True)
class Intake:
    """What is said about a file that comes in."""

    name: str  # what the person calls the file
    title: str = ""  # "" : from the name
    channel: str = ""  # "" : the first one
    visibility: str = ""  # "" : the channel's default
    language: str = ""
    description: str = ""
    licence: str = ""
    tags: str = "[]"  # JSON, as Video.tags
    again: bool = False  # take it though the same bytes are here


@dataclass(frozen=True)
class Arrived:
    """A file that is whole and hashed: the id that it will have, its SHA-256 in hex, its size in bytes."""

    uuid: str
    sha256: str
    size: int


def intake(site: Site, source: BinaryIO, said: Intake, copied: Callable[[int], None], tools: Tools) -> Video:
    """The video made from an open file. Refused, Duplicate, TooLarge or NoRoom with the sentence otherwise.

    `copied` is told the bytes copied so far.
    """
    _where(said)
    _promising(site, source, said.name)
    uuid = ids.new_uuid()
    part = site.files.incoming / f"{uuid}.part"
    with part.open("xb") as out:
        fcntl.flock(out, fcntl.LOCK_EX)
        try:
            sha256, size = _copy(source, out, copied)
            if not said.again:
                refuse_duplicate(site, sha256)
            return take(site, part, said, Arrived(uuid, sha256, size), tools)
        finally:
            part.unlink(missing_ok=True)


def _channel(said: Intake) -> Channel:
    if said.channel:
        return queries.channel(said.channel)
    all_channels = queries.channels()
    if not all_channels:
        raise Refused(
            "This site is not set up yet: use the link that the server printed, or « tubehome init --owner NAME »."
        )
    return all_channels[0]


def _promising(site: Site, source: BinaryIO, name: str) -> None:
    """What can be said before the first byte is copied."""
    info = os.fstat(source.fileno())
    if not stat.S_ISREG(info.st_mode):
        raise Refused("{name} is not a file: give the path of a video file.", name=name)
    if info.st_size == 0:
        raise Refused("{name} is empty: copy it again from where it was filmed.", name=name)
    limit = site.config.limits.upload_bytes
    if info.st_size > limit:
        raise TooLarge(
            "{name} is too large: {size}, and at most {limit} are taken.",
            name=name,
            size=Bytes(info.st_size),
            limit=Bytes(limit),
        )
    check_room(site, info.st_size, name)


def _copy(source: BinaryIO, out: BinaryIO, copied: Callable[[int], None]) -> tuple[str, int]:
    """(SHA-256 in hex, bytes) of what was copied; on the disk when it returns."""
    digest, size = hashlib.sha256(), 0
    try:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
            size += len(chunk)
            copied(size)
        out.flush()
        os.fsync(out.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom("The disk became full while the file was copied: make room, then try again.") from error
        raise
    return digest.hexdigest(), size


def refuse_duplicate(site: Site, sha256: str) -> None:
    same = queries.same_source(sha256)
    if same:
        address = urls.absolute(site.url, urls.watch(same.uuid))
        raise Duplicate(
            "This file is here already: {address} (use --again to publish it a second time).", address=address
        )


def take(
    site: Site,
    part: Path,
    said: Intake,
    arrived: Arrived,
    tools: Tools,
    also: Callable[[Video], None] | None = None,
) -> Video:
    """The video of a file that lies whole in `incoming/`; `part`, which the caller holds the lock of, is moved.

    One road for copies, uploads and the watched folder. `also` is called in the transaction that makes the rows.
    Refused, Duplicate or TooLarge with the sentence otherwise, NoRoom or any other failure: the file then lies where
    it lay, and is the caller's to keep or to remove.
    """
    channel, visibility = _where(said)
    probe = check.check(part, said.name, machine.ceilings(site), tools)
    uuid, folder = arrived.uuid, site.files.video(arrived.uuid)
    original = folder / "original" / f"source{_suffix(said.name)}"
    try:
        folder.mkdir(mode=0o700)
        site.files.loose(uuid).touch()
        for name in ("original", "public", "work"):
            (folder / name).mkdir(mode=0o700)
        files.settle(part, original)
        made = _plan(site, original, probe, said.name, uuid, tools)
        with site.db.atomic():
            if not said.again:
                refuse_duplicate(site, arrived.sha256)  # two copies of one file may arrive side by side
            channel = Channel.get_by_id(channel.id)  # as it is now: a file is looked at for a while
            if channel.removed_at is not None:
                channel = queries.channels()[0]
            there = files.size_of(site.files.work(uuid))  # a copy that the plan counts
            check_room(site, made.estimated_bytes, said.name, there)  # here: nobody else is promised the same
            keep = machine.keeps_originals(site, channel)
            video = _rows(said, channel, visibility, arrived, made, keep)
            if also:
                also(video)
    except BaseException:
        if original.exists():
            files.settle(original, part)  # the only copy of a film from the watched folder; or for another try
        files.erase(folder, site.files.trash)
        raise
    site.files.loose(uuid).unlink()
    site.jobs.later(Job.ADVANCE, video.id)
    return video


def left_behind(site: Site, uuid: str) -> bool:
    """Is there a folder without its video? Its taker was killed, or could not put the file back; it bears a mark."""
    return site.files.loose(uuid).exists() and not Video.select().where(Video.uuid == uuid).exists()


def bring_back(site: Site, uuid: str) -> None:
    """The file of what was left behind goes back to `incoming/`, and its folder goes."""
    if not left_behind(site, uuid):
        return
    moved, part = site.files.original(uuid), incoming.path(site, uuid)
    if moved and not part.exists():
        files.settle(moved, part)
    files.erase(site.files.video(uuid), site.files.trash)


def _where(said: Intake) -> tuple[Channel, str]:
    channel = _channel(said)
    visibility = said.visibility or channel.default_visibility
    edit.visibility(visibility)
    edit.language(said.language)
    return channel, visibility


def _plan(site: Site, original: Path, probe: Probe, name: str, uuid: str, tools: Tools) -> Plan:
    """What will be made. Some are first copied into another file, and there has to be room for that, too."""
    if encode.is_copied_first(probe):
        check_room(site, probe.size, name)
    _, probe = machine.even_source(site, uuid, original, probe, tools)
    return plan.plan(probe, machine.policy(site))


def _rows(said: Intake, channel: Channel, visibility: str, arrived: Arrived, made: Plan, keep: bool) -> Video:
    """`keep`: the original stays when everything is made of it."""
    now, top = clock.timestamp(), made.rungs[0]
    video = Video.create(
        uuid=arrived.uuid,
        channel=channel,
        title=text.clean_line(said.title)[: text.TITLE_MAX] or text.title_from_filename(said.name),
        description=said.description,
        language=said.language or channel.default_language,
        licence=said.licence or channel.default_licence,
        tags=said.tags,
        visibility=visibility,
        processing=Processing.RECEIVED,
        wait_transcoding=settings.read().wait_transcoding,
        created_at=now,
        updated_at=now,
        source_name=text.clean_line(said.name),
        source_size=arrived.size,
        source_sha256=arrived.sha256,
        duration=made.duration,
        width=top.width_px,
        height=top.height_px,
        plan=made.to_json(),
    )
    for step in planned_steps(made, keep=keep):
        Step.create(video=video, **step)
    return video


def _suffix(name: str) -> str:
    """The file's own ending when it is a plain one; it is shown to nobody and trusted by nothing."""
    ending = Path(name).suffix.lower()
    return ending if ending.isascii() and ending[1:].isalnum() and len(ending) <= 6 else ""
