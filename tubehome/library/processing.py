"""Where a video is in the pipeline: the states, the moves between them, and the only writer.

RECEIVED → PREPARING → PLAYABLE → OUT → READY. The three moments (playable, out, ready) are also kept as
times: a video whose last rendition failed stays watchable and published.
"""

from __future__ import annotations

from enum import StrEnum

from peewee import fn

from tubehome.base import clock
from tubehome.library.changes import changed
from tubehome.library.models import Video
from tubehome.store.db import db


class Processing(StrEnum):
    RECEIVED = "received"  # the file is here
    PREPARING = "preparing"  # planned, nothing can be played yet
    PLAYABLE = "playable"  # page, home page and player have it
    OUT = "out"  # feeds have it: one rendition and the progressive file are final
    READY = "ready"  # all that was planned is verified
    FAILED = "failed"  # a step failed for good; the owner may try again


P = Processing
MOVES: dict[Processing, frozenset[Processing]] = {
    P.RECEIVED: frozenset({P.PREPARING, P.FAILED}),
    P.PREPARING: frozenset({P.PLAYABLE, P.FAILED}),
    P.PLAYABLE: frozenset({P.OUT, P.FAILED}),
    P.OUT: frozenset({P.READY, P.FAILED}),
    P.READY: frozenset(),
    P.FAILED: frozenset({P.RECEIVED, P.PREPARING, P.PLAYABLE, P.OUT}),
}
_MOMENTS = {P.PLAYABLE: "playable_at", P.OUT: "out_at", P.READY: "ready_at"}


def move(video_id: int, start: Processing, end: Processing) -> bool:
    """Compare-and-swap; False when the video was no longer at `start`. ValueError for a move that is not in MOVES.

    Inside the caller's transaction; bumps the content version, since pages show the state.
    """
    if end not in MOVES[start]:
        raise ValueError(f"no move from {start} to {end}")
    if not db.in_transaction():
        raise RuntimeError("move() belongs inside the transaction of what was done")
    now = clock.timestamp()
    values: dict[str, object] = {"processing": end, "updated_at": now}
    if end in _MOMENTS:
        moment = getattr(Video, _MOMENTS[end])
        values[_MOMENTS[end]] = fn.COALESCE(moment, now)  # a video that failed and goes on keeps its times
    moved = Video.update(values).where(Video.id == video_id, Video.processing == start).execute()
    if moved:
        changed(Video.get_by_id(video_id).channel_id)
    return bool(moved)


def before_failure(video: Video) -> Processing:
    """Where a failed video goes on when it is tried again."""
    if video.out_at is not None:
        return P.OUT
    if video.playable_at is not None:
        return P.PLAYABLE
    return P.PREPARING if video.plan else P.RECEIVED
