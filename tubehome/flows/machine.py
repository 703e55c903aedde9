"""What the media room is handed: values made from the machine's configuration."""

from __future__ import annotations

import os
import threading

from tubehome.media.check import Ceilings
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Policy
from tubehome.site import Site

SMALL_MEMORY = 2_000_000_000  # bytes; below it, one video at a time


def tools(site: Site, stop: threading.Event | None = None) -> Tools:
    return Tools(nice=site.config.media.nice, stop=stop)


def policy(site: Site) -> Policy:
    media = site.config.media
    return Policy(heights=tuple(sorted(media.heights, reverse=True)), max_fps=media.max_fps)


def ceilings(site: Site) -> Ceilings:
    limits = site.config.limits
    return Ceilings(max_bytes=limits.upload_bytes, max_seconds=limits.duration_seconds)


def parallel_videos(site: Site) -> int:
    """Videos worked on at the same time: as configured, else by cores and memory."""
    if site.config.media.jobs:
        return site.config.media.jobs
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 1 if (os.cpu_count() or 1) < 2 or memory < SMALL_MEMORY else 2
