"""What the tests of flows share: a site whose films have several ranges though they are short."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tubehome.flows import machine
from tubehome.site import Site


@pytest.fixture
def small(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Ranges of four seconds, so that a short film has several."""
    made = replace(site, config=replace(site.config, media=replace(site.config.media, heights=(180, 120))))
    policy = replace(machine.policy(made), range_seconds=4, preset="ultrafast")
    monkeypatch.setattr(machine, "policy", lambda site: policy)
    return made
