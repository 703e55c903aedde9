"""What the worker does when the bell rings: a Job to a short function. The only place that decorates for huey.

This module never moves: queued messages name its one task.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from huey import crontab
from huey.api import Huey

from tubehome.flows import machine, pipeline
from tubehome.flows import sweep as sweeping
from tubehome.flows.accept import accept
from tubehome.jobs import Job
from tubehome.site import Site


def register(site: Site, stop: threading.Event) -> Huey:
    """Binds the jobs to a site; `stop` ends running programs, and their work goes back to its row."""
    tools = machine.tools(site, stop)
    jobs: dict[Job, Callable[..., None]] = {
        Job.ADVANCE: lambda video_id: pipeline.advance(site, video_id, tools),
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
