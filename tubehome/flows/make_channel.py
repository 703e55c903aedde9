"""A new channel: its name is its address for ever, so it is checked against every name there ever was."""

from __future__ import annotations

from tubehome.base import clock, text
from tubehome.base.errors import Refused
from tubehome.flows.edit import Invalid
from tubehome.library.models import Channel
from tubehome.owner import login, setup
from tubehome.site import Site
from tubehome.store.db import bump

TITLE_MAX = 120  # characters
SECOND_CLICK = 30  # seconds in which the same form, sent twice, means one channel


def make_channel(site: Site, title: str, name: str = "") -> Channel:
    """`name` left out is made from the title. Invalid tells what is wrong by field (title, name).

    The same once more within `SECOND_CLICK` gives the channel that the first click made.
    """
    line = title_of(title)
    wanted = name.strip() or text.handle(line)
    now = clock.timestamp()
    with site.db.atomic():
        same = (Channel.name == wanted) & (Channel.title == line) & (Channel.created_at > now - SECOND_CLICK)
        made: Channel | None = Channel.get_or_none(same & Channel.removed_at.is_null())
        if made is None:
            check_free(wanted)
            made = Channel.create(name=wanted, title=line, created_at=now)
            bump()
    return made


def title_of(said: str) -> str:
    line = text.clean_line(said)
    if not line:
        raise Invalid({"title": Refused("Give the channel a name.")})
    if len(line) > TITLE_MAX:
        raise Invalid({"title": Refused("This name is too long: {most} characters at most.", most=TITLE_MAX)})
    return line


def check_free(name: str) -> None:
    """Invalid when it cannot be an address, or is taken: by the owner, by a channel, by one that was removed."""
    try:
        setup.check_name(name)
    except Refused as error:
        raise Invalid({"name": error}) from error
    owner = login.the_owner()
    if (owner and owner.name == name) or Channel.select().where(Channel.name == name).exists():
        raise Invalid({"name": Refused("The address {name} is taken: choose another one.", name=name)})
