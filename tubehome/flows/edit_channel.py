"""What is said of a channel changes; and a channel goes, its videos into another one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tubehome.base import clock, text
from tubehome.base.errors import Refused, TubehomeError
from tubehome.flows import edit
from tubehome.flows.edit import Invalid
from tubehome.flows.make_channel import title_of
from tubehome.library import queries
from tubehome.library.changes import changed
from tubehome.library.models import Channel, Video
from tubehome.library.words import ORIGINALS
from tubehome.site import Site
from tubehome.store.db import bump
from tubehome.uploads.models import Upload


def _support(said: str) -> str:
    line = said.strip()
    if line and not text.is_web_address(line):
        raise Refused("This is not an address: it begins with https://.")
    return line


def _originals(said: str) -> str:
    if said not in ORIGINALS:
        raise Refused("Originals are kept or erased: choose one of the two, or what the machine's settings say.")
    return said


FIELDS: dict[str, Callable[[str], str]] = {
    "title": title_of,
    "description": edit.description,
    "support": _support,
    "default_visibility": edit.visibility,
    "default_language": edit.language,
    "default_licence": edit.licence,
    "keep_originals": _originals,
}


def edit_channel(site: Site, channel: Channel, said: Mapping[str, str]) -> None:
    """Invalid tells every field that is wrong; then nothing is stored."""
    kept: dict[str, str] = {}
    errors: dict[str, TubehomeError] = {}
    for name, check in FIELDS.items():
        if name in said:
            try:
                kept[name] = check(said[name])
            except Invalid as error:
                errors |= error.errors
            except TubehomeError as error:
                errors[name] = error
    if errors:
        raise Invalid(errors)
    with site.db.atomic():
        Channel.update(**kept).where(Channel.id == channel.id).execute()
        bump()


def remove_channel(site: Site, channel: Channel, into: str = "") -> None:
    """The channel goes; its name stays taken. Its videos, those in the bin included, move to the channel `into`."""
    with site.db.atomic():
        if Channel.get_by_id(channel.id).removed_at is not None:
            return  # a second click
        others = [other for other in queries.channels() if other.id != channel.id]
        if not others:
            raise Refused("A site needs a channel: make another one first.")
        if Video.select().where(Video.channel == channel).exists():
            target = next((other for other in others if other.name == into), None)
            if target is None:
                raise Refused("Say into which channel its videos go.")
            Video.update(channel=target).where(Video.channel == channel).execute()
            changed(target.id)
        # what is still on its way there: into the same one, or where uploads go that name none
        Upload.update(channel=into).where(Upload.channel == channel.name).execute()
        Channel.update(removed_at=clock.timestamp(), listed_videos=0, avatar="", banner="").where(
            Channel.id == channel.id
        ).execute()
        bump()
    for left in site.files.pictures.glob(f"{channel.id}-*"):
        left.unlink(missing_ok=True)
