"""A video comes back out of the bin; its preparation goes on where it stopped."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.jobs import Job
from tubehome.library.access import BIN
from tubehome.library.changes import changed
from tubehome.library.models import Video
from tubehome.site import Site


def undelete(site: Site, video: Video) -> None:
    with site.db.atomic():
        done = Video.update(removed=None, removed_at=None).where(Video.id == video.id, Video.removed == BIN).execute()
        if not done:
            raise Refused("« {title} » is not in the bin.", title=video.title)
        changed(video.channel_id)
    site.jobs.later(Job.ADVANCE, video.id)
