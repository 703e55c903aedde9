"""A recording of a talk is put in: it is a film that plays, with thumbnails, whatever is lost on the way."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tubehome.flows import machine, pipeline
from tubehome.flows.intake import Intake, intake
from tubehome.library.models import Picture, Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.site import Site

pytestmark = pytest.mark.slow
TALK = ["-f", "lavfi", "-i", "sine=f=330:r=44100:d=7", "-c:a", "libmp3lame"]


def test_a_talk_becomes_a_film_though_its_picture_is_lost_on_the_way(site: Site, clip: Callable[..., Path]) -> None:
    tools = machine.tools(site)
    source = clip("alone-talk.mp3", *TALK)
    with source.open("rb") as file:
        video = intake(site, file, Intake("Le marché.mp3"), lambda _: None, tools)
    assert video.title == "Le marché"
    assert [step.kind for step in Step.select().order_by(Step.position)] == ["sound", "top", "images", "progressive"]
    pipeline.advance(site, video.id, tools)
    site.files.even_source(video.uuid).unlink()  # as after a restored backup
    for _ in range(6):
        pipeline.advance(site, video.id, tools)
    assert Video.get_by_id(video.id).processing == Processing.READY
    assert [made.height for made in Rendition.select()] == [720]
    public = site.files.public(video.uuid)
    film = public / "720p.mp4"
    shown = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,duration", "-of", "csv=p=0", str(film)]
    said = subprocess.run(shown, capture_output=True, text=True, check=True).stdout.split()
    assert [line.split(",")[0] for line in said] == ["h264", "aac"]
    assert all(float(line.split(",")[1]) == pytest.approx(7, abs=0.1) for line in said)
    assert Picture.select().count() == 6
    assert len(list(site.files.candidates(video.uuid).iterdir())) == 1, "one picture is no choice"
    assert not list(site.files.work(video.uuid).iterdir())
