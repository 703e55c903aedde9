"""What the worker does when the bell rings: a Job to a short function. The only place that decorates for huey.

This module never moves: queued messages name its one task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from huey import crontab
from huey.api import Huey

from tubehome.flows import machine, pipeline, watched
from tubehome.flows import sweep as sweeping
from tubehome.flows.accept import accept
from tubehome.flows.order import Crew
from tubehome.jobs import Job
from tubehome.site import Site


def register(site: Site, stop: threading.Event, places: int = 1) -> Huey:
    """Binds the jobs to a site; `stop` ends running programs, and their work goes back to its row.

    `places`: steps of preparation that may be under way at once; a thread more is there for all else.
    """
    tools, crew = machine.tools(site, stop), Crew(places)
    jobs: dict[Job, Callable[..., None]] = {
        Job.ADVANCE: lambda *_: pipeline.work(site, tools, crew),
        Job.ORDER: lambda *_: crew.enforce(site),
        Job.ACCEPT: lambda upload_id: accept(site, upload_id, tools),
        Job.SWEEP: lambda thorough=0: sweeping.sweep(site, bool(thorough)),
    }

    @site.jobs.huey.task()
    def run(job: str, ids: list[int]) -> None:
        if not stop.is_set():  # what is queued stays in its rows; the next start rings for it
            with site.db.connection_context():
                jobs[Job(job)](*ids)

    @site.jobs.huey.periodic_task(crontab(minute="*"))
    def every_minute() -> None:
        run.call_local(Job.SWEEP, [])

    return site.jobs.huey


def watch(site: Site, stop: threading.Event) -> list[threading.Thread]:
    """The thread that looks into the watched folder, if there is one to be watched."""
    if not site.config.intake.folder:
        return []
    known = watched.Watch()

    def look() -> None:
        while not stop.wait(watched.TICK_SECONDS):
            with site.db.connection_context():
                watched.look(site, known)

    return [threading.Thread(target=look, name="watched-folder", daemon=True)]
