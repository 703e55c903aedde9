"""The watched folder: what lies still is taken once and whole; what is refused comes back with a reason."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tubehome.base.config import Intake
from tubehome.flows import machine, pipeline, sweep, watched
from tubehome.flows.accept import accept
from tubehome.jobs import rows
from tubehome.library.models import Channel, Video
from tubehome.library.processing import Processing
from tubehome.site import Site
from tubehome.uploads import incoming
from tubehome.uploads.models import Upload

PATIENCE = 20


class Folder:
    """The folder, and its watcher with a clock of its own."""

    def __init__(self, site: Site, path: Path) -> None:
        self.site, self.path, self.watch, self.now = site, path, watched.Watch(), 1000.0

    def put(self, name: str, source: Path, more: bytes = b"") -> Path:
        target = self.path / name
        target.write_bytes(source.read_bytes() + more)
        return target

    def look(self, wait: float = 0) -> int:
        self.now += wait
        return watched.look(self.site, self.watch, self.now)

    def settle(self) -> None:
        """Two looks, far enough apart; then the worker's part."""
        self.look()
        self.look(PATIENCE)
        for row in Upload.select().where(Upload.state == rows.WAITING):
            accept(self.site, row.id, machine.tools(self.site))

    def names(self) -> list[str]:
        return sorted(str(p.relative_to(self.path)) for p in self.path.rglob("*") if p.is_file())


@pytest.fixture
def drop(site: Site, tmp_path: Path) -> Folder:
    path = tmp_path / "drop"
    path.mkdir()
    watched_site = replace(site, config=replace(site.config, intake=Intake(str(path), PATIENCE)))
    return Folder(watched_site, path)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another disk than the tests'."""
    if not Path("/dev/shm").is_dir():
        pytest.skip("no second file system here")
    path = Path("/dev/shm") / f"tubehome-test-{os.getpid()}"
    path.mkdir()
    yield path
    shutil.rmtree(path)


def test_a_film_that_lies_still_becomes_a_private_video(drop: Folder, short_clip: Path) -> None:
    drop.put("Conseil_du_17.mp4", short_clip)
    assert drop.look() == 0
    assert drop.look(PATIENCE - 1) == 0
    assert drop.look(1) == 1
    assert drop.names() == []
    drop.settle()
    video = Video.get()
    assert (video.title, video.visibility, video.source_name) == ("Conseil du 17", "private", "Conseil_du_17.mp4")
    original = drop.site.files.original(video.uuid)
    assert original
    assert original.read_bytes() == short_clip.read_bytes()


