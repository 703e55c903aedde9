"""A channel gets a picture: redrawn in its sizes under a new name; the old one goes when nobody is told of it.

Files get their place inside the transaction that names them, one writer at a time. So what lies there without a name
in the row was left by a kill, and the next picture takes it away.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from pathlib import Path

from tubehome.base import ids
from tubehome.flows import machine
from tubehome.library.models import Channel
from tubehome.media import pictures
from tubehome.site import Site
from tubehome.store import files
from tubehome.store.db import bump

SIZES = {"avatar": ((96, 96), (240, 240), (480, 480)), "banner": ((800, 200), (1920, 480))}


def draw_channel(site: Site, channel: Channel, kind: str, source: Path | None) -> None:
    """`kind`: avatar or banner; no `source`: it goes. Refused when it is no picture."""
    if source is None:
        _wear(site, channel, kind, "", [])
        return
    stem = f"{channel.id}-{kind}-{secrets.token_hex(4)}"
    part = site.files.trash / ids.new_uuid()  # what a kill leaves here is swept
    part.mkdir()
    try:
        drawn = pictures.redraw(source, SIZES[kind], part, stem, machine.tools(site))
        _wear(site, channel, kind, stem, [part / image.file for image in drawn])
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _wear(site: Site, channel: Channel, kind: str, stem: str, drawn: Sequence[Path]) -> None:
    folder = site.files.pictures
    folder.mkdir(mode=0o700, exist_ok=True)
    with site.db.atomic():
        for file in drawn:
            files.settle(file, folder / file.name)
        there = (Channel.id == channel.id) & Channel.removed_at.is_null()
        Channel.update(**{kind: stem}).where(there).execute()
        bump()
    with site.db.atomic():  # nobody else is between settling and naming
        worn = getattr(Channel.get_by_id(channel.id), kind)
        for left in folder.glob(f"{channel.id}-{kind}-*"):
            if not worn or not left.name.startswith(f"{worn}-"):
                left.unlink(missing_ok=True)
