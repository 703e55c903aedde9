"""A paused preparation goes on."""

from __future__ import annotations

from tubehome.jobs import Job
from tubehome.library.models import Video
from tubehome.site import Site


def resume(site: Site, video: Video) -> None:
    with site.db.atomic():
        Video.update(held_at=None).where(Video.id == video.id).execute()
    site.jobs.later(Job.ADVANCE)
