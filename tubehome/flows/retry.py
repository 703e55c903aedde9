"""The owner tries a failed video again, from the step that failed."""

from __future__ import annotations

from typing import Any

from tubehome.base.errors import Refused
from tubehome.flows import steps
from tubehome.jobs import Job, rows
from tubehome.library import queries
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing, before_failure, move
from tubehome.site import Site


def retry(site: Site, video: Video) -> None:
    """Refused when nothing failed. A step whose intermediate file is gone (a restored backup) is done again too."""
    with site.db.atomic():
        if not _again(Step.state == rows.FAILED, video):
            raise Refused("Nothing failed for « {title} »: there is nothing to try again.", title=video.title)
        packaged = {s.height for s in queries.steps(video) if s.kind == steps.PACKAGE and s.state == rows.DONE}
        work = site.files.work(video.uuid)
        for step in queries.steps(video):
            made = steps.intermediate(work, step)
            if step.state == rows.DONE and made and not made.exists() and step.height not in packaged:
                _again(Step.id == step.id, video)
        if video.processing == Processing.FAILED:
            move(video.id, Processing.FAILED, before_failure(video))
    site.jobs.later(Job.ADVANCE, video.id)


def _again(which: Any, video: Video) -> int:
    fresh = {"state": rows.WAITING, "attempts": 0, "deaths": 0, "next_try": 0, "last_error": None, "detail": None}
    return int(Step.update(progress=0, **fresh).where(which, Step.video == video).execute())
