"""tubehome plan: said before anything is made, with or without a data folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def test_a_plan_is_told_and_nothing_is_made(house: Any, clip: Callable[..., Path]) -> None:
    film = clip("light.mp4", *"-f lavfi -i testsrc2=s=640x360:r=25:d=4 -c:v libx264 -crf 38 -pix_fmt yuv420p".split())
    before = sorted(path.name for path in house.folder.rglob("*") if "tubehome.db" not in path.name)
    said = house.run("plan", film, check=0).stdout
    assert "360p: copied" in said
    assert "Room at the worst moment" in said
    told = json.loads(house.run("plan", film, "--json", check=0).stdout)
    assert (told["copied"], told["why_not_copied"], told["progressive"]) == (360, None, 360)
    assert [rung["height"] for rung in told["renditions"]] == [360]
    assert sorted(path.name for path in house.folder.rglob("*") if "tubehome.db" not in path.name) == before


def test_what_is_encoded_says_why_and_for_how_long_without_a_folder(
    make_house: Callable[..., Any], clip: Callable[..., Path]
) -> None:
    film = clip("old.avi", *"-f lavfi -i testsrc2=s=1280x720:r=25:d=3 -c:v mpeg4 -q:v 5".split())
    nowhere = make_house("nowhere")
    said = nowhere.run("plan", film, check=0, LC_ALL="fr_FR.UTF-8").stdout.replace("\xa0", " ")
    assert "720p, 480p, 360p : encodé, environ" in said
    assert "Recodée en entier : le format du fichier n’est pas lu par tous les navigateurs." in said
    told = json.loads(nowhere.run("plan", film, "--json", check=0).stdout)
    assert told["copied"] is None
    assert not nowhere.folder.exists()


def test_what_would_be_refused_is_refused(house: Any, tmp_path: Path) -> None:
    wrong = tmp_path / "words.mp4"
    wrong.write_bytes(b"no film at all " * 100)
    assert "is a text, not a video" in house.run("plan", wrong, check=2).stderr
    assert "There is no file" in house.run("plan", tmp_path / "nothing.mp4", check=2).stderr


def test_sound_alone_says_what_its_picture_will_be(house: Any, clip: Callable[..., Path]) -> None:
    talk = clip("plan-talk.mp3", *"-f lavfi -i sine=f=330:d=4".split())
    said = house.run("plan", talk, check=0).stdout
    assert "720p: copied" in said
    assert "Sound alone: a drawing of its loudness becomes the picture." in said
    told = json.loads(house.run("plan", talk, "--json", check=0).stdout)
    assert (told["drawn"], told["copied"], told["ranges"]) == ("waves", 720, 0)
