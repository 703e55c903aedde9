"""Who may see a video: page, media, images and feeds all ask here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tubehome.library.models import Video

PUBLIC, UNLISTED, PRIVATE = "public", "unlisted", "private"
BIN = "bin"  # why a video is removed: its owner did not want it any more
VISIBILITIES = (PUBLIC, UNLISTED, PRIVATE)


@dataclass(frozen=True)
class Viewer:
    """Who asks, as a value that web builds: the owner, or a stranger."""

    owner: bool = False


STRANGER = Viewer()
OWNER = Viewer(owner=True)


def may_see(video: Video, viewer: Viewer) -> bool:
    """May this viewer know that the video exists, and have its page, media and images?

    A video in the bin is gone for all but the owner, who looks at it before it is erased. A video that waits for all
    its sizes is hidden until then.
    """
    if viewer.owner:
        return True
    if video.removed or video.visibility == PRIVATE:
        return False
    return not video.wait_transcoding or video.ready_at is not None


def listed() -> Any:
    """The condition of public lists (home page, channel): public, playable, not in the bin, not held back."""
    held_back = Video.wait_transcoding & Video.ready_at.is_null()
    return (Video.visibility == PUBLIC) & Video.playable_at.is_null(False) & Video.removed.is_null() & ~held_back


def announced() -> Any:
    """The condition of feeds: listed, and OUT."""
    return listed() & Video.out_at.is_null(False)
