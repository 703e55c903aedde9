"""The owner tries a failed video again, from the step that failed."""

from __future__ import annotations

from typing import Any

from tubehome.base.errors import Refused
from tubehome.flows import outline, workbench
from tubehome.flows.publish import publish
from tubehome.jobs import Job, rows
from tubehome.library import kinds, queries
from tubehome.library.models import Rendition, Step, Video
from tubehome.library.processing import Processing, before_failure, move
from tubehome.media import growing, hls
from tubehome.media.plan import Plan
from tubehome.site import Site

GROWN = (kinds.RANGE, kinds.APPEND, kinds.FINISH)
APART = (growing.UNEVEN, growing.CHANGED)  # sentences: what is there cannot be continued


def retry(site: Site, video: Video) -> None:
    """Refused when nothing failed. A step whose intermediate file is gone (a restored backup) is done again too.

    Where ranges cannot be joined any more (another ffmpeg, a file changed from outside), they are begun anew. A step
    may have been under way when another one failed, and be done by now: then the video only goes on.
    """
    old: list[str] = []
    with site.db.atomic():
        video = Video.get_by_id(video.id)
        failed = [step for step in queries.steps(video) if step.state == rows.FAILED]
        if not failed and video.processing != Processing.FAILED:
            raise Refused("Nothing failed for « {title} »: there is nothing to try again.", title=video.title)
        _again(Step.state == rows.FAILED, video)
        if any(step.kind in GROWN and step.error and step.error.text in APART for step in failed):
            old = _begin_anew(video)
        _make_what_is_gone(site, video)
        if video.processing == Processing.FAILED:
            move(video.id, Processing.FAILED, before_failure(video))
            publish(video.id)
    for name in old:
        for left in (name, name.removesuffix(hls.SUFFIX) + ".m3u8"):
            (site.files.public(video.uuid) / left).unlink(missing_ok=True)
    site.jobs.later(Job.ADVANCE, video.id)


def _make_what_is_gone(site: Site, video: Video) -> None:
    if not video.plan:
        return
    work, plan, every = site.files.work(video.uuid), Plan.from_json(video.plan), queries.steps(video)
    joined = {step.number for step in every if step.kind == kinds.APPEND and step.state == rows.DONE}
    sound_needed = any(step.kind in (kinds.TOP, kinds.APPEND) and step.state != rows.DONE for step in every)
    for step in every:
        needed = step.number not in joined if step.kind == kinds.RANGE else sound_needed
        gone = not all(path.exists() for path in workbench.intermediate(work, step, plan))
        if step.state == rows.DONE and needed and gone:
            _again(Step.id == step.id, video)


def _begin_anew(video: Video) -> list[str]:
    """Every range again, into files of new names: what was listed is never changed. The old names.

    But for the one that is being encoded now, by the ffmpeg of now.
    """
    old = []
    for step in queries.steps(video):
        if step.kind == kinds.FINISH:
            old.append(step.file)
            Step.update(file=outline.file_name(step.kind, step.height)).where(Step.id == step.id).execute()
    _again((Step.kind << GROWN) & (Step.state != rows.RUNNING), video)
    Rendition.delete().where(Rendition.video == video, Rendition.file << old).execute()
    return old


def _again(which: Any, video: Video) -> None:
    fresh = {"state": rows.WAITING, "attempts": 0, "deaths": 0, "next_try": 0, "last_error": None, "detail": None}
    Step.update(progress=0, **fresh).where(which, Step.video == video).execute()
