"""« That is enough »: the sizes that are ready are kept, the others are not made."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.flows.publish import publish
from tubehome.flows.show import listing, tidy, write_lists
from tubehome.jobs import Job, rows
from tubehome.library.models import Rendition, Step, Video
from tubehome.library.processing import Processing, before_failure, move
from tubehome.media.plan import Plan
from tubehome.site import Site


def enough(site: Site, video: Video) -> None:
    """Refused before one size and the file to download are ready: there would be too little to keep."""
    with listing(site, video), site.db.atomic():
        fresh = Video.get_by_id(video.id)
        if fresh.processing == Processing.READY or fresh.removed:
            raise Refused("Nothing is being prepared for « {title} ».", title=video.title)
        if fresh.processing == Processing.FAILED:
            move(video.id, Processing.FAILED, before_failure(fresh))
        publish(video.id)
        if Video.get_by_id(video.id).out_at is None:
            raise Refused(
                "Too little of « {title} » is ready to be kept: let it go on, or put it into the bin.",
                title=video.title,
            )
        Step.delete().where(Step.video == video, Step.state != rows.DONE).execute()
        Rendition.delete().where(Rendition.video == video, ~Rendition.final).execute()
        publish(video.id)
        Video.update(held_at=None).where(Video.id == video.id).execute()
        # Before the commit: nobody writes the lists of a ready film again. Of one that is not, the next step does.
        write_lists(site, fresh, Plan.from_json(fresh.plan or ""))
    site.jobs.later(Job.ORDER)
    tidy(site, video)
