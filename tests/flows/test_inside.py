"""What a file holds beside its film is kept beside the original, with what lay beside it in the watched folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tubehome.flows import machine, pipeline, steps, watched
from tubehome.flows.intake import Intake, intake
from tubehome.library.models import Step, Video
from tubehome.library.processing import Processing
from tubehome.site import Site

pytestmark = pytest.mark.slow
WORDS = "1\n00:00:00,500 --> 00:00:01,500\nBonsoir.\n"


def film(clip: Callable[..., Path], tmp_path: Path) -> Path:
    words = tmp_path / "words.srt"
    words.write_text(WORDS)
    made = "-f lavfi -i testsrc2=s=320x180:r=25:d=3".split()
    return clip("with-words.mkv", *made, "-i", str(words), *"-map 0 -map 1 -c:v libx264 -preset ultrafast".split(),
                *"-pix_fmt yuv420p -c:s srt -metadata:s:s:0 language=fre".split())  # fmt: skip


def test_subtitles_are_kept_and_told(site: Site, clip: Callable[..., Path], tmp_path: Path) -> None:
    path = film(clip, tmp_path)
    with path.open("rb") as source:
        video = intake(site, source, Intake(path.name), lambda _: None, machine.tools(site))
    beside = watched.kept_folder(site, video.uuid)
    beside.mkdir()
    (beside / "film.srt").write_text("from the folder")
    for _ in range(12):
        pipeline.advance(site, video.id, machine.tools(site))
    assert Video.get_by_id(video.id).processing == Processing.READY
    watched.settle_kept(site, video.uuid)
    kept = site.files.kept(video.uuid)
    assert sorted(path.name for path in kept.iterdir()) == ["film.srt", "inside-1.vtt", "inside.json"]
    assert "00:00:00.500 --> 00:00:01.500\nBonsoir." in (kept / "inside-1.vtt").read_text()
    held = steps.inside_of(site, video)
    assert held is not None
    assert [track.language for track in held.tracks] == ["fre"]
    assert not beside.exists()


def test_the_command_names_them_and_groups_what_is_alike(house: Any, clip: Callable[..., Path], tmp_path: Path) -> None:
    house.serve()
    address = house.run("publish", film(clip, tmp_path), check=0).stdout
    uuid = json.loads(house.run("videos", "--json", check=0).stdout)[0]["uuid"]
    assert address
    house.wait_ready(uuid)
    said = house.run("videos", "show", uuid, check=0).stdout
    assert "Subtitles in the file: fre" in said
    told = json.loads(house.run("videos", "show", uuid, "--json", check=0).stdout)
    assert told["inside"]["tracks"][0]["language"] == "fre"
    assert len(house.run("videos", "show", uuid, "--steps", check=0).stdout.splitlines()) >= len(told["steps"])


def test_alike_steps_share_a_line() -> None:
    from tubehome.cli.videos import _steps

    def step(**said: Any) -> Step:
        return Step(**{"state": "done", "kind": "range", "height": 0, **said})

    broken = step(state="failed", last_error=json.dumps({"text": "It broke.", "values": {}}))
    every = [step(), step(), step(kind="append"), broken, step(), step(state="waiting")]
    assert [" ".join(line.split()) for line in _steps(every, False)] == [
        "done range × 3", "done append", "failed range It broke.", "waiting range"
    ]  # fmt: skip
    assert len(list(_steps(every, True))) == 6
