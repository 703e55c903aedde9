"""What was given is kept, or goes once everything made of it was seen to be whole; never before, never by a slip."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubehome.base.errors import ToolFailed
from tubehome.flows import machine, pipeline, retry
from tubehome.flows.edit_channel import edit_channel
from tubehome.flows.enough import enough
from tubehome.flows.intake import Intake, intake
from tubehome.jobs import rows
from tubehome.library import kinds, queries
from tubehome.library.models import Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.media import hls, whole
from tubehome.site import Site

pytestmark = pytest.mark.slow


def erasing(site: Site) -> Site:
    return replace(site, config=replace(site.config, media=replace(site.config.media, keep_originals=False)))


def put(site: Site, path: Path) -> Video:
    with path.open("rb") as source:
        return intake(site, source, Intake(path.name, again=True), lambda _: None, machine.tools(site))


def work(site: Site, video: Video, until: str = "") -> Video:
    """Step by step, up to the one of this kind."""
    for _ in range(40):
        left = [step.kind for step in queries.steps(video) if step.state != rows.DONE]
        if not left or left[0] == until:
            break
        Step.update(next_try=0).execute()
        pipeline.advance(site, video.id, machine.tools(site))
    return Video.get_by_id(video.id)


def kinds_of(video: Video) -> list[str]:
    return [step.kind for step in queries.steps(video)]


def test_they_are_kept_unless_it_is_said_otherwise(site: Site, short_clip: Path) -> None:
    video = put(site, short_clip)
    assert kinds.RELEASE not in kinds_of(video)
    assert work(site, video).processing == Processing.READY
    assert site.files.original(video.uuid) is not None


@pytest.mark.parametrize("who", ["machine", "channel"])
def test_one_goes_once_all_is_whole(site: Site, short_clip: Path, who: str) -> None:
    if who == "channel":
        edit_channel(site, queries.channel("claire_channel"), {"keep_originals": "erase"})
    else:
        site = erasing(site)
    video = put(site, short_clip)
    assert kinds_of(video)[-1] == kinds.RELEASE
    work(site, video, until=kinds.RELEASE)
    assert site.files.original(video.uuid) is not None
    assert Video.get_by_id(video.id).processing == Processing.OUT, "it is watched meanwhile"
    assert work(site, video).processing == Processing.READY
    assert site.files.original(video.uuid) is None
    assert (site.files.public(video.uuid) / "360p.mp4").exists()


def test_a_channel_keeps_what_the_machine_would_not(site: Site, short_clip: Path) -> None:
    site = erasing(site)
    edit_channel(site, queries.channel("claire_channel"), {"keep_originals": "keep"})
    assert kinds.RELEASE not in kinds_of(put(site, short_clip))


def test_who_wants_it_kept_by_then_keeps_it(site: Site, short_clip: Path) -> None:
    video = put(erasing(site), short_clip)
    work(erasing(site), video, until=kinds.RELEASE)
    edit_channel(site, queries.channel("claire_channel"), {"keep_originals": "keep"})
    assert work(erasing(site), video).processing == Processing.READY
    assert site.files.original(video.uuid) is not None


def test_who_wants_it_kept_while_it_is_looked_through_keeps_it(
    site: Site, short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking through three hours takes minutes."""
    video = put(erasing(site), short_clip)
    work(erasing(site), video, until=kinds.RELEASE)
    looked, look = [], whole.verify_pictures

    def meanwhile(*given: Any) -> None:
        look(*given)
        looked.append(given)
        edit_channel(site, queries.channel("claire_channel"), {"keep_originals": "keep"})

    monkeypatch.setattr(whole, "verify_pictures", meanwhile)
    assert work(erasing(site), video).processing == Processing.READY
    assert looked
    assert site.files.original(video.uuid) is not None


