"""The feeds, as feedparser and lxml read them."""

from __future__ import annotations

import calendar
import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import feedparser
import pytest
from lxml import etree

from tubehome import feeds, settings
from tubehome.base import ids, urls
from tubehome.base.errors import NotFound
from tubehome.library.models import Channel, Video
from tubehome.site import Site
from tubehome.store.db import bump

BASE = "https://video.example.org"
NS = {
    "a": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
}


def _seeds() -> ModuleType:
    path = Path(__file__).parent.parent / "web" / "seed.py"
    spec = importlib.util.spec_from_file_location("tubehome_seed", path)
    assert spec
    assert spec.loader
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


seeds = _seeds()


@pytest.fixture
def seeded(site: Site):  # type: ignore[no-untyped-def]
    return seeds.seed(site)


@pytest.mark.parametrize("kind", ["xml", "atom"])
def test_a_reader_finds_everything(site: Site, seeded, kind: str) -> None:
    read = feedparser.parse(feeds.feed(site, kind, BASE))
    assert not read.bozo
    assert read.version == {"xml": "rss20", "atom": "atom10"}[kind]
    assert read.feed.title == "Saint-Aubin-des-Prés"
    assert read.feed.link == f"{BASE}/"
    assert read.feed.language == "fr"
    assert [link.href for link in read.feed.links if link.rel == "self"] == [f"{BASE}/feed.{kind}"]
    assert [entry.title for entry in read.entries] == [video.title for video in reversed(seeded.public)]
    newest, video = read.entries[0], seeded.public[-1]
    assert newest.link == BASE + urls.watch(video.uuid)
    assert newest.id == f"urn:uuid:{video.uuid}"
    assert calendar.timegm(newest.published_parsed) == int(video.published_at)
    assert newest.summary.startswith("Ordre du jour")
    assert "<strong>budget</strong>" in newest.content[0].value
    assert "**" not in newest.summary + newest.content[0].value
    assert len(newest.enclosures) == 1
    enclosure = newest.enclosures[0]
    assert enclosure.href == f"{BASE}/media/{video.uuid}/720p.mp4"
    assert enclosure.type == "video/mp4"
    assert int(enclosure.length) == (site.files.public(video.uuid) / "720p.mp4").stat().st_size


def test_what_only_rss_says(site: Site, seeded) -> None:
    root = etree.fromstring(feeds.feed(site, "xml", BASE))
    assert root.findtext("channel/link") == f"{BASE}/"
    for item in root.iterfind("channel/item"):
        assert item.find("guid").get("isPermaLink") == "false"
        assert item.findtext("itunes:duration", namespaces=NS).isdigit()
        assert re.fullmatch(
            rf"{BASE}/media/[0-9a-f-]{{36}}/thumbnail-1280\.jpg", item.find("itunes:image", NS).get("href")
        )
        assert len(item.findall("enclosure")) == 1
    assert root.find("channel/copyright") is None
    assert root.findtext("channel/generator") == "tubehome"


def test_what_only_atom_says(site: Site, seeded) -> None:
    root = etree.fromstring(feeds.feed(site, "atom", BASE))
    assert root.findtext("a:id", namespaces=NS).startswith("urn:uuid:")
    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "fr"
    for entry in root.iterfind("a:entry", NS):
        assert entry.find("a:content", NS).get("type") == "html"
        assert [link.get("rel") for link in entry.iterfind("a:link", NS)] == [None, "enclosure"]
        assert entry.findtext("a:author/a:name", namespaces=NS)
    assert root.findtext("a:author/a:name", namespaces=NS)


def test_only_what_is_announced(site: Site, seeded) -> None:
    for kind in feeds.KINDS:
        written = feeds.feed(site, kind, BASE).decode()
        for hidden in (*seeded.hidden.values(), seeded.unlisted, seeded.preparing, seeded.failed):
            assert hidden.uuid not in written
            assert ids.shorten(hidden.uuid) not in written
    playable = seeded.public[0]
    Video.update(out_at=None).where(Video.id == playable.id).execute()  # watchable, not out yet
    assert playable.uuid not in feeds.feed(site, "xml", BASE).decode()


