"""The owner tries a failed video again, from the step that failed."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.jobs import Job, rows
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing, before_failure, move
from tubehome.site import Site


def retry(site: Site, video: Video) -> None:
    """Refused when nothing failed."""
    with site.db.atomic("IMMEDIATE"):
        again = (
            Step.update(state=rows.WAITING, attempts=0, deaths=0, next_try=0, last_error=None, detail=None, progress=0)
            .where(Step.video == video, Step.state == rows.FAILED)
            .execute()
        )
        if not again:
            raise Refused("Nothing failed for « {title} »: there is nothing to try again.", title=video.title)
        if video.processing == Processing.FAILED:
            move(video.id, Processing.FAILED, before_failure(video))
    site.jobs.later(Job.ADVANCE, video.id)
