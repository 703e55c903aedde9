"""Room is promised once: films that fit one by one, and not together, do not fill the disk together."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tubehome.base.errors import NoRoom
from tubehome.flows import machine, pipeline
from tubehome.flows.discard import discard
from tubehome.flows.intake import Intake, intake
from tubehome.flows.room import check_room, promised
from tubehome.library.models import Video
from tubehome.library.processing import Processing
from tubehome.media.plan import Plan
from tubehome.site import Site

pytestmark = pytest.mark.slow


def put(site: Site, path: Path) -> Video:
    with path.open("rb") as source:
        return intake(site, source, Intake(path.name, again=True), lambda _: None, machine.tools(site))


@pytest.fixture
def free(site: Site, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """So many bytes are free beyond the reserve."""

    def set_(many: int) -> None:
        reserve = site.config.limits.reserve_bytes
        monkeypatch.setattr(type(site.files), "free_bytes", lambda self: many + reserve)

    return set_


def test_the_second_film_waits_until_the_first_is_made(
    site: Site, short_clip: Path, free: Callable[[int], None]
) -> None:
    first = put(site, short_clip)
    needed = Plan.from_json(first.plan or "").estimated_bytes
    assert promised(site) == needed
    free(needed + needed // 2)
    with pytest.raises(NoRoom):
        put(site, short_clip)
    assert Video.select().count() == 1
    for _ in range(12):
        pipeline.advance(site, first.id, machine.tools(site))
    assert Video.get_by_id(first.id).processing == Processing.READY
    assert promised(site) == 0
    assert put(site, short_clip)


def test_what_goes_into_the_bin_is_promised_nothing(site: Site, short_clip: Path) -> None:
    video = put(site, short_clip)
    discard(site, video)
    assert promised(site) == 0


def test_what_was_made_counts_and_less_is_promised(site: Site, clip: Callable[..., Path]) -> None:
    old = "-f lavfi -i testsrc2=s=640x360:r=25:d=12 -c:v mpeg4".split()
    video = put(site, clip("room-old.avi", *old))
    before = [promised(site)]
    for _ in range(4):
        pipeline.advance(site, video.id, machine.tools(site))
        before.append(promised(site))
    assert max(before[1:]) < before[0]
    assert 0 < before[-1] < before[0] // 4


def test_two_at_the_same_moment_are_not_promised_the_same(
    site: Site, short_clip: Path, free: Callable[[int], None]
) -> None:
    first = put(site, short_clip)
    needed = Plan.from_json(first.plan or "").estimated_bytes
    discard(site, first)
    free(needed + needed // 2)
    told: list[object] = []

    def one() -> None:
        with site.db.connection_context():
            try:
                told.append(put(site, short_clip))
            except NoRoom as error:
                told.append(error)

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(isinstance(each, NoRoom) for each in told) == [False, True, True]


def test_the_sentence(site: Site, free: Callable[[int], None]) -> None:
    free(1000)
    with pytest.raises(NoRoom) as caught:
        check_room(site, 2000, "conseil.mp4")
    assert "conseil.mp4" in caught.value.sentence("fr")
