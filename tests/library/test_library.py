"""States and moves, who may see, lists."""

from __future__ import annotations

import itertools

import pytest

from tubehome.base import clock, ids
from tubehome.base.errors import NotFound, Refused
from tubehome.flows.discard import discard
from tubehome.flows.erase import erase
from tubehome.flows.sweep import sweep
from tubehome.flows.undelete import undelete
from tubehome.library import access, queries
from tubehome.library.changes import changed
from tubehome.library.models import Channel, Step, Video
from tubehome.library.processing import MOVES, Processing, before_failure, move
from tubehome.site import Site
from tubehome.store.db import content_version, db


def add(**values: object) -> Video:
    now = clock.timestamp()
    standard: dict[str, object] = {
        "uuid": ids.new_uuid(),
        "channel": Channel.get(),
        "title": "Séance",
        "visibility": "public",
        "processing": "ready",
        "created_at": now,
        "updated_at": now,
        "playable_at": now,
        "out_at": now,
        "ready_at": now,
        "published_at": now,
        "source_name": "a.mp4",
        "source_size": 1,
        "source_sha256": "0",
    }
    return Video.create(**{**standard, **values})


PAIRS = list(itertools.product(Processing, Processing))


@pytest.mark.parametrize(("start", "end"), PAIRS)
def test_only_the_declared_moves_are_possible(site: Site, start: Processing, end: Processing) -> None:
    video = add(processing=start)
    with db.atomic():
        if end in MOVES[start]:
            assert move(video.id, start, end) is True
        else:
            with pytest.raises(ValueError, match="no move"):
                move(video.id, start, end)


def test_a_move_is_a_compare_and_swap(site: Site) -> None:
    video = add(processing=Processing.PREPARING, playable_at=None)
    before = content_version()[0]
    with db.atomic():
        assert move(video.id, Processing.PREPARING, Processing.PLAYABLE)
        assert not move(video.id, Processing.PREPARING, Processing.PLAYABLE)
    assert Video.get_by_id(video.id).playable_at is not None
    assert content_version()[0] == before + 1
    with pytest.raises(RuntimeError, match="transaction"):
        move(video.id, Processing.PLAYABLE, Processing.OUT)


def test_a_failed_video_goes_on_where_it_was(site: Site) -> None:
    none = {"playable_at": None, "out_at": None, "ready_at": None}
    assert before_failure(add(**none)) == Processing.RECEIVED
    assert before_failure(add(**none, plan="{}")) == Processing.PREPARING
    assert before_failure(add(**{**none, "playable_at": 1})) == Processing.PLAYABLE
    assert before_failure(add(**{**none, "playable_at": 1, "out_at": 1})) == Processing.OUT


MINUTE_AGO = {"ready_at": None, "out_at": None}
CASES = [
    # what the video is, seen by a stranger, by the owner, in lists, in feeds
    ({}, True, True, True, True),
    ({"visibility": "unlisted"}, True, True, False, False),
    ({"visibility": "private"}, False, True, False, False),
    ({"removed": "bin", "removed_at": 1}, False, True, False, False),
    ({"ready_at": None, "out_at": None, "processing": "playable"}, True, True, True, False),
    ({"ready_at": None, "out_at": None, "playable_at": None, "processing": "preparing"}, True, True, False, False),
    ({"ready_at": None, "wait_transcoding": True, "processing": "out"}, False, True, False, False),
    ({"wait_transcoding": True}, True, True, True, True),
    ({"processing": "failed", "ready_at": None}, True, True, True, True),
]


@pytest.mark.parametrize(("values", "stranger", "owner", "listed", "announced"), CASES)
def test_who_may_see(
    site: Site, values: dict[str, object], stranger: bool, owner: bool, listed: bool, announced: bool
) -> None:
    video = add(**values)
    assert access.may_see(video, access.STRANGER) is stranger
    assert access.may_see(video, access.OWNER) is owner
    assert [v.id for v in queries.latest(10)] == [video.id] * listed
    assert [v.id for v in queries.for_feed(10)] == [video.id] * announced
    with db.atomic():
        changed(video.channel_id)
    assert queries.channels()[0].listed_videos == listed


def test_a_video_is_found_by_both_ids_and_nothing_else(site: Site) -> None:
    video = add()
    assert queries.video(video.uuid).id == queries.video(ids.shorten(video.uuid)).id == video.id
    for wrong in ("", "x", ids.new_uuid(), "../" + video.uuid):
        with pytest.raises(NotFound):
            queries.video(wrong)


def test_the_bin(site: Site) -> None:
    video = add()
    folder = site.files.public(video.uuid)
    folder.mkdir(parents=True)
    discard(site, video)
    with pytest.raises(Refused, match="already"):
        discard(site, video)
    assert queries.latest(10) == []
    undelete(site, video)
    with pytest.raises(Refused, match="not in the bin"):
        undelete(site, video)
    assert len(queries.latest(10)) == 1
    discard(site, video)
    sweep(site)
    assert Video.select().count() == 1
    Video.update(removed_at=clock.timestamp() - 31 * 24 * 3600).execute()
    sweep(site)
    assert Video.select().count() == 0
    assert not site.files.video(video.uuid).exists()


def test_an_erased_videos_number_is_never_given_again(site: Site) -> None:
    first = add()
    step = Step.create(video=first, position=1, kind="images")
    erase(site, first)
    second = add()
    assert second.id > first.id
    assert Step.create(video=second, position=1, kind="images").id > step.id


def test_erasing_takes_rows_and_files(site: Site) -> None:
    video = add()
    Step.create(video=video, position=1, kind="images")
    site.files.public(video.uuid).mkdir(parents=True)
    erase(site, video)
    assert (Video.select().count(), Step.select().count()) == (0, 0)
    assert not site.files.video(video.uuid).exists()
    assert list(site.files.trash.iterdir()) == []
