"""A small town's site, made of rows and drawn pictures: for the browser's tests and for screenshots.

    python tests/web/look/demo.py FOLDER [SCENE] [--pictures FOLDER] [--film FILE]

Scenes: town (what a page can meet on a good day), trouble (what waits, is paused, damaged, refused, in the bin; keys
and codes; emblems and support), one (a single film), none (an owner, no film), door (the same, where passwords are
tried until a pause begins), unset (no owner, but a link to set up).
The films of « town » that can be played are made by ffmpeg: two sizes of HLS and one MP4 file.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

from tubehome import boot, settings
from tubehome.base import clock, i18n, ids
from tubehome.base.errors import NoRoom, Refused, ToolFailed
from tubehome.flows.draw_channel import draw_channel
from tubehome.flows.outline import planned_steps
from tubehome.flows.set_up import set_up
from tubehome.jobs import rows
from tubehome.library.access import BIN
from tubehome.library.changes import changed
from tubehome.library.damage import DAMAGED
from tubehome.library.limits import KEPT_SECONDS
from tubehome.library.models import Channel, Picture, Rendition, Step, Video
from tubehome.library.room import FULL
from tubehome.media import storyboard
from tubehome.media.ffmpeg import Tools
from tubehome.media.plan import Plan, Policy, plan
from tubehome.media.probe import Picture as Film
from tubehome.media.probe import Probe
from tubehome.owner import recovery, tokens
from tubehome.owner.models import Session, SetupLink, Token
from tubehome.site import Site
from tubehome.store import files
from tubehome.store.db import db
from tubehome.uploads import incoming
from tubehome.uploads.models import RECEIVING, Upload

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
ABOUT = """
Ce site est celui de la commune. Il tient dans un placard de la mairie, **à côté de la chaudière**, et montre les
séances du conseil, les chantiers et la mémoire de ses habitants.

