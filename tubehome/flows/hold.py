"""A video's preparation is paused: what is under way stops at once and is not counted as a failure."""

from __future__ import annotations

from tubehome.base import clock
from tubehome.base.errors import Refused
from tubehome.flows.order import IDLE
from tubehome.jobs import Job
from tubehome.library.models import Video
from tubehome.site import Site


def hold(site: Site, video: Video) -> None:
    """Refused when there is nothing to pause. Holding twice is the same as once."""
    with site.db.atomic():
        fresh = Video.get_by_id(video.id)
        if fresh.processing in IDLE or fresh.removed:
            raise Refused("Nothing is being prepared for « {title} ».", title=video.title)
        Video.update(held_at=clock.timestamp()).where(Video.id == video.id, Video.held_at.is_null()).execute()
    site.jobs.later(Job.ORDER)
