"""The last byte is here: hashed, judged, a video once and not twice, whatever is killed in between."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.flows import accept as accepting
from tubehome.flows import intake, machine, sweep
from tubehome.flows.accept import accept
from tubehome.flows.announce import announce
from tubehome.flows.say import say
from tubehome.jobs import rows
from tubehome.library import queries
from tubehome.library.models import Channel, Video
from tubehome.site import Site
from tubehome.store.db import db
from tubehome.uploads import desk, incoming
from tubehome.uploads.models import Upload


@pytest.fixture
def uploaded(site: Site) -> Callable[..., Upload]:
    """`uploaded(file, **said)`: an upload whose last byte is here."""

    def make(file: Path, **said: Any) -> Upload:
        row = announce(site, desk.Said(said.pop("name", file.name), file.stat().st_size, **said))
        shutil.copy(file, incoming.path(site, row.uuid))
        assert desk.whole(row)
        return row

    return make


def go(site: Site, row: Upload) -> Upload:
    accept(site, row.id, machine.tools(site))
    found: Upload = Upload.get_by_id(row.id)
    return found


def test_a_file_becomes_a_video(site: Site, uploaded: Any, short_clip: Path) -> None:
    row = uploaded(short_clip, title="Conseil", description="Budget", visibility="private", language="fr")
    done = go(site, row)
    assert done.state == rows.DONE
    video = Video.get_by_id(done.video_id)
    assert (video.title, video.description, video.visibility, video.language) == ("Conseil", "Budget", "private", "fr")
    original = site.files.original(video.uuid)
    assert original
    assert original.read_bytes() == short_clip.read_bytes()
    assert not incoming.path(site, row.uuid).exists()
    assert not site.files.loose(video.uuid).exists()
    assert queries.steps(video)


def test_twice_makes_one_video(site: Site, uploaded: Any, short_clip: Path) -> None:
    row = uploaded(short_clip)
    go(site, row)
    go(site, row)
    assert Video.select().count() == 1


@pytest.mark.parametrize(("content", "name"), [(b"not a film" * 1000, "slides.pptx"), (b"", "x.mp4")])
def test_a_refused_file_leaves_its_sentence_and_nothing_else(
    site: Site, uploaded: Any, tmp_path: Path, content: bytes, name: str
) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content or b"x")
    row = go(site, uploaded(bad, name=name))
    assert row.state == rows.FAILED
    assert row.error
    assert name in str(row.error)
    assert Video.select().count() == 0
    assert list(site.files.incoming.iterdir()) == []
    assert list(site.files.videos().iterdir()) == []
    desk.forget(site, row)


def test_a_duplicate_is_pointed_out_unless_it_is_wanted(site: Site, uploaded: Any, short_clip: Path) -> None:
    first = go(site, uploaded(short_clip))
    second = go(site, uploaded(short_clip))
    assert second.state == rows.FAILED
    assert "/w/" in str(second.error)
    third = uploaded(short_clip)
    Upload.update(again=True).where(Upload.id == third.id).execute()
    assert go(site, third).video_id != first.video_id
    assert Video.select().count() == 2


@pytest.mark.parametrize("moment", ["settle", "_plan", "_rows"])
def test_a_kill_anywhere_is_healed(
    site: Site, uploaded: Any, short_clip: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    class Killed(BaseException):
        pass

    row = uploaded(short_clip)
    real = intake.files.settle
    with monkeypatch.context() as dying:

        def die(*_: Any) -> None:
            # as a kill -9 leaves it: nothing is put back or tidied up, the claim is gone
            dying.setattr(intake.files, "settle", lambda *_: None)
            raise Killed

        def settle(*arguments: Any) -> None:
            real(*arguments)
            if moment == "settle":
                die()

        dying.setattr(intake.files, "erase", lambda *_: None)
        dying.setattr(intake.files, "settle", settle)
        if moment != "settle":
            dying.setattr(intake, moment, die)
        with pytest.raises(Killed):
            accept(site, row.id, machine.tools(site))
    assert Upload.get_by_id(row.id).state == rows.RUNNING
    sweep.sweep(site, thorough=True)
    done = go(site, row)
    assert done.state == rows.DONE, done.error
    assert Video.select().count() == 1
    original = site.files.original(done.uuid)
    assert original
    assert original.read_bytes() == short_clip.read_bytes()
    assert list(site.files.incoming.iterdir()) == []


def test_a_full_disk_waits(site: Site, uploaded: Any, short_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = uploaded(short_clip)
    with monkeypatch.context() as full:
        full.setattr(type(site.files), "free_bytes", lambda self: 0)
        waiting = go(site, row)
        assert waiting.state == rows.WAITING
        assert waiting.error
        assert incoming.path(site, row.uuid).exists()
    Upload.update(next_try=0).where(Upload.id == row.id).execute()
    assert go(site, row).state == rows.DONE


def test_what_is_said_in_the_last_moment_counts(
    site: Site, uploaded: Any, short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = uploaded(short_clip, title="Early")
    real = accepting.take

    def late(*arguments: Any) -> Video:
        say(site, row.uuid, {"title": "Late", "description": "Said while it was judged"})
        return real(*arguments)

    monkeypatch.setattr(accepting, "take", late)
    done = go(site, row)
    video = Video.get_by_id(done.video_id)
    assert (video.title, video.description) == ("Late", "Said while it was judged")
    say(site, row.uuid, {"title": "Later still"})
    assert Video.get_by_id(done.video_id).title == "Later still"


def test_the_channel_s_defaults_are_used(site: Site, uploaded: Any, short_clip: Path) -> None:
    Channel.update(default_visibility="unlisted", default_language="br", default_licence="cc-by").execute()
    video = Video.get_by_id(go(site, uploaded(short_clip)).video_id)
    assert (video.visibility, video.language, video.licence) == ("unlisted", "br", "cc-by")
    assert db.in_transaction() is False
