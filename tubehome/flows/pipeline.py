"""One step of a video's preparation: claim it, do it, commit it with what it means for the public, ring again."""

from __future__ import annotations

import errno
import logging
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tubehome.base import i18n
from tubehome.base.errors import Interrupted, NoRoom, ToolFailed, TubehomeError
from tubehome.base.i18n import mark
from tubehome.flows import machine, steps
from tubehome.flows.order import Crew, following, next_step
from tubehome.flows.publish import publish
from tubehome.flows.show import forget_strays, listing, show, tidy
from tubehome.flows.workbench import Bench, Rows
from tubehome.jobs import Job, rows
from tubehome.library import kinds
from tubehome.library.damage import DAMAGED
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing, move
from tubehome.library.room import FULL
from tubehome.media.ffmpeg import Killed, Tools
from tubehome.media.plan import Plan
from tubehome.media.probe import probe
from tubehome.site import Site
from tubehome.store.db import borrowed, found_no_room

log = logging.getLogger(__name__)
PROGRESS_SECONDS = 5.0  # SD cards wear: at most one write of progress in this time
ROOM_SECONDS = 60.0  # how often a full disk is looked at again
LEAST_BYTES = 1_000_000  # below this a disk is full, whatever the reserve
TOO_FULL = "the disk is so full that not even the database can be written; the sweep comes back to it"
GONE = mark("This work is not wanted any more.")


class Stop(threading.Event):
    """Set for one step alone, or with the whole worker's."""

    def __init__(self, worker: threading.Event | None) -> None:
        super().__init__()
        self._worker = worker

    def is_set(self) -> bool:
        return super().is_set() or (self._worker is not None and self._worker.is_set())


def work(site: Site, tools: Tools, crew: Crew) -> None:
    """Does what is next, and next, until nothing can be done now or no place is free.

    Somebody may ring between our last look and our leaving, and find no place: so we look once more.
    """
    try:
        while not _told_to_stop(tools) and crew.take():
            try:
                worked = _work_on(site, tools, crew)
            finally:
                crew.leave()
            if not worked:
                return
    except Exception as error:
        if not found_no_room(error):
            raise
        log.warning(TOO_FULL)


def _work_on(site: Site, tools: Tools, crew: Crew) -> bool:
    """False when there was nothing to do, or the disk is too full to go on."""
    worked = False
    while not _told_to_stop(tools) and (chosen := following(site)):
        if crew.free:
            site.jobs.later(Job.ADVANCE)  # another thread may find more to do
        worked = advance(site, chosen.video_id, tools, crew, chosen.step_id)
        if not worked:
            return False
    return worked


def _told_to_stop(tools: Tools) -> bool:
    return tools.stop is not None and tools.stop.is_set()


def advance(site: Site, video_id: int, tools: Tools, crew: Crew | None = None, step_id: int | None = None) -> bool:
    """Does a step of the video: this one, else its next. Nothing when it cannot be done now, or somebody is at it.

    False: not even the database has room.
    """
    try:
        _advance(site, video_id, tools, crew or Crew(1), step_id)
    except Exception as error:
        if not found_no_room(error):
            raise
        log.warning(TOO_FULL)
        return False
    return True


def _advance(site: Site, video_id: int, tools: Tools, crew: Crew, step_id: int | None) -> None:
    video = Video.get_or_none(Video.id == video_id)
    if video is None or video.removed or video.held_at is not None:
        return
    step = Step.get_or_none(Step.id == (step_id or next_step(site, video_id)))
    if step is None or step.state in (rows.DONE, rows.FAILED):
        return
    claim = rows.claim(step, site.files.run)
    if claim is None:
        _give_up_if_failed(site, video, step)
        return
    stop = Stop(tools.stop)
    try:
        with crew.doing(step.id, video.id, stop):
            crew.enforce(site)  # what was said since it was chosen
            _work(site, video, claim, replace(tools, stop=stop))
    finally:
        claim.let_go()
        if claim.wait:
            site.jobs.later(Job.ADVANCE, after=claim.wait)


def _work(site: Site, video: Video, claim: rows.Claim, tools: Tools) -> None:
    step = claim.row
    if video.processing == Processing.RECEIVED:
        with site.db.atomic():
            move(video.id, Processing.RECEIVED, Processing.PREPARING)
    try:
        _sweep_attempts(site, video, step)
        if step.kind not in kinds.FRUGAL:
            _check_room(site)
        bench = _bench(site, video, step, tools)
        if step.kind not in kinds.ALONGSIDE:
            show(site, video, bench.plan)
        _commit(bench, claim, steps.DO[step.kind](bench))
    except Interrupted:
        _sweep_attempts(site, video, step)
        if not Step.update(progress=0).where(Step.id == step.id).execute():  # it was said to be enough
            forget_strays(site, video)
        claim.release()
    except Exception as error:  # noqa: BLE001 - whatever it was, it belongs to the row and not to the queue
        if not _wanted(video.id):  # erased, or in the bin: what failed for want of its files is nobody's fault
            claim.release()
        else:
            _failed(site, video, claim, _named(site, error))


def _check_room(site: Site) -> None:
    if _full(site):
        raise NoRoom(FULL)