def test_a_slow_copy_is_left_alone_until_it_ends(drop: Folder, short_clip: Path) -> None:
    data = short_clip.read_bytes()
    path = drop.path / "slow.mp4"
    for part in range(1, 5):
        path.write_bytes(data[: len(data) * part // 4])
        assert drop.look(PATIENCE - 1) == 0
    drop.settle()
    assert Video.select().count() == 1


def test_what_is_not_meant_is_left_alone(drop: Folder, short_clip: Path, tmp_path: Path) -> None:
    for name in (".hidden.mp4", "a.mp4.part", "b.crdownload", "c.TMP", "words.txt", "alone.srt"):
        drop.put(name, short_clip)
    (drop.path / "empty.mp4").touch()
    (drop.path / "sub").mkdir()
    drop.put("sub/deep.mp4", short_clip)
    target = tmp_path / "secret.mp4"
    shutil.copy(short_clip, target)
    (drop.path / "link.mp4").symlink_to(target)
    (drop.path / "links").symlink_to(tmp_path)
    os.mkfifo(drop.path / "pipe.mp4")
    before = drop.names()
    drop.settle()
    drop.settle()
    assert drop.names() == before
    assert Upload.select().count() == 0


def test_a_file_that_is_replaced_while_it_is_taken(
    drop: Folder, short_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = drop.put("a.mp4", short_clip)
    drop.look()
    real = watched._row

    def late(*arguments: Any) -> Any:
        other = drop.path / ".new"
        other.write_bytes(b"another film altogether")
        os.replace(other, path)
        return real(*arguments)

    with monkeypatch.context() as racing:
        racing.setattr(watched, "_row", late)
        assert drop.look(PATIENCE) == 0
    assert path.read_bytes() == b"another film altogether"
    assert Upload.select().count() == 0
    assert list(drop.site.files.incoming.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("picture", ["red", "none"])
def test_a_picture_beside_it_becomes_the_videos(
    drop: Folder, short_clip: Path, clip: Callable[..., Path], picture: str
) -> None:
    """And one that cannot be used is no reason to keep the film from anybody."""
    red = clip("red.jpg", *"-f lavfi -i color=red:s=320x240 -frames:v 1".split())
    drop.put("a.mp4", short_clip)
    (drop.path / "a.JPG").write_bytes(red.read_bytes() if picture == "red" else b"no picture at all")
    drop.settle()
    tools = machine.tools(drop.site)
    while Video.get().processing != Processing.READY:
        pipeline.advance(drop.site, Video.get().id, tools)
    video = Video.get()
    assert video.thumbnail == ("own" if picture == "red" else "")
    made = drop.site.files.public(video.uuid) / "thumbnail-320.jpg"
    shown = ["-vf", "scale=1:1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    pixel = subprocess.run(["ffmpeg", "-v", "error", "-i", made, *shown], capture_output=True, check=True).stdout
    assert (pixel[0] > 200 and max(pixel[1:3]) < 60) == (picture == "red"), tuple(pixel)


@pytest.mark.parametrize("relative", [False, True])
def test_a_link_in_its_place_is_not_taken_for_it(
    drop: Folder, short_clip: Path, monkeypatch: pytest.MonkeyPatch, relative: bool
) -> None:
    """It would lead out of the data folder: to bytes that somebody else may change, or to none."""
    path = drop.put("a.mp4", short_clip)
    drop.look()
    real = watched._row

    def late(*arguments: Any) -> Any:
        aside = path.rename(drop.path.parent / "aside.mp4")
        path.symlink_to(Path("..") / aside.name if relative else aside)
        return real(*arguments)

    with monkeypatch.context() as racing:
        racing.setattr(watched, "_row", late)
        assert drop.look(PATIENCE) == 0
    assert path.is_symlink(), "it is where it was put"
    assert Upload.select().count() == 0
    assert list(drop.site.files.incoming.iterdir()) == []
    assert drop.look(PATIENCE) == 0


def test_what_is_replaced_while_it_is_copied_from_another_disk(
    short_clip: Path, elsewhere: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Folder(replace(site, config=replace(site.config, intake=Intake(str(elsewhere), PATIENCE))), elsewhere)
    path = other.put("far.mp4", short_clip)
    assert path.stat().st_dev != site.files.incoming.stat().st_dev, "it is another disk"
    other.look()
    real = watched.files.sync_folder

    def late(*arguments: Any) -> None:
        new = elsewhere / ".new"
        new.write_bytes(b"another film altogether")
        os.replace(new, path)
        real(*arguments)

    with monkeypatch.context() as racing:
        racing.setattr(watched.files, "sync_folder", late)
        assert other.look(PATIENCE) == 0
    assert path.read_bytes() == b"another film altogether"
    assert Upload.select().count() == 0
    assert list(site.files.incoming.iterdir()) == []


def test_from_another_disk_it_is_copied_verified_and_removed(
    drop: Folder, short_clip: Path, elsewhere: Path, site: Site
) -> None:
    other = Folder(replace(site, config=replace(site.config, intake=Intake(str(elsewhere), PATIENCE))), elsewhere)
    other.put("far.mp4", short_clip)
    (elsewhere / "far.txt").write_text("Venu de loin")
    other.settle()
    assert other.names() == []
    assert Video.get().title == "Venu de loin"


def test_a_copy_from_another_disk_that_is_cut_off_loses_nothing(
    short_clip: Path, elsewhere: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Folder(replace(site, config=replace(site.config, intake=Intake(str(elsewhere), PATIENCE))), elsewhere)
    other.put("far.mp4", short_clip)

    class Killed(BaseException):
        pass

    def die(fd: int) -> None:
        raise Killed

    other.look()
    with monkeypatch.context() as dying:
        dying.setattr(watched.os, "fsync", die)
        with pytest.raises(Killed):
            other.look(PATIENCE)
    assert other.names() == ["far.mp4"]
    other.settle()
    other.settle()
    assert Video.select().count() == 1
    assert other.names() == []


@pytest.mark.parametrize("moment", ["_keep", "desk.whole"])
def test_a_kill_after_the_move_loses_nothing(
    drop: Folder, short_clip: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    drop.put("a.mp4", short_clip)

    class Killed(BaseException):
        pass

    def die(*_: Any) -> None:
        raise Killed

    drop.look()
    with monkeypatch.context() as dying:
        owner, name = (watched.desk, "whole") if "." in moment else (watched, moment)
        dying.setattr(owner, name, die)
        with pytest.raises(Killed):
            drop.look(PATIENCE)
    sweep.sweep(drop.site, thorough=True)
    drop.settle()
    assert Video.select().count() == 1


def test_words_beside_it(drop: Folder, short_clip: Path) -> None:
    drop.put("a.mp4", short_clip)
    (drop.path / "a.txt").write_bytes("Séance\r\nOrdre du jour :\r\nbudget".encode("cp1252"))
    drop.put("b.mp4", short_clip, b"x")
    (drop.path / "b.toml").write_text(
        'title = "B"\nprivacy = "public"\nchannel = "claire_channel"\nlanguage = "fr"\ntags = ["un", "deux"]\n'
        'licence = "cc-by"\ndescription = "D"\n'
    )
    drop.put("b.srt", short_clip)
    drop.settle()
    a, b = Video.get(Video.title == "Séance"), Video.get(Video.title == "B")
    assert a.description == "Ordre du jour :\nbudget"
    assert (b.visibility, b.language, b.tags, b.licence) == ("public", "fr", '["un", "deux"]', "cc-by")
    kept = drop.site.files.video(b.uuid) / "kept"
    assert sorted(p.name for p in kept.iterdir()) == ["b.srt", "b.toml"]
    assert drop.site.files.original(b.uuid)
    assert drop.names() == []


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [("a.toml", 'titel = "x"', "title"), ("a.toml", "=", "TOML"), ("a.toml", 'channel = "nobody"', "nobody"),
     ("a.toml", 'privacy = "x"', "x"), ("a.txt", "x" * 200, "trop long"), ("a.toml", "title = 3", "texte")],
)  # fmt: skip
def test_words_that_cannot_be_understood_refuse_the_film(
    drop: Folder, short_clip: Path, name: str, words: str, told: str
) -> None:
    drop.put("a.mp4", short_clip)
    (drop.path / name).write_text(words)
    drop.settle()
    assert Video.select().count() == 0
    assert sorted(drop.names()) == sorted(["refused/a.mp4", f"refused/{name}", "refused/a.mp4.txt"])
    assert told in (drop.path / "refused/a.mp4.txt").read_text()


def test_a_bad_file_comes_back_with_a_reason(drop: Folder, short_clip: Path) -> None:
    (drop.path / "slides.pptx").write_bytes(b"PK\x03\x04" + b"x" * 1000)
    (drop.path / "slides.txt").write_text("Titre")
    drop.settle()
    assert drop.names() == ["refused/slides.pptx", "refused/slides.pptx.txt", "refused/slides.txt"]
    assert "slides.pptx" in (drop.path / "refused/slides.pptx.txt").read_text()
    (drop.path / "slides.pptx").write_bytes(b"PK\x03\x04" + b"y" * 1000)
    drop.settle()
    assert "refused/slides (2).pptx" in drop.names()
    assert list(drop.site.files.incoming.iterdir()) == []


def test_a_film_that_is_here_already_comes_back_with_its_address(drop: Folder, short_clip: Path) -> None:
    drop.put("a.mp4", short_clip)
    drop.settle()
    drop.put("b.mp4", short_clip)
    drop.settle()
    assert Video.select().count() == 1
    assert "/w/" in (drop.path / "refused/b.mp4.txt").read_text()


@pytest.mark.parametrize("name", ["a\nb.mp4", "\u202efdp.mp4", "é" * 120 + ".mp4", "-rf.mp4", "$(id).mp4"])
def test_hostile_names(drop: Folder, short_clip: Path, name: str) -> None:
    drop.put(name, short_clip)
    drop.settle()
    assert Video.select().count() == 1
    assert "\n" not in Video.get().title


def test_two_hundred_at_once_are_taken_in_order(drop: Folder, short_clip: Path) -> None:
    for number in range(200):
        drop.put(f"{number:03}.mp4", short_clip, str(number).encode())
    drop.look()
    assert drop.look(PATIENCE) == 200
    assert [row.name for row in Upload.select().order_by(Upload.id)] == [f"{n:03}.mp4" for n in range(200)]
    assert drop.names() == []
    assert len(list(drop.site.files.incoming.glob("*.upload"))) == 200


def test_a_folder_that_cannot_be_is_complained_of_once(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for wrong in (str(tmp_path / "nowhere"), "relative", str(site.files.root), str(site.files.root / "videos"), "/"):
        lost = Folder(replace(site, config=replace(site.config, intake=Intake(wrong, PATIENCE))), tmp_path)
        caplog.clear()
        assert lost.look() == 0
        assert lost.look() == 0
        assert len(caplog.records) == 1, wrong


def test_a_full_disk_waits(site: Site, short_clip: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Folder(replace(site, config=replace(site.config, intake=Intake(str(elsewhere), PATIENCE))), elsewhere)
    for name in ("far.mp4", "further.mp4"):
        other.put(name, short_clip, more=name.encode())
    with monkeypatch.context() as full:
        full.setattr(type(site.files), "free_bytes", lambda self: 0)
        other.settle()
        assert other.names() == ["far.mp4", "further.mp4"]
        assert Upload.select().count() == 1, "the others are not even begun: each would be written and taken back"
    other.settle()
    other.settle()
    assert Video.select().count() == 2
    assert incoming.path(site, "x") is not None


def test_the_channel_s_privacy_does_not_publish_what_is_only_put_there(drop: Folder, short_clip: Path) -> None:
    Channel.update(default_visibility="public").execute()
    drop.put("a.mp4", short_clip)
    drop.settle()
    assert Video.get().visibility == "private"


@pytest.mark.slow
def test_in_a_real_house(make_house: Callable[..., Any], tmp_path: Path, short_clip: Path) -> None:
    house = make_house().init()
    drop = tmp_path / "drop"
    drop.mkdir()
    with (house.folder / "config.toml").open("a") as config:
        config.write(f'\n[intake]\nfolder = "{drop}"\nstill_seconds = 1\n')
    house.serve()
    shutil.copy(short_clip, drop / "Réunion.mp4")

    deadline = time.monotonic() + 60
    while not house.videos():
        assert time.monotonic() < deadline, house.log()
        time.sleep(0.3)
    (video,) = house.videos()
    assert (video["title"], video["visibility"]) == ("Réunion", "private")
    house.wait_ready(video["uuid"])


@pytest.mark.slow
def test_two_hundred_films_become_videos_while_the_site_answers(
    make_house: Callable[..., Any], tmp_path: Path, clip: Callable[..., Path]
) -> None:
    """In a real house, where nothing is prepared: each video is held as soon as there is one."""
    second = clip("second.mp4", *"-f lavfi -i testsrc2=s=64x64:r=5:d=1 -c:v libx264 -pix_fmt yuv420p".split())
    house = make_house().init()
    drop = tmp_path / "drop"
    drop.mkdir()
    for number in range(200):  # a last box that nobody reads: 200 different files of one second
        (drop / f"Film {number:03}.mp4").write_bytes(second.read_bytes() + b"\0\0\0\x0cfree%04d" % number)
    with (house.folder / "config.toml").open("a") as config:
        config.write(f'\n[intake]\nfolder = "{drop}"\nstill_seconds = 1\n')
    answers: list[int] = []
    with closing(sqlite3.connect(house.folder / "tubehome.db", timeout=20)) as raw:
        raw.execute(
            "CREATE TRIGGER held AFTER INSERT ON video BEGIN UPDATE video SET held_at = 1 WHERE id = NEW.id; END"
        )
        raw.commit()
        site = house.serve()
        deadline = time.monotonic() + 180
        while raw.execute("SELECT count(*) FROM video").fetchone() < (200,):
            assert time.monotonic() < deadline, house.log()
            with urllib.request.urlopen(f"{site}/", timeout=10) as answer:
                answers.append(answer.status)
            time.sleep(0.2)
        titles = [title for (title,) in raw.execute("SELECT title FROM video ORDER BY title")]
        refused = raw.execute("SELECT count(*) FROM upload WHERE state = 'failed'").fetchone()
        begun = raw.execute("SELECT count(*) FROM step WHERE state <> 'waiting'").fetchone()
        raw.execute("DROP TRIGGER held")
        raw.commit()
    assert titles == [f"Film {number:03}" for number in range(200)]
    assert (refused, begun) == ((0,), (0,))
    assert set(answers) == {200}
    assert len(answers) > 5
    assert list(drop.iterdir()) == []
    assert list((house.folder / "incoming").iterdir()) == []
    assert len(list((house.folder / "videos").iterdir())) == 200
