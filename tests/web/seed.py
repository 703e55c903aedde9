"""A site with a little of everything, without encoding anything: rows, and small real files.

`seed(site, n)` makes two channels, `n` videos that anybody may see, and one of each kind that a stranger may
not find: private, unlisted, being prepared, failed, in the bin, waiting for all its sizes.
"""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass, field

from tubehome.base import clock
from tubehome.jobs import rows
from tubehome.library.access import PRIVATE, PUBLIC, UNLISTED
from tubehome.library.changes import changed
from tubehome.library.models import Channel, Picture, Rendition, Step, Video
from tubehome.library.processing import Processing
from tubehome.site import Site

JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAgAAAQABAAD//gAQTGF2YzU5LjM3LjEwMAD/2wBDAAgoKC8oLzc3Nzc3N0E8QUNDQ0FBQUFDQ0NISEhVVVVISEhDQ0hIUFBV"
    "VVxfXFdXVVdfX2RkZHh4c3OMjJGsrM//xABMAAEBAAAAAAAAAAAAAAAAAAAABgEBAQAAAAAAAAAAAAAAAAAAAAMQAQAAAAAAAAAAAAAAAAAAAAAR"
    "AQAAAAAAAAAAAAAAAAAAAAD/wAARCAASACADASIAAhEAAxEA/9oADAMBAAIRAxEAPwCNARQAAAAAAf/Z"
)
WEBP = base64.b64decode("UklGRjgAAABXRUJQVlA4ICwAAAAQAwCdASogABIAP3Gw0GA0ramlqAgCkC4JaQDN/Bhv0AAA/uCwypcIMgAAAA==")
WIDTHS = (320, 640, 1280)
FILM = b"\0\0\0\x18ftypmp42" + b"film" * 3000  # enough for ranges; no player gets it
LONG = (
    "Séance extraordinaire du conseil municipal consacrée à l’élaboration du plan local d’urbanisme intercommunal"
    " et des mobilités"
)
RTL = "اجتماع المجلس البلدي"
DESCRIPTION = "Ordre du jour : **budget** et [voirie](https://example.org/voirie).\n\nCompte rendu joint."


@dataclass
class Seeded:
    """What was made, by what it is."""

    channels: list[Channel] = field(default_factory=list)
    public: list[Video] = field(default_factory=list)  # newest last
    private: Video = field(default_factory=Video)
    unlisted: Video = field(default_factory=Video)
    preparing: Video = field(default_factory=Video)
    failed: Video = field(default_factory=Video)
    binned: Video = field(default_factory=Video)
    waiting: Video = field(default_factory=Video)  # playable, hidden until every size is ready

    @property
    def hidden(self) -> dict[str, Video]:
        """What does not exist for a stranger."""
        return {"private": self.private, "binned": self.binned, "waiting": self.waiting}


def seed(site: Site, n: int = 6) -> Seeded:
    made = Seeded()
    with site.db.atomic():
        made.channels = [_channel("conseil", "Conseil municipal"), _channel("fetes", "Fêtes & marchés")]
        titles = [LONG, RTL, *(f"Conseil municipal, séance {i}" for i in range(3, n + 1))][:n]
        for i, title in enumerate(titles):
            made.public.append(video(site, made.channels[i % 2], title, age=(n - i) * 86_400))
        council = made.channels[0]
        made.private = video(site, council, "Répétition privée", visibility=PRIVATE)
        made.unlisted = video(site, council, "Par lien seulement", visibility=UNLISTED)
        made.binned = video(site, council, "À la corbeille")
        made.waiting = video(site, council, "Quand tout sera prêt", processing=Processing.OUT, waits=True)
        made.preparing = video(site, council, "En préparation", processing=Processing.PREPARING)
        made.failed = video(site, council, "Préparation arrêtée", processing=Processing.FAILED)
        Video.update(removed="deleted", removed_at=clock.timestamp()).where(Video.id == made.binned.id).execute()
        changed(council.id)
    return made


def _channel(name: str, title: str) -> Channel:
    made: Channel = Channel.create(
        name=name, title=title, description=f"**{title}**, en vidéo.", created_at=clock.timestamp()
    )
    return made


def video(
    site: Site,
    channel: Channel,
    title: str,
    *,
    processing: Processing = Processing.READY,
    visibility: str = PUBLIC,
    waits: bool = False,
    age: float = 0,
) -> Video:
    """One video with its rows and files, inside the caller's transaction."""
    then = clock.timestamp() - age
    shown = processing in (Processing.PLAYABLE, Processing.OUT, Processing.READY)
    made: Video = Video.create(
        uuid=str(uuid.uuid4()), channel=channel, title=title, description=DESCRIPTION, language="fr",
        visibility=visibility, processing=processing, wait_transcoding=waits, created_at=then, updated_at=then,
        playable_at=then if shown else None, out_at=then if shown and processing != Processing.PLAYABLE else None,
        ready_at=then if processing == Processing.READY else None, published_at=then if shown else None,
        source_name="film.mp4", source_size=1_000_000, source_sha256=uuid.uuid4().hex,
        duration=11_560.0 if age else 372.4, width=1280, height=720,
        progressive_height=720 if shown else None, progressive_size=len(FILM) if shown else None,
    )  # fmt: skip
    _steps(made, processing)
    if shown:
        _pictures(site, made)
        _film(site, made)
    changed(channel.id)
    return made


def _steps(made: Video, processing: Processing) -> None:
    done = processing == Processing.READY
    kinds = ("images", "range", "append", "progressive")
    for at, kind in enumerate(kinds):
        state = rows.DONE if done or at == 0 else rows.WAITING
        if processing == Processing.FAILED and at == 1:
            state = rows.FAILED
        Step.create(video=made, position=at, kind=kind, height=720 if at else 0, weight=10, state=state)


def _pictures(site: Site, made: Video) -> None:
    for width in WIDTHS:
        for ending, content in ((".webp", WEBP), (".jpg", JPEG)):
            name = f"thumbnail-{width}{ending}"
            _put(site, made, name, content)
            Picture.create(video=made, file=name, width=width, height=width * 9 // 16, size=len(content))


def _film(site: Site, made: Video) -> None:
    name = f"{uuid.uuid4()}-720-fragmented.mp4"
    for file, content in (
        (name, FILM),
        (name.replace("-fragmented.mp4", ".m3u8"), f"#EXTM3U\n{name}\n".encode()),
        ("master.m3u8", b"#EXTM3U\n"),
        ("720p.mp4", FILM),
        ("segments-sha256.json", json.dumps({name: {}}).encode()),
    ):
        _put(site, made, file, content)
    Rendition.create(
        video=made,
        height=720,
        file=name,
        width_px=1280,
        height_px=720,
        size=len(FILM),
        bandwidth=2_000_000,
        details="{}",
    )


def _put(site: Site, made: Video, name: str, content: bytes) -> None:
    folder = site.files.public(made.uuid)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
