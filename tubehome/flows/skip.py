"""The owner goes on without the parts of a film that cannot be encoded: black stands in their place."""

from __future__ import annotations

import json

from tubehome.base.errors import Refused
from tubehome.flows.retry import retry
from tubehome.library.damage import damaged
from tubehome.library.models import Step, Video
from tubehome.site import Site


def skip(site: Site, video: Video) -> None:
    """Refused when no part is damaged. All others keep their pictures and their places; the sound goes on."""
    with site.db.atomic():
        parts = damaged(video.id) if video.removed is None else []
        if not parts:
            raise Refused("No part of « {title} » is damaged: there is nothing to leave out.", title=video.title)
        told = json.dumps({"given_up": True})
        Step.update(made=told).where(Step.id << [step.id for step in parts]).execute()
    retry(site, video)  # a kill before it leaves a failed video, which the owner tries again
