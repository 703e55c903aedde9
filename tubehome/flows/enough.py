"""« That is enough »: the sizes that are ready are kept, the others are not made."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.jobs import Job, rows
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing, move
from tubehome.site import Site
from tubehome.store import files


def enough(site: Site, video: Video) -> None:
    """Refused before one size and the file to download are ready: there would be too little to keep."""
    with site.db.atomic():
        fresh = Video.get_by_id(video.id)
        if fresh.processing == Processing.READY or fresh.removed:
            raise Refused("Nothing is being prepared for « {title} ».", title=video.title)
        if fresh.out_at is None:
            raise Refused(
                "Too little of « {title} » is ready to be kept: let it go on, or put it into the bin.",
                title=video.title,
            )
        Step.delete().where(Step.video == video, Step.state != rows.DONE).execute()
        if fresh.processing == Processing.FAILED:
            move(video.id, Processing.FAILED, Processing.OUT)
        move(video.id, Processing.OUT, Processing.READY)
        Video.update(held_at=None).where(Video.id == video.id).execute()
    site.jobs.later(Job.ORDER)
    files.empty(site.files.work(video.uuid))
