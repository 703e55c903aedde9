"""The site: what every room above is handed. Tools take values, rooms take `site`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tubehome.base.config import Config
from tubehome.jobs.bell import Bell
from tubehome.store.files import Files


@dataclass(frozen=True)
class Site:
    """One instance: its configuration, its database, its files and its bell."""

    config: Config
    db: Any
    files: Files
    jobs: Bell

    @property
    def url(self) -> str:
        """The address people are given, without a slash at the end: configured, else where the server answers."""
        if self.config.server.url:
            return self.config.server.url.rstrip("/")
        try:
            return self.files.address.read_text().strip()
        except FileNotFoundError:
            return f"http://localhost:{self.config.server.port}"
