"""What the media room is handed: values made from the machine's configuration."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from tubehome.base import ids
from tubehome.base.config import Config
from tubehome.library.models import Channel
from tubehome.media import encode
from tubehome.media.check import Ceilings
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Policy
from tubehome.media.probe import Probe
from tubehome.site import Site
from tubehome.store import files, lock

PLACE_MEMORY = 1_000_000_000  # bytes of the machine's memory for each step at once


def tools(site: Site, stop: threading.Event | None = None) -> Tools:
    return tools_of(site.config, stop)


def tools_of(config: Config, stop: threading.Event | None = None) -> Tools:
    return Tools(nice=config.media.nice, stop=stop)


def policy(site: Site) -> Policy:
    return policy_of(site.config)


def policy_of(config: Config) -> Policy:
    media = config.media
    return Policy(heights=tuple(sorted(media.heights, reverse=True)), max_fps=media.max_fps)


def ceilings(site: Site) -> Ceilings:
    return ceilings_of(site.config)


def ceilings_of(config: Config) -> Ceilings:
    return Ceilings(max_bytes=config.limits.upload_bytes, max_seconds=config.limits.duration_seconds)


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))


def places(config: Config) -> int:
    """Steps of preparation at once: as configured; 0: one on a small machine, else two and more with the cores.

    A range of four sizes keeps about two cores busy and takes up to 500 MB.
    """
    if config.media.jobs:
        return config.media.jobs
    if cores() == 1:
        return 1
    return max(1, min(max(2, cores() // 2), memory_bytes() // PLACE_MEMORY))


def memory_bytes() -> int:
    """What this machine, or the container around us, has."""
    whole = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return whole
    return min(whole, int(limit)) if limit.isdigit() else whole


def keeps_originals(site: Site, channel: Channel) -> bool:
    """What its owner says now; `channel` as it is in the database now."""
    return channel.keep_originals != "erase" if channel.keep_originals else site.config.media.keep_originals


def even_source(site: Site, uuid: str, original: Path, probed: Probe, tools: Tools) -> tuple[Path, Probe]:
    """The file to work with, and its probe: the original, or its copy with an even clock where its own jumps.

    Two may make it at once: each under a name of its own, locked while somebody is at it; the bytes are the same.
    """
    even = site.files.even_source(uuid)
    for left in even.parent.glob(f"{even.name}*.part"):
        if dead := lock.try_exclusive(left):
            dead.release(remove=True)
    part = even.with_name(f"{even.name}-{ids.new_uuid()}.part")
    held = lock.wait(part, exclusive=True, seconds=60)
    assert held is not None  # noqa: S101 - for the type checker: nobody else knows this name
    try:
        source, found = encode.remux_if_needed(original, probed, part, tools, policy(site))
        if source == original:
            return original, found
        files.settle(source, even)
        return even, found
    finally:
        held.release(remove=True)