def test_after_a_kill_behind_the_erasing_it_ends_well(site: Site, short_clip: Path) -> None:
    site = erasing(site)
    video = put(site, short_clip)
    work(site, video, until=kinds.RELEASE)
    site.files.original(video.uuid).unlink()  # type: ignore[union-attr]
    assert work(site, video).processing == Processing.READY


def test_a_smaller_size_that_cannot_be_played_keeps_it(site: Site, clip: Callable[..., Path]) -> None:
    """Digests are of segments: what a player reads before them has none, and is decoded with each size."""
    site = erasing(site)
    film = "-f lavfi -i testsrc2=s=854x480:r=25:d=2 -c:v mpeg4".split()
    video = put(site, clip("two-sizes.avi", *film))
    work(site, video, until=kinds.RELEASE)
    smaller = hls.Rendition.from_json(Rendition.get(Rendition.height == 360).details)
    path = site.files.public(video.uuid) / smaller.file
    at = path.read_bytes()[: smaller.init_size].index(b"avcC")
    with path.open("r+b") as file:
        file.seek(at + 4)
        file.write(bytes(40))
    assert work(site, video).processing == Processing.FAILED
    assert site.files.original(video.uuid) is not None


@pytest.mark.parametrize("harm", ["a byte", "the end", "the file", "the download", "no download"])
def test_what_is_not_whole_keeps_it(site: Site, short_clip: Path, harm: str) -> None:
    site = erasing(site)
    video = put(site, short_clip)
    work(site, video, until=kinds.RELEASE)
    public = site.files.public(video.uuid)
    film = public / ("360p.mp4" if "download" in harm else queries.renditions(video)[0].file)
    if harm == "a byte":
        with film.open("r+b") as file:
            file.seek(film.stat().st_size // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
    elif harm in ("the file", "no download"):
        film.unlink()
    else:
        os.truncate(film, film.stat().st_size - 10)
    assert work(site, video).processing == Processing.FAILED
    assert site.files.original(video.uuid) is not None
    failed = queries.steps(video)[-1]
    assert (failed.kind, failed.attempts) == (kinds.RELEASE, 3)
    assert "whole" in failed.error.sentence("en")
    enough(site, Video.get_by_id(video.id))
    assert Video.get_by_id(video.id).processing == Processing.READY
    assert site.files.original(video.uuid) is not None


def test_a_part_that_was_left_out_keeps_it(site: Site, clip: Callable[..., Path]) -> None:
    site = erasing(site)
    film = "-f lavfi -i testsrc2=s=640x360:r=25:d=3 -c:v mpeg4".split()
    video = put(site, clip("original-old.avi", *film))
    work(site, video, until=kinds.RELEASE)
    Step.update(made='{"given_up": true}').where(Step.kind == kinds.RANGE).execute()
    assert work(site, video).processing == Processing.READY
    assert site.files.original(video.uuid) is not None


def test_pictures_that_do_not_decode_are_counted(site: Site, short_clip: Path) -> None:
    """Right digests say that nothing changed; that it was right in the beginning, only decoding does."""
    video = put(site, short_clip)
    work(site, video)
    made = hls.Rendition.from_json(Rendition.get().details)
    path = site.files.public(video.uuid) / made.file
    tools = machine.tools(site)
    whole.verify_pictures(path, made, True, tools)
    with path.open("r+b") as file:
        file.seek(made.segments[0].offset + made.segments[0].size * 2 // 3)
        file.write(bytes(2000))
    with pytest.raises(ToolFailed):
        whole.verify_pictures(path, made, True, tools)


def test_one_that_failed_otherwise_is_tried_again_from_it(site: Site, short_clip: Path) -> None:
    site = erasing(site)
    video = put(site, short_clip)
    last = queries.steps(video)[-2]
    Step.update(state=rows.FAILED, last_error=ToolFailed("It broke.").to_json()).where(Step.id == last.id).execute()
    Video.update(processing=Processing.FAILED).execute()
    retry.retry(site, Video.get_by_id(video.id))
    assert work(site, video).processing == Processing.READY
    assert site.files.original(video.uuid) is None
