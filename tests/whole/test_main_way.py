"""The main job on a real house: a file goes in; a page, a stream and a feed come out.

`init`, `serve`, `publish --wait` of 20 s in 1080p; Chromium with and without JavaScript; a feed reader; and then
every file that was made, looked at closely.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import m3u8
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

pytestmark = [pytest.mark.slow, pytest.mark.browser]

FLAGS = (
    "--no-sandbox --headless --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
).split()
SECONDS, RATE = 20, 25
FILM = "document.getElementById('film')"
NOW = f"{FILM}.currentTime"


@dataclass(frozen=True)
class Published:
    """What stands after `publish --wait`."""

    house: Any
    address: str  # of the watch page
    uuid: str

    @property
    def url(self) -> str:
        return str(self.house.url)

    @property
    def path(self) -> str:
        return urlsplit(self.address).path

    @property
    def public(self) -> Path:
        return Path(self.house.folder) / "videos" / self.uuid / "public"

    def media(self, name: str) -> str:
        return f"/media/{self.uuid}/{name}"


@pytest.fixture(scope="module")
def published(house_of_module: Callable[..., Any], clip: Callable[..., Path], drill: Any) -> Published:
    source = clip(
        "twenty-1080.mp4",
        *f"-f lavfi -i testsrc2=s=1920x1080:r={RATE}:d={SECONDS} -f lavfi -i sine=f=440:r=48000:d={SECONDS}".split(),
        *"-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -c:a aac -b:a 96k".split(),
    )
    house = house_of_module("house").init()
    house.serve()
    done = house.run("publish", source, "--title", "Séance du 17 novembre", "--language", "fr", "--wait", check=0)
    assert re.fullmatch(rf"{re.escape(house.url)}/w/\w{{22}}\n", done.stdout)  # the address and nothing else
    made = Published(house, done.stdout.strip(), drill.uuid_of(done.stdout))
    assert [video["processing"] for video in house.videos()] == ["ready"]
    return made


@pytest.fixture(scope="module")
def renditions(published: Published, drill: Any) -> dict[int, str]:
    """Height to the name of its playlist, as the master says."""
    master = m3u8.loads(drill.ask(published.url, published.media("master.m3u8")).text)
    return {playlist.stream_info.resolution[1]: playlist.uri for playlist in master.playlists}


# --- a browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as tools:
        opened = tools.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def context_of(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    opened: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        opened.append(browser.new_context(viewport={"width": 1440, "height": 900}, locale="fr-FR", **options))
        opened[-1].set_default_timeout(20_000)
        return opened[-1]

    yield make
    for context in opened:
        context.close()


def until(page: Page, said: str, seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := page.evaluate(said)):
        assert time.monotonic() < deadline, f"never true within {seconds} s: {said}"
        page.wait_for_timeout(50)
    return value


def test_the_stream_plays_and_two_sizes_are_chosen_by_hand(
    published: Published, context_of: Callable[..., BrowserContext]
) -> None:
    page = context_of().new_page()
    errors: list[str] = []
    loaded: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)

    def note(answer: Response) -> None:
        if answer.url.endswith("-fragmented.mp4") and answer.status in (200, 206):
            loaded.append(answer.url)

    page.on("response", note)
    page.goto(published.address)
    page.wait_for_selector("#film[data-dressed]", state="attached")
    page.get_by_role("button", name="Lire", exact=True).last.click()
    until(page, f"{NOW} > 1")
    assert page.evaluate(f"{FILM}.currentSrc").startswith("blob:")  # hls.js is at work
    for size in (360, 1080):
        page.get_by_role("button", name="Réglages").click()
        page.get_by_role("menuitem", name="Définition").click()
        page.get_by_role("menuitemradio", name=f"{size}p", exact=True).click()
        until(page, f"{FILM}.videoHeight === {size}")
        before = page.evaluate(NOW)
        until(page, f"{NOW} > {before} || {FILM}.ended")
        assert any(f"-{size}-fragmented.mp4" in url for url in loaded), (size, loaded)
        page.keyboard.press("Escape")
    assert errors == []


def test_without_javascript_the_page_is_complete_and_the_whole_file_plays(
    published: Published, context_of: Callable[..., BrowserContext]
) -> None:
    context = context_of(java_script_enabled=False)
    page = context.new_page()
    page.goto(published.address)
    assert page.locator("h1").inner_text() == "Séance du 17 novembre"
    download = page.locator("a[download]:visible")
    assert download.get_attribute("href") == f"{published.media('720p.mp4')}?download=1"
    assert page.locator("#film").get_attribute("controls") is not None
    assert page.locator("#film").get_attribute("poster")
    # its own button, by keyboard; the page's scripts are off, the browser's controls are not
    page.locator("#film").focus()
    page.keyboard.press("Space")
    until(page, f"{NOW} > 1")
    assert page.evaluate(f"{FILM}.currentSrc") == f"{published.url}{published.media('720p.mp4')}"
    assert abs(page.evaluate(f"{FILM}.duration") - SECONDS) < 0.1
    assert page.evaluate(f"[{FILM}.videoWidth, {FILM}.videoHeight]") == [1280, 720]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# --- a feed reader


@pytest.mark.parametrize("path", ["/feed.xml", "/feed.atom", "/c/claire_channel/feed.xml"])
def test_a_feed_reader_gets_the_film_with_its_true_length(published: Published, drill: Any, path: str) -> None:
    feed = feedparser.parse(drill.ask(published.url, path).body)
    assert not feed.bozo
    [entry] = feed.entries
    assert (entry.title, entry.link) == ("Séance du 17 novembre", published.address)
    [enclosure] = entry.enclosures
    assert enclosure.type == "video/mp4"
    where = urlsplit(enclosure.href).path
    assert enclosure.href == f"{published.url}{where}"
    head, whole = drill.ask(published.url, where, "HEAD"), drill.ask(published.url, where)
    assert int(enclosure.length) == head.length == len(whole.body)
    assert whole.body == (published.public / "720p.mp4").read_bytes()
    kinds = drill.boxes(whole.body)
    assert kinds.index("moov") < kinds.index("mdat")


# --- every file


def test_there_is_every_size_and_nothing_else(published: Published, renditions: dict[int, str], drill: Any) -> None:
    assert sorted(renditions) == [360, 480, 720, 1080]
    assert drill.left_over(published.house.folder) == []


def test_each_rendition_decodes_without_a_word(published: Published, drill: Any) -> None:
    films = sorted(published.public.glob("*.mp4"))
    assert len(films) == 5
    for film in films:
        assert drill.complaints(film) == "", film.name


def test_byte_ranges_tile_each_file_and_lengths_sum_up(
    published: Published, renditions: dict[int, str], drill: Any
) -> None:
    digests = json.loads(drill.ask(published.url, published.media("segments-sha256.json")).body)
    for name in renditions.values():
        text = drill.ask(published.url, published.media(name)).text
        file, pieces = drill.ranges(text)  # from the first byte on, without a hole or an overlap
        assert sum(pieces[-1]) == drill.ask(published.url, published.media(file), "HEAD").length
        assert list(digests[file]) == [f"{offset}-{offset + size - 1}" for offset, size in pieces[1:]]
        segments = m3u8.loads(text).segments
        assert abs(sum(segment.duration for segment in segments) - SECONDS) <= 1 / RATE
        assert all(segment.duration <= m3u8.loads(text).target_duration for segment in segments)


def test_keyframes_align_and_begin_each_segment(published: Published, renditions: dict[int, str], drill: Any) -> None:
    found = {height: keyframes(published.public / rendition_file(name)) for height, name in renditions.items()}
    assert len({tuple(times) for times in found.values()}) == 1, found
    segments = m3u8.loads(drill.ask(published.url, published.media(renditions[720])).text).segments
    starts = [Fraction(0)]
    for segment in list(segments)[:-1]:
        starts.append(starts[-1] + Fraction(str(segment.duration)))
    assert [float(start) for start in starts] == pytest.approx(found[720], abs=0.001)


def test_the_master_tells_the_truth(published: Published, renditions: dict[int, str], drill: Any) -> None:
    """CODECS, RESOLUTION, FRAME-RATE, BANDWIDTH and AVERAGE-BANDWIDTH of each, against the files themselves."""
    master = m3u8.loads(drill.ask(published.url, published.media("master.m3u8")).text)
    assert (master.version, master.is_variant) == (7, True)
    for playlist in master.playlists:
        said = playlist.stream_info
        file = published.public / rendition_file(playlist.uri)
        streams = {stream["codec_type"]: stream for stream in probe(file)}
        video = streams["video"]
        assert said.resolution == (video["width"], video["height"])
        assert said.frame_rate == RATE
        profile = {"High": "64", "Main": "4d", "Constrained Baseline": "42"}[video["profile"]]
        assert re.fullmatch(rf"avc1\.{profile}[0-9a-f]{{2}}{video['level']:02x},mp4a\.40\.2", said.codecs), said.codecs
        _, pieces = drill.ranges(drill.ask(published.url, published.media(playlist.uri)).text)
        total = sum(size for _, size in pieces[1:])
        assert said.average_bandwidth == pytest.approx(8 * total / SECONDS, abs=2)
        assert said.average_bandwidth <= said.bandwidth
        assert said.bandwidth >= max(8 * size / 4 for _, size in pieces[1:]) - 2


def rendition_file(playlist: str) -> str:
    return playlist.replace(".m3u8", "-fragmented.mp4")


def keyframes(film: Path) -> list[float]:
    """Their moments, in seconds."""
    command = "ffprobe -v error -select_streams v -skip_frame nokey -show_entries frame=pts_time -of json".split()
    done = subprocess.run([*command, str(film)], capture_output=True, text=True, check=True, timeout=120)
    return [float(frame["pts_time"]) for frame in json.loads(done.stdout)["frames"]]


def probe(film: Path) -> list[dict[str, Any]]:
    command = ["ffprobe", "-v", "error", "-show_streams", "-of", "json", str(film)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    streams: list[dict[str, Any]] = json.loads(done.stdout)["streams"]
    return streams