- Les séances sont mises en ligne le lendemain matin.
- Pour faire retirer une image de vous, écrivez à [la mairie](https://example.org/mairie).
"""
SUPPORT = "https://example.org/soutenir"
SETUP = "demo-setup-link"  # the token of the scene « unset »
DAY = 86_400.0
WIDTHS = (320, 640, 1280)  # of thumbnails
SIZES = (360, 180)  # of the films that are really there


@dataclass(frozen=True)
class Told:
    """A film of the demo. `shape`: width and height; `state`: processing; `play`: with real streams; `more_tags`: so
    many beside those that are named; `stands`: in the « bin », « held », « damaged », or waits for « room »."""

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
    tags: tuple[str, ...] = ()
    more_tags: int = 0
    scene: str = "town"
    stands: str = ""


def _films() -> tuple[Told, ...]:
    with Path(__file__).with_name("town.toml").open("rb") as file:
        told = [
            Told(**{**film, "shape": tuple(film.get("shape", (1920, 1080))), "tags": tuple(film.get("tags", ()))})
            for film in tomllib.load(file)["film"]
        ]
    # and enough sessions for a second page, also of the studio's list
    nb = "\N{NO-BREAK SPACE}"
    many = (
        Told(
            f"council-{n}", "conseil", f"Séance du {n}{nb}mai{nb}2025", f"2025-05-{n:02}", 5400 + 300 * n, "", "conseil"
        )
        for n in range(2, 14)
    )
    old = (Told(f"old-{n}", "conseil", f"Séance nº{nb}{n}", "2024-05-01", 5400, scene="trouble") for n in range(1, 51))
    return (*told, *many, *old)


FILMS = _films()
ORDER = sorted(FILMS, key=lambda told: not told.play)  # the others share the files of those that are played
ALSO = {"one": ("hall",), "trouble": ("hall", "school", "waiting", "failed")}  # films of the town that a scene has too


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
        if scene == "unset":
            SetupLink.create(
                token_sha256=hashlib.sha256(SETUP.encode()).hexdigest(), expires_at=clock.timestamp() + 30 * DAY
            )
        else:
            set_up(site, name="claire", password=PASSWORD, site_name=SITE, channel="commune")
            settings.change(description="Les vidéos de la commune de Saint-Aubin-des-Prés")
            Channel.update(title=CHANNELS["commune"][0], description=CHANNELS["commune"][1]).execute()
        if scene in ("town", "trouble"):
            _channels(site, pictures)
        for told in ORDER:
            if told.scene == scene or told.name in ALSO.get(scene, ()):
                _film(site, told, pictures, film)
        if scene == "trouble":
            _emblem(site, pictures)
            _uploads(site)
            _keys()
        with db.atomic():
            for channel in Channel.select():
                changed(channel.id)


def make_apart(folder: Path, scene: str, pictures: Path | None = None, film: Path | None = None) -> None:
    """`make` in a process of its own: the database is one to a process."""
    more = [
        word for name, value in (("--pictures", pictures), ("--film", film)) if value for word in (name, str(value))
    ]
    subprocess.run([sys.executable, __file__, str(folder), scene, *more], check=True, timeout=600)


def _channels(site: Site, pictures: Path | None) -> None:
    settings.change(about=ABOUT)
    for name, (title, words) in CHANNELS.items():
        if name != "commune":
            Channel.create(name=name, title=title, description=words, created_at=0)
    Channel.create(name="festival", title="Festival des Prés", created_at=0)


def _emblem(site: Site, pictures: Path | None) -> None:
    settings.change(support=SUPPORT)
    Channel.update(support=SUPPORT).where(Channel.name == "ecole").execute()
    school = Channel.get(Channel.name == "ecole")
    with tempfile.TemporaryDirectory() as folder:
        for kind, picture in (("avatar", "clocher"), ("banner", "prairie")):
            sent = Path(folder) / f"{kind}.png"
            _ffmpeg(*_source(picture, pictures), "-frames:v", "1", str(sent))
            draw_channel(site, school, kind, sent)


def _uploads(site: Site) -> None:
    """One that was refused, one that stands still, one that is looked at, one that waits for room."""
    now = clock.timestamp()
    bad = Refused(
        "{name} is not a video that can be read: it may be damaged, or of a kind unknown here; try MP4.",
        name="Procès-verbal du 3 novembre (relu).mp4",
    )
    for name, state, error in (
        (bad.values["name"], rows.FAILED, bad),
        ("Carte de la caméra, deuxième moitié.mov", RECEIVING, None),
        ("Bal des pompiers.mkv", rows.RUNNING, None),
        ("Comice agricole, tout le dimanche, de la messe au bal, filmé du clocher.mp4", rows.WAITING, NoRoom(FULL)),
    ):
        made = Upload.create(
            uuid=_uuid(name), name=name, length=1_400_000_000, state=state, title=name.rsplit(".", 1)[0],
            created_at=now - 2 * DAY, expires_at=now + 5 * DAY, next_try=now + DAY if error else 0,
            last_error=error.to_json() if error else None, finished_at=now if state == rows.FAILED else None,
        )  # fmt: skip
        if state == RECEIVING:
            incoming.begin(site, made.uuid)
            os.truncate(incoming.path(site, made.uuid), 620_000_000)  # a hole: no room is taken


def _keys() -> None:
    """Another browser, tokens of which one has expired, codes."""
    now = clock.timestamp()
    Session.create(key_sha256="0" * 64, device="Firefox, Windows", created_at=now - 9 * DAY, seen_at=now - 2 * DAY)
    recovery.new_codes()
    tokens.create("Caméra de la salle du conseil")
    tokens.create("Script de la bibliothèque", now + 200 * DAY)
    tokens.create("Ordinateur prêté", now + DAY)
    Token.update(expires_at=now - DAY, seen_at=now - 3 * DAY).where(Token.name == "Ordinateur prêté").execute()


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
        tags=json.dumps([*told.tags, *(f"quartier {n}" for n in range(1, told.more_tags + 1))]),
    )  # fmt: skip
    if told.picture:
        _pictures(video, told, public, pictures)
    if playable:
        _stream(site, video, told, film)
    if told.state != "ready":
        _steps(video, told)
    if told.stands:
        _stand(video, told)


def _stand(video: Video, told: Told) -> None:
    now, own = clock.timestamp(), Video.id == video.id
    if told.stands == "bin":
        Video.update(removed=BIN, removed_at=now - KEPT_SECONDS + 2 * DAY).where(own).execute()
    elif told.stands == "held":
        Video.update(held_at=now).where(own).execute()
    elif told.stands == "room":
        waits = Step.select().where(Step.video == video, Step.state == rows.WAITING).order_by(Step.id).get()
        Step.update(last_error=NoRoom(FULL).to_json(), next_try=now + DAY).where(Step.id == waits.id).execute()


def _pictures(video: Video, told: Told, public: Path, pictures: Path | None) -> None:
    """From a folder of drawings, or three soft colours of its own."""
    width, height = told.shape
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
        _ffmpeg(*_source(told.picture, pictures), *outputs)
        for name in names:
            Picture.create(video=video, file=name, width=wide, height=tall, size=(public / name).stat().st_size)


def _source(picture: str, pictures: Path | None) -> list[str]:
    """What ffmpeg reads for a picture of this name."""
    drawing = pictures / f"{picture}.webp" if pictures else None
    if drawing and drawing.exists():
        return ["-i", str(drawing)]
    hue = sum(map(ord, picture)) * 37 % 360
    colours = ":".join(f"c{n}=0x{_hex(hue + turn)}" for n, turn in enumerate((0, 40, 200)))
    return ["-f", "lavfi", "-i", f"gradients=s=1280x720:{colours}:n=3:speed=0.00001:seed={hue}"]


def _model(told: Told) -> Told:
    """The first film of the scene with the same picture in the same shape: its files serve both."""
    same = [t for t in ORDER if (t.picture, t.shape) == (told.picture, told.shape)]
    return next(t for t in same if Video.select().where(Video.uuid == _uuid(t.name)).exists())


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
    failed = {there: ToolFailed("ffmpeg could not work with this video.")} if told.state == "failed" else {}
    if told.stands == "damaged":
        failed = {n: ToolFailed(DAMAGED, time=i18n.clock(float(film.spans[n].start))) for n in (there, there + 2)}
    joined = there if told.state == "out" else 0  # of a film of which nothing can be watched nothing was joined
    began = video.created_at
    for step in planned_steps(film):
        number, kind = step["number"], step["kind"]
        state, progress = "waiting", 0.0
        done = {"range": there, "append": joined, "sound": there, "images": there}.get(kind, 0)
        if number < done:
            state = "done"
        elif kind == "range" and number in failed:
            state = "failed"
        elif there and not failed and not told.stands and kind == "range" and number in (there, there + 1):
            state, progress = "running", 0.4
        Step.create(
            video=video,
            **step,
            state=state,
            progress=progress,
            started_at=began + 8 * number if state == "done" else None,
            finished_at=began + 8 * number + 8 if state == "done" else None,
            last_error=failed[number].to_json() if state == "failed" else None,
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
    asked.add_argument("scene", nargs="?", default="town", choices=("town", "trouble", "one", "none", "door", "unset"))
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
