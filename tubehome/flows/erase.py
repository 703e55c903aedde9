"""A video is erased for good: its rows first, so that nothing points at missing files, then its folder."""

from __future__ import annotations

from tubehome.library.changes import changed
from tubehome.library.models import Video
from tubehome.site import Site
from tubehome.store import files


def erase(site: Site, video: Video) -> None:
    with site.db.atomic():
        Video.delete().where(Video.id == video.id).execute()  # its renditions, pictures and steps go with it
        changed(video.channel_id)
    files.erase(site.files.video(video.uuid), site.files.trash)
