"""A video goes into the bin: gone at once for all but the owner, kept for thirty days."""

from __future__ import annotations

from tubehome.base import clock
from tubehome.base.errors import Refused
from tubehome.jobs import Job
from tubehome.library.access import BIN
from tubehome.library.changes import changed
from tubehome.library.models import Video
from tubehome.site import Site


def discard(site: Site, video: Video) -> None:
    with site.db.atomic():
        done = (
            Video.update(removed=BIN, removed_at=clock.timestamp())
            .where(Video.id == video.id, Video.removed.is_null())
            .execute()
        )
        if not done:
            raise Refused("« {title} » is in the bin already.", title=video.title)
        changed(video.channel_id)
    site.jobs.later(Job.ORDER)  # what is under way for it ends at once