def _full(site: Site) -> bool:
    """The reserve stays free: without it not even the row that says what we wait for could be written."""
    return site.files.free_bytes() < max(site.config.limits.reserve_bytes, LEAST_BYTES)


def _bench(site: Site, video: Video, step: Step, tools: Tools) -> Bench:
    source = site.files.original(video.uuid)
    if source is None and step.kind != kinds.RELEASE:
        raise ToolFailed("The original of « {title} » is not in the data folder any more.", title=video.title)
    plan = Plan.from_json(video.plan or "")
    if source is None:  # let go, and then we were killed
        source = site.files.video(video.uuid) / "original"
    elif plan.remuxed and step.kind != kinds.RELEASE:
        source = _even(site, video, source, tools)
    noting = replace(tools, progress=_progress(step, steps.seconds(plan, step), tools.stop))
    return Bench(site, video, step, plan, noting, source)


def _even(site: Site, video: Video, original: Path, tools: Tools) -> Path:
    """The copy that the plan speaks of; made anew, byte for byte, where it was lost (a restored backup)."""
    even = site.files.even_source(video.uuid)
    if even.exists():
        return even
    return machine.even_source(site, video.uuid, original, probe(original, tools), tools)[0]


def _progress(step: Step, duration: float, stop: threading.Event | None) -> Callable[[float], None]:
    """Stores how far the step is, now and then; ends it when the video was erased or put in the bin meanwhile.

    It is called from a thread of its own, the one that reads what ffmpeg says.
    """
    last = time.monotonic()

    def note(seconds: float) -> None:
        nonlocal last
        if time.monotonic() - last < PROGRESS_SECONDS or duration <= 0:
            return
        last = time.monotonic()
        try:
            with borrowed():
                if not _wanted(step.video_id):
                    if stop:
                        stop.set()
                    return
                Step.update(progress=min(1.0, seconds / duration)).where(Step.id == step.id).execute()
        except Exception as error:
            if not found_no_room(error):
                raise

    return note


def _wanted(video_id: int) -> bool:
    """Neither erased, nor in the bin, nor paused."""
    here = Video.id == video_id, Video.removed.is_null(), Video.held_at.is_null()
    return bool(Video.select().where(*here).exists())


def _sweep_attempts(site: Site, video: Video, step: Step) -> None:
    """Removes what earlier attempts at this step left half made; this claim is the only one at work."""
    for left in site.files.work(video.uuid).glob(f"{step.id}-*.part*"):
        shutil.rmtree(left) if left.is_dir() else left.unlink()
    if step.kind not in kinds.ALONGSIDE:
        with listing(site, video):
            for left in site.files.public(video.uuid).glob(".*.part"):
                left.unlink()


def _commit(bench: Bench, claim: rows.Claim, commit: Rows) -> None:
    site, video = bench.site, bench.video
    with site.db.atomic():
        if not Step.select().where(Step.id == claim.row.id).exists():
            raise Interrupted(GONE)
        commit()
        Step.update(progress=1).where(Step.id == claim.row.id).execute()
        claim.done()
        publish(video.id)
    if claim.row.kind in (kinds.TOP, kinds.APPEND, kinds.FINISH):
        show(site, video, bench.plan)
    if Video.get_by_id(video.id).processing == Processing.READY:
        tidy(site, video)


def _named(site: Site, error: Exception) -> TubehomeError:
    """What the row says; asked before the attempt's files go, as a full disk makes tools say all kinds of things."""
    no_room = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if no_room or isinstance(error, NoRoom) or found_no_room(error) or _full(site):
        return NoRoom(FULL)
    if isinstance(error, TubehomeError):
        return error
    log.error("a step failed unexpectedly", exc_info=error)
    told = "".join(traceback.format_exception(error)[-6:])
    return ToolFailed("Something unexpected went wrong while the video was prepared.", cause=told)


def _failed(site: Site, video: Video, claim: rows.Claim, error: TubehomeError) -> None:
    _sweep_attempts(site, video, claim.row)
    if isinstance(error, NoRoom):
        claim.postpone(error, ROOM_SECONDS)
    elif isinstance(error, Killed):
        if not claim.died(error):
            _fail(site, video)
    elif not claim.retry(_told(site, video, claim.row, error)):
        _fail(site, video)


def _told(site: Site, video: Video, step: Step, error: TubehomeError) -> TubehomeError:
    """A range that failed for the last time is named by its place in the film: the owner may go on without it."""
    last = step.attempts + 1 >= rows.ATTEMPTS and site.files.original(video.uuid) is not None
    if step.kind != kinds.RANGE or steps.given_up(step) or not last:
        return error
    at = Plan.from_json(video.plan or "").spans[step.number].start
    return ToolFailed(DAMAGED, cause=f"{error}\n{error.cause or ''}".strip(), time=i18n.clock(float(at)))


def _give_up_if_failed(site: Site, video: Video, step: Step) -> None:
    """A row that was found killed too often is failed by `claim`; the video then says so."""
    if Step.get_by_id(step.id).state == rows.FAILED:
        _fail(site, video)


def _fail(site: Site, video: Video) -> None:
    with site.db.atomic():
        now = Processing(Video.get_by_id(video.id).processing)
        if now not in (Processing.FAILED, Processing.READY):
            move(video.id, now, Processing.FAILED)
