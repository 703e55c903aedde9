"""A small town's site, made of rows and drawn pictures: for the browser's tests and for screenshots.

    python tests/web/look/demo.py FOLDER [SCENE] [--pictures FOLDER] [--film FILE]

Scenes: town (everything that a page can meet), one (a single film), none (an owner, no film), unset (no owner).
The films of « town » that can be played are made by ffmpeg: two sizes of HLS and one MP4 file.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tomllib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from tubehome import boot, settings
from tubehome.base import ids
from tubehome.base.errors import ToolFailed
from tubehome.flows.outline import planned_steps
from tubehome.flows.set_up import set_up
from tubehome.library.changes import changed
from tubehome.library.models import Channel, Picture, Rendition, Step, Video
from tubehome.media import storyboard
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan, Policy, plan
from tubehome.media.probe import Picture as Film
from tubehome.media.probe import Probe
from tubehome.site import Site
from tubehome.store import files
from tubehome.store.db import db

PASSWORD = "correct horse battery"
SITE = "Saint-Aubin-des-Prés"
CHANNELS = {
    "conseil": (
        "Conseil municipal",
        "Les séances publiques, en entier, filmées en plan fixe. En ligne le **lendemain matin**.",
    ),
    "commune": ("Vie de la commune", "Chantiers, marchés, prés et rivière."),
    "ecole": ("L’école filme", "La chronique des CM2, un vendredi sur deux."),
    "memoire": ("Mémoire orale", "Des habitants nés avant 1945 racontent."),
}
WIDTHS = (320, 640, 1280)  # of thumbnails
SIZES = (360, 180)  # of the films that are really there


@dataclass(frozen=True)
class Told:
    """A film of the demo. `shape`: width and height; `state`: processing; `play`: with real streams."""

    name: str
    channel: str
    title: str
    day: str
    seconds: float
    words: str = ""
    picture: str = ""
    language: str = "fr"
    shape: tuple[int, int] = (1920, 1080)
    state: str = "ready"
    visibility: str = "public"
    play: bool = False


def _films() -> tuple[Told, ...]:
    with Path(__file__).with_name("town.toml").open("rb") as file:
        told = [
            Told(**{**film, "shape": tuple(film.get("shape", (1920, 1080)))}) for film in tomllib.load(file)["film"]
        ]
    # and enough sessions for a second page
    nb = "\N{NO-BREAK SPACE}"
    many = (
        Told(
            f"council-{n}", "conseil", f"Séance du {n}{nb}mai{nb}2025", f"2025-05-{n:02}", 5400 + 300 * n, "", "conseil"
        )
        for n in range(2, 14)
    )
    return (*told, *many)


FILMS = _films()
ORDER = sorted(FILMS, key=lambda told: not told.play)  # the others share the files of those that are played


def address(name: str) -> str:
    """The short form of a film of the demo: always the same."""
    return ids.shorten(_uuid(name))


def _uuid(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"demo:{name}"))


def make(folder: Path, scene: str = "town", pictures: Path | None = None, film: Path | None = None) -> None:
    where = boot.locate(str(folder), None)
    where.files.lay_out()
    files.write(where.files.secret, "demo-key", 0o600)
    files.write(where.files.instance, f"demo-{scene}\n")  # sites that share a host need cookies of their own
    site, held = boot.open_site(where, may_migrate=True, new=True)
    with held, db.connection_context():
        if scene != "unset":
            set_up(site, name="claire", password=PASSWORD, site_name=SITE, channel="commune")
            settings.change(description="Les vidéos de la commune de Saint-Aubin-des-Prés")
            Channel.update(title=CHANNELS["commune"][0], description=CHANNELS["commune"][1]).execute()
        if scene == "one":
            _film(site, next(t for t in FILMS if t.name == "hall"), pictures, film)
        if scene == "town":
            for name, (title, words) in CHANNELS.items():
                if name != "commune":
                    Channel.create(name=name, title=title, description=words, created_at=0)
            Channel.create(name="festival", title="Festival des Prés", created_at=0)
            for told in ORDER:
                _film(site, told, pictures, film)
        with db.atomic():
            for channel in Channel.select():
                changed(channel.id)


def make_apart(folder: Path, scene: str, pictures: Path | None = None, film: Path | None = None) -> None:
    """`make` in a process of its own: the database is one to a process."""
    more = [
        word for name, value in (("--pictures", pictures), ("--film", film)) if value for word in (name, str(value))
    ]
    subprocess.run([sys.executable, __file__, str(folder), scene, *more], check=True, timeout=600)


def _film(site: Site, told: Told, pictures: Path | None, film: Path | None) -> None:
    at = datetime.fromisoformat(told.day).replace(hour=18, tzinfo=UTC).timestamp()
    full = _uuid(told.name)
    playable = told.state in ("playable", "out", "ready")
    public = site.files.public(full)
    public.mkdir(parents=True)
    video = Video.create(
        uuid=full, channel=Channel.get(Channel.name == told.channel), title=told.title, description=told.words,
        language=told.language, visibility=told.visibility, processing=told.state, created_at=at, updated_at=at,
        playable_at=at if playable else None, out_at=at if told.state in ("out", "ready") else None,
        ready_at=at if told.state == "ready" else None, published_at=at if playable else None,
        source_name=f"{told.name}.mp4", source_size=1_400_000_000, source_sha256=full,
        duration=told.seconds, width=told.shape[0], height=told.shape[1],
    )  # fmt: skip
    if told.picture:
        _pictures(video, told, public, pictures)
    if playable:
        _stream(site, video, told, film)
    if told.state != "ready":
        _steps(video, told)


def _pictures(video: Video, told: Told, public: Path, pictures: Path | None) -> None:
    """From a folder of drawings, or three soft colours of its own."""
    drawing = pictures / f"{told.picture}.webp" if pictures else None
    width, height = told.shape
    hue = sum(map(ord, told.picture)) * 37 % 360
    colours = ":".join(f"c{n}=0x{_hex(hue + turn)}" for n, turn in enumerate((0, 40, 200)))
    drawn = f"gradients=s=1280x720:{colours}:n=3:speed=0.00001:seed={hue}"
    source = ["-i", str(drawing)] if drawing and drawing.exists() else ["-f", "lavfi", "-i", drawn]
    model = _model(told)
    if model.name != told.name:
        for row in Picture.select().join(Video).where(Video.uuid == _uuid(model.name)):
            os.link(public.parents[1] / _uuid(model.name) / "public" / row.file, public / row.file)
            Picture.create(video=video, file=row.file, width=row.width, height=row.height, size=row.size)
        return
    for wide in WIDTHS if width >= 1280 else WIDTHS[:2]:
        tall = round(wide * height / width / 2) * 2
        names = [f"thumbnail-{wide}.{kind}" for kind in ("webp", "jpg")]
        shape = f"scale={wide}:{tall}:force_original_aspect_ratio=increase,crop={wide}:{tall}"
        outputs = [word for name in names for word in ("-vf", shape, "-frames:v", "1", str(public / name))]
        _ffmpeg(*source, *outputs)
        for name in names:
            Picture.create(video=video, file=name, width=wide, height=tall, size=(public / name).stat().st_size)


def _model(told: Told) -> Told:
    """The first film of the demo with the same picture in the same shape: its files serve both."""
    return next(t for t in ORDER if (t.picture, t.shape) == (told.picture, told.shape))


def _hex(hue: int) -> str:
    import colorsys

    return "".join(f"{round(c * 255):02x}" for c in colorsys.hls_to_rgb(hue % 360 / 360, 0.42, 0.35))


def _stream(site: Site, video: Video, told: Told, film: Path | None) -> None:
    """Two sizes of HLS and one MP4 file. Films that no test plays to the end share the files of one."""
    made = told.name if told.play else "portrait" if told.shape[0] < told.shape[1] else "hall"
    public, model = site.files.public(video.uuid), next(t for t in FILMS if t.name == made)
    lines = ["#EXTM3U", "#EXT-X-VERSION:7", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for height in SIZES:
        long = round(height * max(model.shape) / min(model.shape) / 2) * 2
        wide, tall = (long, height) if model.shape[0] >= model.shape[1] else (height, long)
        name = f"{_uuid(made + str(height))}-{height}"
        if told.play:
            _rendition(public, name, (wide, tall), told.seconds, film)
        said = f'BANDWIDTH={height * 2000},RESOLUTION={wide}x{tall},FRAME-RATE=25.000,CODECS="avc1.42c01e,mp4a.40.2"'
        lines += [f"#EXT-X-STREAM-INF:{said}", f"{name}.m3u8"]
        Rendition.create(video=video, height=height, file=f"{name}-fragmented.mp4", width_px=wide, height_px=tall,
                         size=1_000_000, bandwidth=height * 2000, details=json.dumps({}))  # fmt: skip
    whole = public / f"{SIZES[0]}p.mp4"
    if told.play:
        (public / "master.m3u8").write_text("\n".join([*lines, ""]))
        _ffmpeg("-i", str(public / lines[4]), "-c", "copy", "-movflags", "+faststart", str(whole))
        _sheet(public, public / lines[4].replace(".m3u8", "-fragmented.mp4"), told)
        Step.create(video=video, position=10_000, kind="storyboard", number=0, weight=1, state="done", progress=1)
    else:
        for file in site.files.public(_uuid(made)).iterdir():
            if not file.name.startswith("thumbnail"):
                os.link(file, public / file.name)
    size = whole.stat().st_size if told.play else 412_000_000
    Video.update(progressive_height=SIZES[0], progressive_size=size).where(Video.id == video.id).execute()


def _sheet(public: Path, film: Path, told: Told) -> None:
    """The small pictures along the bar."""
    made = storyboard.storyboard(film, told.seconds, told.shape, public / "storyboard.jpg", Tools())
    (public / "storyboard.vtt").write_text(storyboard.webvtt(made, told.seconds, "storyboard.jpg"))


def _rendition(public: Path, name: str, shape: tuple[int, int], seconds: float, film: Path | None) -> None:
    wide, tall = shape
    picture = (
        ["-stream_loop", "-1", "-i", str(film)] if film else ["-f", "lavfi", "-i", f"testsrc2=s={wide}x{tall}:r=25"]
    )
    shaped = f"scale={wide}:{tall}:force_original_aspect_ratio=increase,crop={wide}:{tall}"
    file = f"{name}-fragmented.mp4"
    _ffmpeg(
        *picture,
        *f"-f lavfi -i sine=f=330:r=48000 -t {seconds} -map 0:v -map 1:a -vf {shaped} -pix_fmt yuv420p".split(),
        *"-c:v libx264 -profile:v baseline -preset ultrafast -g 50 -c:a aac -b:a 64k".split(),
        *f"-f hls -hls_time 2 -hls_playlist_type vod -hls_segment_type fmp4 -hls_fmp4_init_filename {file}".split(),
        *("-hls_flags", "single_file", "-hls_segment_filename", str(public / file), str(public / f"{name}.m3u8")),
    )


def _steps(video: Video, told: Told) -> None:
    """A film in the middle of its preparation, or one that waits, or one that has stopped."""
    film = _planned(told)
    Video.update(plan=film.to_json()).where(Video.id == video.id).execute()
    total = len(film.spans)
    there = int({"preparing": 0.62, "out": 0.8, "failed": 0.5}.get(told.state, 0) * total)
    failed = ToolFailed("ffmpeg could not work with this video.")
    joined = there if told.state == "out" else 0  # of a film of which nothing can be watched nothing was joined
    began = video.created_at
    for step in planned_steps(film):
        number, kind = step["number"], step["kind"]
        state, progress = "waiting", 0.0
        done = {"range": there, "append": joined, "sound": there, "images": there}.get(kind, 0)
        if number < done:
            state = "done"
        elif told.state == "failed" and kind == "range" and number == there:
            state = "failed"
        elif there and told.state != "failed" and kind == "range" and number in (there, there + 1):
            state, progress = "running", 0.4
        Step.create(
            video=video,
            **step,
            state=state,
            progress=progress,
            started_at=began + 8 * number if state == "done" else None,
            finished_at=began + 8 * number + 8 if state == "done" else None,
            last_error=failed.to_json() if state == "failed" else None,
        )


def _planned(told: Told) -> Plan:
    """Of an old camera's film, of which nothing can be copied."""
    wide, tall = told.shape
    picture = Film(
        codec="mpeg4", profile="", pix_fmt="yuv420p", width=wide, height=tall, coded_width=wide, coded_height=tall,
        rotation=0, sar=Fraction(1), rate=Fraction(25), time_base=Fraction(1, 1000), p0=0, packets=100,
        interlaced=False, transfer="", bit_rate=None, end=told.seconds, usual_rate=Fraction(25),
    )  # fmt: skip
    return plan(Probe("matroska", 1_000_000, told.seconds, picture, None, timestamp_jump=False), Policy())


def _ffmpeg(*arguments: str) -> None:
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True, timeout=120)


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("folder", type=Path)
    asked.add_argument("scene", nargs="?", default="town", choices=("town", "one", "none", "unset"))
    asked.add_argument("--pictures", type=Path)
    asked.add_argument("--film", type=Path)
    given = asked.parse_args()
    if given.folder.exists():
        sys.exit(f"{given.folder} exists already")
    try:
        make(given.folder, given.scene, given.pictures, given.film)
    except BaseException:
        shutil.rmtree(given.folder, ignore_errors=True)
        raise