def test_a_channel_has_its_own(site: Site, seeded) -> None:
    for kind in feeds.KINDS:
        read = feedparser.parse(feeds.feed(site, kind, BASE, "fetes"))
        assert {entry.title for entry in read.entries} == {video.title for video in seeded.public[1::2]}
        assert read.feed.title == "Fêtes & marchés · Saint-Aubin-des-Prés"
        assert read.feed.link == f"{BASE}/c/fetes"
        assert f"{BASE}/c/fetes/feed.{kind}" in [link.href for link in read.feed.links]
        with pytest.raises(NotFound):
            feeds.feed(site, kind, BASE, "nobody")


def test_the_same_content_gives_the_same_bytes(site: Site, seeded) -> None:
    for kind in feeds.KINDS:
        first = feeds.feed(site, kind, BASE)
        assert feeds.feed(site, kind, BASE) == first
        date = feedparser.parse(first).feed.updated_parsed
        with site.db.atomic():
            bump()
        assert feedparser.parse(feeds.feed(site, kind, BASE)).feed.updated_parsed >= date


def test_ids_outlive_the_address(site: Site, seeded) -> None:
    for kind in feeds.KINDS:
        before, after = (feedparser.parse(feeds.feed(site, kind, base)) for base in (BASE, "http://192.168.1.7:8000"))
        assert [e.id for e in before.entries] == [e.id for e in after.entries]
        assert after.entries[0].link.startswith("http://192.168.1.7:8000/w/")
    atom = [
        etree.fromstring(feeds.feed(site, "atom", base)).findtext("a:id", namespaces=NS) for base in (BASE, "http://x")
    ]
    assert atom[0] == atom[1]
    assert etree.fromstring(feeds.feed(site, "atom", BASE, "fetes")).findtext("a:id", namespaces=NS) != atom[0]


HOSTILE = "a\x00b\x08c\x0b\x1f\ud800\ufffe ]]> <script>alert(1)</script> & \u202e \U0001f600 é"


@pytest.mark.parametrize("kind", ["xml", "atom"])
def test_no_words_break_it(site: Site, seeded, kind: str) -> None:
    said = HOSTILE.replace("\ud800", "")  # SQLite takes no lone surrogate
    Video.update(title=said, description=f"{said}\n\n<img src=x onerror=alert(1)> [x](javascript:alert(1))").execute()
    Channel.update(title=said, description=said).execute()
    settings.change(site_name=said, description=said)
    for channel in (None, "fetes"):
        written = feeds.feed(site, kind, BASE, channel)
        etree.fromstring(written)
        read = feedparser.parse(written)
        assert not read.bozo
        assert "abc" in read.entries[0].title
        assert "]]>" in etree.fromstring(written).xpath("string()")
        html = next(e for e in etree.fromstring(written).iter("{*}encoded", "{*}content") if e.text).text
        assert "<script" not in html
        assert "onerror=" not in html.replace("&lt;img src=x onerror=", "")
        assert "javascript:" not in html.split("href=")[-1].split(">")[0]


def test_the_fifty_newest(site: Site, seeded) -> None:
    with site.db.atomic():
        for i in range(60):
            seeds.video(site, seeded.channels[0], f"Nouvelle {i}", age=-60 * i)
        bump()
    read = feedparser.parse(feeds.feed(site, "xml", BASE))
    assert [entry.title for entry in read.entries] == [f"Nouvelle {i}" for i in range(59, 9, -1)]


def test_an_empty_feed_is_one(site: Site) -> None:
    for kind in feeds.KINDS:
        read = feedparser.parse(feeds.feed(site, kind, BASE))
        assert not read.bozo
        assert read.entries == []


def test_a_video_without_picture_description_or_file(site: Site, seeded) -> None:
    from tubehome.library.models import Picture

    Picture.delete().execute()
    Video.update(description="", progressive_height=None).execute()
    for kind in feeds.KINDS:
        read = feedparser.parse(feeds.feed(site, kind, BASE))
        assert not read.bozo
        assert len(read.entries) == 6
        assert not read.entries[0].enclosures


def test_importing_the_room_loads_no_feedgen() -> None:
    import subprocess

    code = "import sys, tubehome.feeds; assert not {'feedgen', 'lxml'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
