"""« This first »: a video goes before all others, also before what is under way."""

from __future__ import annotations

from peewee import fn

from tubehome.base.errors import Refused
from tubehome.flows.order import IDLE
from tubehome.jobs import Job
from tubehome.library.models import Video
from tubehome.site import Site


def first(site: Site, video: Video) -> None:
    """Refused when there is nothing to prepare. A paused video goes on by it."""
    with site.db.atomic():
        fresh = Video.get_by_id(video.id)
        if fresh.processing in IDLE or fresh.removed:
            raise Refused("Nothing is being prepared for « {title} ».", title=video.title)
        others = Video.select(fn.MAX(Video.priority)).where(Video.processing.not_in(IDLE), Video.id != video.id)
        top = others.scalar() or 0.0
        if fresh.priority <= top:
            Video.update(priority=top + 1).where(Video.id == video.id).execute()
        Video.update(held_at=None).where(Video.id == video.id).execute()
    site.jobs.later(Job.ORDER)
    site.jobs.later(Job.ADVANCE)


def usual(site: Site, video: Video) -> None:
    """Back to its place in the order."""
    with site.db.atomic():
        Video.update(priority=0).where(Video.id == video.id).execute()
    site.jobs.later(Job.ORDER)
