"""The owner chooses a video's picture: one of the candidates, a moment of the film, or a picture of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

from tubehome.base import clock, ids
from tubehome.base.errors import NotFound, Refused
from tubehome.flows import machine
from tubehome.flows.steps import OWN, pictures_are
from tubehome.library import queries
from tubehome.library.changes import changed
from tubehome.library.models import Video
from tubehome.media import images, pictures
from tubehome.site import Site
from tubehome.store import files


def candidate(site: Site, video: Video, number: int) -> None:
    """NotFound when there is no such candidate."""
    source = site.files.candidates(video.uuid) / f"candidate-{number}.jpg"
    if not source.is_file():
        raise NotFound("There is no such picture.")
    _use(site, video, source, f"candidate-{number}")


def moment(site: Site, video: Video, at: float) -> None:
    """What the player shows `at` seconds from the beginning. Refused before the video can be watched."""
    made = queries.renditions(video)
    if not made:
        raise Refused("The video cannot be watched yet: choose a moment of it in a while.")
    if not 0 <= at <= video.duration:
        raise Refused("This moment is not in the video.")
    part = site.files.trash / f"{ids.new_uuid()}.jpg"
    try:
        images.frame(site.files.public(video.uuid) / made[0].file, at, part, machine.tools(site))
        _use(site, video, part, f"at-{at:.3f}")
    finally:
        part.unlink(missing_ok=True)


def own(site: Site, video: Video, source: Path) -> None:
    """A picture of the owner's, cut to the shape of the film. Refused when it is none."""
    _use(site, video, source, OWN)


def _use(site: Site, video: Video, source: Path, choice: str) -> None:
    folder = site.files.trash / ids.new_uuid()  # what a kill leaves here is swept
    folder.mkdir()
    shape = images.shapes(video.width or 1280, video.height or 720)
    try:
        made = pictures.redraw(source, shape, folder, "thumbnail", machine.tools(site))
        for image in made:
            files.settle(folder / image.file, site.files.public(video.uuid) / image.file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with site.db.atomic():
        pictures_are(video, made)
        Video.update(thumbnail=choice, updated_at=clock.timestamp()).where(Video.id == video.id).execute()
        changed(video.channel_id)
