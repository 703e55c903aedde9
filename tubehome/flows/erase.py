"""A video is erased for good: its rows first, so that nothing points at missing files, then its folder."""

from __future__ import annotations

from tubehome.library.changes import changed
from tubehome.library.models import Video
from tubehome.site import Site
from tubehome.store import files


def erase(site: Site, video: Video) -> None:
    folder = site.files.video(video.uuid)
    if folder.is_dir():
        site.files.loose(video.uuid).touch()  # a kill between the commit and the erasing: the sweep finishes it
    with site.db.atomic():
        Video.delete().where(Video.id == video.id).execute()  # its renditions, pictures and steps go with it
        changed(video.channel_id)
    files.erase(folder, site.files.trash)
