"""Room on the disk, promised once: what open uploads and films in preparation will still need is not free."""

from __future__ import annotations

from typing import Any

from peewee import Case, fn

from tubehome.jobs import rows
from tubehome.library.kinds import RANGE
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.media.plan import Plan
from tubehome.site import Site
from tubehome.store import files
from tubehome.uploads import desk

TELLS = 0.1  # from this share of a film's ranges on, what they took says more than the ceilings of its plan
CARE = 1.5  # the rest may be livelier


def check_room(site: Site, needed: int, name: str, there: int = 0) -> None:
    """NoRoom when so many bytes cannot be promised, of which some are `there`: they count as free, as they go if this
    fails. Inside a transaction, nobody else is promised the same.
    """
    free = desk.free_bytes(site) - promised(site) + there
    if needed > free:
        raise desk.no_room(name, needed, free)


def promised(site: Site) -> int:
    """Bytes that the films being prepared will still take, at the worst; those that have stopped wait for nothing."""
    here = Video.processing.not_in((Processing.READY, Processing.FAILED)) & Video.removed.is_null()
    some = list(Video.select(Video.id, Video.uuid, Video.plan).where(here, Video.plan.is_null(False)))
    if not some:
        return 0
    made = fn.SUM(Case(Step.state, ((rows.DONE, Step.weight),), 0)) / fn.SUM(Step.weight)
    found: Any = Step.select(Step.video, made).where(Step.video << some, Step.kind == RANGE).group_by(Step.video)
    shares = dict(found.tuples())
    return sum(_left(site, video, shares.get(video.id, 0.0)) for video in some)


def _left(site: Site, video: Video, share: float) -> int:
    """`share`: of its ranges that are there."""
    plan = Plan.from_json(video.plan or "")
    used = files.size_of(site.files.public(video.uuid)) + files.size_of(site.files.work(video.uuid))
    if share < TELLS:
        return max(0, plan.estimated_bytes - used)
    download = used / len(plan.rungs)  # it comes last
    if share >= 1:
        return round(download)
    return round(min(plan.estimated_bytes, used / share * CARE + download)) - used
