"""What the media room is handed: values made from the machine's configuration."""

from __future__ import annotations

import threading
from pathlib import Path

from tubehome.media import encode
from tubehome.media.check import Ceilings
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Policy
from tubehome.media.probe import Probe
from tubehome.site import Site
from tubehome.store import files


def tools(site: Site, stop: threading.Event | None = None) -> Tools:
    return Tools(nice=site.config.media.nice, stop=stop)


def policy(site: Site) -> Policy:
    media = site.config.media
    return Policy(heights=tuple(sorted(media.heights, reverse=True)), max_fps=media.max_fps)


def ceilings(site: Site) -> Ceilings:
    limits = site.config.limits
    return Ceilings(max_bytes=limits.upload_bytes, max_seconds=limits.duration_seconds)


def even_source(site: Site, uuid: str, original: Path, probed: Probe, tools: Tools) -> tuple[Path, Probe]:
    """The file to work with, and its probe: the original, or its copy with an even clock where its own jumps."""
    even = site.files.even_source(uuid)
    source, found = encode.remux_if_needed(original, probed, even.with_suffix(".part"), tools)
    if source == original:
        return original, found
    files.settle(source, even)
    return even, found
