"""A channel gets a picture: redrawn in its sizes under a new name; the old one goes when nobody is told of it."""

from __future__ import annotations

import secrets
import shutil
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
    before = getattr(Channel.get_by_id(channel.id), kind)
    stem = _draw(site, channel, kind, source) if source else ""
    with site.db.atomic():
        Channel.update(**{kind: stem}).where(Channel.id == channel.id).execute()
        bump()
    for left in site.files.pictures.glob(f"{before}-*") if before else ():
        left.unlink(missing_ok=True)


def _draw(site: Site, channel: Channel, kind: str, source: Path) -> str:
    folder = site.files.pictures
    folder.mkdir(mode=0o700, exist_ok=True)
    stem = f"{channel.id}-{kind}-{secrets.token_hex(4)}"
    part = site.files.trash / ids.new_uuid()  # what a kill leaves here is swept
    part.mkdir()
    try:
        for image in pictures.redraw(source, SIZES[kind], part, stem, machine.tools(site)):
            files.settle(part / image.file, folder / image.file)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return stem
