"""The steps of a video's preparation: which ones a plan needs, and what each one does.

A step's function works under the attempt's own temporary names, verifies, moves its files to their places,
and returns what its rows say; the pipeline commits that together with the step. Run twice, it gives the same.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tubehome.base import ids
from tubehome.library.models import Picture, Rendition, Step, Video
from tubehome.media import encode, hls, images, progressive
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan, Rung
from tubehome.site import Site
from tubehome.store import files
from tubehome.store.files import Files

SHA256_LIST = "segments-sha256.json"
IMAGES, SOUND, ENCODE, PACKAGE, PROGRESSIVE = "images", "sound", "encode", "package", "progressive"


@dataclass(frozen=True)
class Bench:
    """What a step works with."""

    site: Site
    video: Video
    step: Step
    plan: Plan
    tools: Tools
    source: Path

    @property
    def files(self) -> Files:
        return self.site.files

    @property
    def public(self) -> Path:
        return self.site.files.public(self.video.uuid)

    @property
    def work(self) -> Path:
        return self.site.files.work(self.video.uuid)

    @property
    def part(self) -> Path:
        """This attempt's own temporary name."""
        return self.work / f"{self.step.id}-{self.step.attempts}-{self.step.deaths}.part"

    @property
    def rung(self) -> Rung:
        return next(r for r in self.plan.rungs if r.height == self.step.height)

    def encoded(self, height: int) -> Path:
        return self.work / f"video-{height}.mp4"

    @property
    def sound(self) -> Path | None:
        return self.work / "sound.aac" if self.plan.sound else None


Rows = Callable[[], None]


def intermediate(work: Path, step: Step) -> Path | None:
    """The file in the work folder that a step makes for later ones; None for the others."""
    return {SOUND: work / "sound.aac", ENCODE: work / f"video-{step.height}.mp4"}.get(step.kind)


def planned_steps(plan: Plan) -> Iterator[dict[str, Any]]:
    """The rows of a plan's steps, in order; weights are rough shares of the work, measured on H.264 veryfast."""
    at = 0

    def row(kind: str, weight: float, height: int = 0, file: str = "") -> dict[str, Any]:
        nonlocal at
        at += 1
        return {"position": at, "kind": kind, "height": height, "weight": weight, "file": file}

    yield row(IMAGES, 2.0)
    if plan.sound:
        yield row(SOUND, 0.015 * plan.duration)
    for height in plan.order:
        rung = next(r for r in plan.rungs if r.height == height)
        yield row(ENCODE, plan.frames * rung.width_px * rung.height_px / 60e6 + 0.1 * plan.duration, height)
        yield row(PACKAGE, 0.005 * plan.duration, height, f"{ids.new_uuid()}-{height}-fragmented.mp4")
        if height == plan.progressive:
            yield row(PROGRESSIVE, 0.005 * plan.duration, height, f"{height}p.mp4")


def _images(bench: Bench) -> Rows:
    """The picture, and those that the owner may choose instead. What was chosen by hand meanwhile stays."""
    folder = bench.part
    folder.mkdir()
    looks = images.looked_at(bench.source, bench.plan, bench.tools)
    others = bench.files.candidates(bench.video.uuid)
    others.mkdir(mode=0o700, exist_ok=True)
    for name in images.candidates(bench.source, bench.plan, looks, folder, bench.tools):
        files.settle(folder / name, others / name)
    if Video.get_by_id(bench.video.id).thumbnail:
        shutil.rmtree(folder)
        return _nothing
    made = images.thumbnails_of(bench.source, bench.plan, looks[0], folder, bench.tools)
    for image in made:
        files.settle(folder / image.file, bench.public / image.file)
    shutil.rmtree(folder)
    return lambda: pictures_are(bench.video, made)


def pictures_are(video: Video, made: Sequence[images.Image]) -> None:
    """The rows of a video's picture, in the caller's transaction."""
    Picture.delete().where(Picture.video == video).execute()
    for image in made:
        Picture.create(video=video, file=image.file, width=image.width, height=image.height, size=image.size)


def _nothing() -> None:
    """A step whose whole result is a file."""


def _sound(bench: Bench) -> Rows:
    final = bench.work / "sound.aac"
    encode.encode_sound(bench.source, bench.plan, bench.part, bench.tools)
    files.settle(bench.part, final)
    return _nothing


def _encode(bench: Bench) -> Rows:
    encode.encode_rung(bench.source, bench.plan, bench.rung, bench.part, bench.tools)
    files.settle(bench.part, bench.encoded(bench.step.height))
    return _nothing


def _package(bench: Bench) -> Rows:
    height = bench.step.height
    made = hls.package(
        bench.encoded(height), bench.sound, bench.plan, bench.rung, bench.part, bench.step.file, bench.tools
    )
    files.settle(bench.part, bench.public / made.file)
    others = [hls.Rendition.from_json(r.details) for r in Rendition.select().where(Rendition.video == bench.video)]
    every = [*(r for r in others if r.height != height), made]
    files.write(bench.public / hls.playlist_name(made), hls.media_playlist(made))
    files.write(bench.public / SHA256_LIST, json.dumps(hls.sha256_list(every)))
    files.write(bench.public / "master.m3u8", hls.master_playlist(every))  # last: it names the others

    def rows() -> None:
        Rendition.delete().where(Rendition.video == bench.video, Rendition.height == height).execute()
        Rendition.create(
            video=bench.video, height=height, file=made.file, width_px=made.width_px, height_px=made.height_px,
            size=made.size, bandwidth=made.bandwidth, details=made.to_json(),
        )  # fmt: skip

    return rows


def _progressive(bench: Bench) -> Rows:
    height = bench.step.height
    source: str = Rendition.get(Rendition.video == bench.video, Rendition.height == height).file
    size = progressive.progressive(bench.public / source, bench.part, bench.tools)
    files.settle(bench.part, bench.public / bench.step.file)

    def rows() -> None:
        Video.update(progressive_height=height, progressive_size=size).where(Video.id == bench.video.id).execute()

    return rows


DO: dict[str, Callable[[Bench], Rows]] = {
    IMAGES: _images,
    SOUND: _sound,
    ENCODE: _encode,
    PACKAGE: _package,
    PROGRESSIVE: _progressive,
}
