"""What the rows of a video's steps mean for the public. The three moments of a video; the first is `flows.show`'s."""

from __future__ import annotations

from tubehome.base import clock
from tubehome.jobs import rows
from tubehome.library import kinds
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing, move


def publish(video_id: int) -> None:
    """Moves the video on to what its steps say, inside the transaction that changed them; as often as one likes.

    OUT with the progressive file, READY with the last step; PLAYABLE comes with the lists (`flows.show`). One that
    failed is left where it is: a step may end after another one has failed, and counts when the owner tries again.
    """
    done = Step.select().where(Step.video == video_id, Step.kind == kinds.PROGRESSIVE, Step.state == rows.DONE)
    if done.exists():
        move(video_id, Processing.PLAYABLE, Processing.OUT)
    left = Step.select().where(Step.video == video_id, Step.state != rows.DONE).exists()
    if not left and move(video_id, Processing.OUT, Processing.READY):
        dated(video_id, at=Processing.READY)


def dated(video_id: int, at: Processing) -> None:
    """The date that people see: when the video was first theirs to watch. In the caller's transaction."""
    waits = at == Processing.READY
    Video.update(published_at=clock.timestamp()).where(
        Video.id == video_id, Video.published_at.is_null(), Video.wait_transcoding == waits
    ).execute()
