"""Something visible of a channel's videos changed: the one call that every such act makes, in its transaction."""

from __future__ import annotations

from tubehome.library.access import listed
from tubehome.library.models import Channel, Video
from tubehome.store.db import bump


def changed(channel_id: int) -> None:
    """Counts the channel's listed videos anew, so that no page has to, and bumps the content version."""
    count = Video.select().where(listed() & (Video.channel == channel_id)).count()
    Channel.update(listed_videos=count).where(Channel.id == channel_id).execute()
    bump()
