"""What is said of a file while its bytes travel; of the video, once it is one."""

from __future__ import annotations

from collections.abc import Mapping

from tubehome.flows import edit
from tubehome.flows.announce import CHECKED
from tubehome.library.models import Video
from tubehome.site import Site
from tubehome.uploads.models import Upload


def say(site: Site, uuid: str, said: Mapping[str, object]) -> Upload:
    """The upload as it then is. Invalid when a field is wrong; nothing is stored then. ValueError: unknown field."""
    if set(said) - set(CHECKED):
        raise ValueError(f"nothing can be said about {set(said) - set(CHECKED)}")
    # an emptied title, channel or privacy means: from the file's name, the first, the channel's default
    given = {name: value for name, value in said.items() if value or name in ("description", "language")}
    checked = edit.check(given)
    emptied = {name: "" for name in said if name not in given}
    stored = {**checked, **emptied, **({"channel": said["channel"]} if "channel" in given else {})}
    with site.db.atomic():  # it may become a video in this moment
        row = Upload.get(Upload.uuid == uuid)
        if row.video_id is None:
            if stored:
                Upload.update(**stored).where(Upload.id == row.id).execute()
            return Upload.get_by_id(row.id)
    edit.edit(site, Video.get_by_id(row.video_id), given)
    return row
