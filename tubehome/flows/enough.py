"""« That is enough »: the sizes that are ready are kept, the others are not made."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.flows.show import show
from tubehome.jobs import Job, rows
from tubehome.library.models import Rendition, Step, Video
from tubehome.library.processing import Processing, move
from tubehome.media import hls
from tubehome.media.plan import Plan
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
        half = [row.file for row in Rendition.select().where(Rendition.video == video, ~Rendition.final)]
        Rendition.delete().where(Rendition.video == video, ~Rendition.final).execute()
        if fresh.processing == Processing.FAILED:
            move(video.id, Processing.FAILED, Processing.OUT)
        move(video.id, Processing.OUT, Processing.READY)
        Video.update(held_at=None).where(Video.id == video.id).execute()
    site.jobs.later(Job.ORDER)
    show(site, fresh, Plan.from_json(fresh.plan or ""))
    for name in half:
        for left in (name, name.removesuffix(hls.SUFFIX) + ".m3u8"):
            (site.files.public(video.uuid) / left).unlink(missing_ok=True)
    files.empty(site.files.work(video.uuid))
