"""Publish and refuse: one good file of each kind, one bad file of each kind; exit codes, one sentence, no trace."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

PICTURE = "-f lavfi -i testsrc2=s=320x240:r=25:d=1".split()
TONE = "-f lavfi -i sine=d=1".split()

GOOD = {
    "phone.mp4": [*PICTURE, *TONE, *"-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -shortest".split()],
    "camera.mov": [*PICTURE, *"-c:v libx265 -preset ultrafast -x265-params log-level=error -pix_fmt yuv420p".split()],
    "screen.mkv": [*PICTURE, *TONE, *"-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus -shortest".split()],
    "web.webm": [*PICTURE, *"-c:v libvpx -deadline realtime".split()],
    "archive.avi": [*PICTURE, *TONE, *"-c:v mpeg4 -c:a libmp3lame -shortest".split()],
    "antenna.ts": [*PICTURE, *TONE, *"-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac -shortest".split()],
    "free.ogv": [*PICTURE, *TONE, *"-c:v libtheora -c:a libvorbis -shortest".split()],
}


def tree(folder: Path) -> list[str]:
    kept = re.compile(r"(tubehome|queue)\.db|^lock$|^cache")
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not kept.match(str(p.relative_to(folder))))


@pytest.mark.parametrize("name", GOOD)
def test_a_good_file_is_taken_whatever_its_name_says(
    house: Any, clip: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    source = clip(f"good-{name}", *GOOD[name])
    disguised = tmp_path / "no-ending"
    disguised.write_bytes(source.read_bytes())
    done = house.run("publish", disguised, "--title", "Un essai", check=0)
    assert re.fullmatch(r"http://localhost:8000/w/\w{22}\n", done.stdout)
    assert disguised.read_bytes() == source.read_bytes()  # copied, never moved
    [video] = house.videos()
    assert (video["title"], video["processing"], video["removed"]) == ("Un essai", "received", None)
    assert set(video) == {"uuid", "short", "url", "title", "visibility", "processing", "removed"}
    assert video["url"] == done.stdout.strip()


def half_without_index(clip: Callable[..., Path], target: Path) -> None:
    whole = clip("good-phone.mp4", *GOOD["phone.mp4"]).read_bytes()
    target.write_bytes(whole[: len(whole) // 2])


def encrypted(clip: Callable[..., Path], target: Path) -> None:
    source = clip("good-phone.mp4", *GOOD["phone.mp4"])
    secret = [
        "-encryption_scheme",
        "cenc-aes-ctr",
        "-encryption_key",
        "76a6c65c5ea762046bd749a2e632ccbb",
        "-encryption_kid",
        "a7e61c373e219033c21091fa607bf3b8",
    ]
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(source), "-c", "copy", *secret, str(target)], check=True)


def image(clip: Callable[..., Path], target: Path) -> None:
    target.write_bytes(clip("one.png", *PICTURE, "-frames:v", "1").read_bytes())


SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 9 RTP/AVP 96\n"
BAD: dict[str, tuple[Callable[[Callable[..., Path], Path], object], str]] = {
    "empty.mp4": (lambda _, t: t.write_bytes(b""), "empty"),
    "letter.mp4": (lambda _, t: t.write_text("Bonjour Claire,\n" * 50), "text"),
    "photo.mp4": (image, "image|picture"),
    "half.mp4": (half_without_index, "end|index|half|incomplete|cut"),
    "list.mp4": (lambda _, t: t.write_text("#EXTM3U\n#EXTINF:1,\n/etc/passwd\n"), "playlist|list"),
    "list.mkv": (lambda _, t: t.write_text("ffconcat version 1.0\nfile '/etc/passwd'\n"), "list|script|text"),
    "call.mov": (lambda _, t: t.write_text(SDP), "SDP|session|text|stream"),
    "noise.mp4": (lambda _, t: t.write_bytes(os.urandom(200_000)), "video"),
    "locked.mp4": (encrypted, "encrypted|protected"),
    "silent.wav": (lambda _, t: t.write_bytes(b"RIFF" + bytes([36, 0, 0, 0]) + b"WAVEfmt " + bytes(100)), "video"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gets_one_sentence_and_leaves_no_trace(
    house: Any, clip: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    make, word = BAD[name]
    bad = tmp_path / name
    make(clip, bad)
    before = tree(house.folder)
    said = {language: house.run("publish", bad, check=2, LC_ALL=f"{language}.UTF-8") for language in ("en_GB", "fr_FR")}
    for done in said.values():
        assert done.stdout == ""
        sentences = [line for line in done.stderr.splitlines() if line.strip() and line.strip() != name]
        assert len(sentences) == 1, done.stderr
        assert name in sentences[0]
    assert re.search(word, said["en_GB"].stderr), said["en_GB"].stderr
    assert said["en_GB"].stderr != said["fr_FR"].stderr
    assert tree(house.folder) == before
    assert house.videos() == []


def test_over_the_limit(house: Any, short_clip: Path) -> None:
    (house.folder / "config.toml").write_text("[limits]\nupload_bytes = 1000\n")
    before = tree(house.folder)
    assert "too large" in house.run("publish", short_clip, check=2).stderr
    assert tree(house.folder) == before


def test_no_room_is_the_machines_fault(house: Any, short_clip: Path) -> None:
    (house.folder / "config.toml").write_text(f"[limits]\nreserve_bytes = {10**16}\n")
    before = tree(house.folder)
    assert "room" in house.run("publish", short_clip, check=1).stderr
    assert tree(house.folder) == before


def test_the_same_file_again_exits_2_with_its_address_unless_again(house: Any, short_clip: Path) -> None:
    address = house.run("publish", short_clip, check=0).stdout.strip()
    before = tree(house.folder)
    again = house.run("publish", short_clip, check=2)
    assert address in again.stderr
    assert again.stdout == ""
    assert tree(house.folder) == before
    assert house.run("publish", short_clip, "--again", check=0).stdout.strip() != address
    house.run("videos", "delete", address.rsplit("/", 1)[1], check=0)
    house.run("videos", "delete", house.videos()[0]["uuid"], "--now", check=0)
    house.run("publish", short_clip, check=0)  # what is in the bin does not count as here


def test_several_files_good_and_bad(house: Any, short_clip: Path, tmp_path: Path) -> None:
    text = tmp_path / "letter.mp4"
    text.write_text("Bonjour")
    done = house.run("publish", text, short_clip, tmp_path / "missing.mp4", check=2)
    assert len(done.stdout.splitlines()) == 1  # the good one was taken all the same
    assert len(house.videos()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--privacy", "internal"],
        ["--privacy", "password"],
        ["--password-file", "x"],
        ["--privacy", "nonsense"],
        ["--channel", "nobody"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_2(house: Any, short_clip: Path, arguments: list[str]) -> None:
    done = house.run("publish", short_clip, *arguments, check=2)
    assert done.stdout == ""
    assert [line for line in done.stderr.splitlines() if line.strip() and line != short_clip.name]
    assert house.videos() == []


def test_a_title_goes_with_one_file(house: Any, short_clip: Path) -> None:
    assert "--title" in house.run("publish", short_clip, short_clip, "--title", "x", check=2).stderr


def test_waiting_without_a_worker_says_so(house: Any, short_clip: Path) -> None:
    done = house.run("publish", short_clip, "--wait", check=1)
    assert "No worker" in done.stderr
    assert done.stdout.startswith("http")  # the video is kept
    assert len(house.videos()) == 1


def test_privacy_and_language_are_kept(house: Any, short_clip: Path) -> None:
    house.run("publish", short_clip, "--privacy", "private", "--language", "fr", check=0)
    [video] = house.videos()
    assert video["visibility"] == "private"
    shown = json.loads(house.run("videos", "show", video["short"], "--json", check=0).stdout)
    assert shown["source"]["name"] == "short.mp4"
    assert {s["state"] for s in shown["steps"]} == {"waiting"}


def test_hostile_names_are_only_names(house: Any, short_clip: Path, tmp_path: Path) -> None:
    for name in ("-rf.mp4", "a b'\"$(touch pwned)`.mp4", "é\u202egpj.mp4", "<script>.mp4", "%(title)s.mp4", "{x}.mp4"):
        hostile = tmp_path / name
        hostile.write_bytes(short_clip.read_bytes())
        house.run("publish", "--again", "--", hostile, check=0)
        bad = tmp_path / f"bad{name}"
        bad.write_text("text")
        house.run("publish", "--again", "--", bad, check=2)
    assert len(house.videos()) == 6


def test_a_name_that_is_not_utf8(house: Any, short_clip: Path, tmp_path: Path) -> None:
    latin = os.fsencode(tmp_path) + b"/\xe9t\xe9.mp4"
    with open(latin, "wb") as out:
        out.write(short_clip.read_bytes())
    house.run("publish", os.fsdecode(latin), check=0)
    assert house.videos()[0]["title"] == "\ufffdt\ufffd"
