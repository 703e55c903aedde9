"""What is not a film that we can take is refused: by content, with one sentence that says what is wrong."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from tubehome.base.errors import Refused, TooLarge
from tubehome.media import boxes
from tubehome.media.check import Ceilings, check
from tubehome.media.ffmpeg import Tools

CEILINGS = Ceilings(max_bytes=3_000_000, max_seconds=60)
KEY = ["-encryption_scheme", "cenc-aes-ctr", "-encryption_key", "00112233445566778899aabbccddeeff",
       "-encryption_kid", "0f0e0d0c0b0a09080706050403020100"]  # fmt: skip
FILM = ["-f", "lavfi", "-i", "testsrc2=s=320x180:d=1"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
NOISE = random.Random(7).randbytes(300_000)

Make = Callable[..., Path]

# Files written as they are: name, bytes, words of the sentence.
WRITTEN = {
    "empty": ("film.mp4", b"", "is empty"),
    "text": ("film.mp4", "Ordre du jour : vélos, budget.\n".encode() * 50, "is a text"),
    "latin text": ("film.mp4", "Procès-verbal du 3 février\r\n".encode("latin-1") * 50, "is a text"),
    "utf-16 text": ("film.mkv", "Bonjour\n".encode("utf-16") * 50, "is a text"),
    "subtitles": ("film.mp4", b"1\n00:00:01,000 --> 00:00:02,000\nBonjour\n", "is a text"),
    "web page": ("film.mp4", b"<!doctype html><title>Film</title>", "is a text"),
    "drawing": ("film.mp4", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "is a text"),
    "pdf": ("film.mp4", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + NOISE, "is a document"),
    "archive": ("film.mp4", b"PK\3\4" + NOISE, "is a document"),
    "concat script": ("film.mp4", b"ffconcat version 1.0\nfile '{secret}'\n", "list of files to join"),
    "concat script without its head": ("film.mp4", b"file '{secret}'\n", "list of files to join"),
    "playlist": ("film.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n", "playlist"),
    "playlist behind a mark": ("film.ts", b"\xef\xbb\xbf#EXTM3U\n#EXTINF:9,\n{secret}\n", "playlist"),
    "sdp": ("film.mp4", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nm=video 5004 RTP/AVP 96\r\n", "live stream"),
    "dash": ("film.mp4", b'<?xml version="1.0"?>\n<MPD><BaseURL>{secret}</BaseURL></MPD>', "list of parts"),
    "noise": ("film.mp4", NOISE, "not a video"),
    "noise called mp3": ("film.mp3", NOISE, "not a video"),
    "noise called ts": ("film.ts", NOISE, "not a video"),
    "zeros": ("film.mp4", bytes(100_000), "not a video"),
    "mp4 of rubbish": ("film.mp4", b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + NOISE, "only half there"),
    "index of rubbish": ("film.mp4", b"\0\0\0\x10ftypisom\0\0\2\0" + struct.pack(">I", 9_008) + b"moov" + NOISE[:9_000],
                         "index of .* is damaged"),
    "matroska of rubbish": ("film.mkv", b"\x1a\x45\xdf\xa3" + NOISE, "not a video"),
    "over the limit": ("film.mp4", bytes(3_000_001), "too large"),
}  # fmt: skip

# Files made by ffmpeg: name, arguments, words of the sentence.
MADE = {
    "jpeg": ("photo.jpg", [*FILM, "-frames:v", "1"], "is an image"),
    "png": ("photo.png", [*FILM, "-frames:v", "1"], "is an image"),
    "webp": ("photo.webp", [*FILM, "-frames:v", "1"], "is an image"),
    "animated gif": ("moving.gif", [*FILM], "is an image"),
    "animated png": ("moving.apng", [*FILM], "is an image"),
    "tiff": ("photo.tiff", [*FILM, "-frames:v", "1"], "is an image"),
    "bmp": ("photo.bmp", [*FILM, "-frames:v", "1"], "is an image"),
    "bare h264": ("bare.h264", [*FILM, *X264], "bare video stream"),
    "bare hevc": ("bare.hevc", [*FILM, "-c:v", "libx265", "-preset", "ultrafast"], "bare video stream"),
    "bare mpeg-2": ("bare.m2v", [*FILM, "-c:v", "mpeg2video"], "bare video stream"),
    "bare y4m": ("bare.y4m", [*FILM, "-t", "0.2", "-pix_fmt", "yuv420p"], "not a video"),
    "encrypted": ("locked.mp4", [*FILM, *X264, *KEY], "is encrypted"),
    "narrow": ("narrow.mkv", ["-f", "lavfi", "-i", "color=s=64x4:d=1", *X264], "64 × 4 pixels"),
    "wide": ("wide.mkv", ["-f", "lavfi", "-i", "color=s=9000x16:d=0.2", *X264], "9.?000 × 16 pixels"),
    "long": ("long.mkv", ["-f", "lavfi", "-i", "color=s=64x64:r=1:d=90", *X264], "too long"),
}  # fmt: skip


def refusal(path: Path, tools: Tools, name: str = "mon film.mp4") -> Refused:
    with pytest.raises(Refused) as caught:
        check(path, name, CEILINGS, tools)
    sentence = str(caught.value)
    assert "mon film.mp4" in sentence, "it says which file"
    assert "\n" not in sentence
    assert caught.value.sentence("fr")
    return caught.value


@pytest.mark.parametrize("kind", WRITTEN)
def test_bytes_that_are_no_film(kind: str, tmp_path: Path, clip: Path, tools: Tools) -> None:
    name, data, words = WRITTEN[kind]
    path = tmp_path / name
    path.write_bytes(data.replace(b"{secret}", bytes(clip)))
    with pytest.raises(Refused, match=words):
        raise refusal(path, tools)


@pytest.mark.parametrize("kind", MADE)
def test_a_file_of_another_kind_under_any_name(kind: str, make: Make, tmp_path: Path, tools: Tools) -> None:
    name, arguments, words = MADE[kind]
    made = make(name, *arguments)
    for called in (name, "renamed.mp4"):
        path = tmp_path / called
        path.write_bytes(made.read_bytes())
        with pytest.raises(Refused, match=words):
            raise refusal(path, tools)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.ts", "film.m3u8", "film"])
def test_a_playlist_in_disguise_never_reads_another_file(
    name: str, tmp_path: Path, clip: Path, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(clip.read_bytes())
    before = secret.stat().st_atime_ns
    path = tmp_path / name
    path.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n")
    monkeypatch.setattr("tubehome.media.sniff.refuse", lambda path, name: None)  # ffmpeg's own fence alone
    assert "not a video" in str(refusal(path, tools))
    assert secret.stat().st_atime_ns == before


def test_half_an_upload_is_noticed(clip: Path, ffmpeg: Callable[..., object], tmp_path: Path, tools: Tools) -> None:
    last = tmp_path / "index-last.mp4"
    last.write_bytes(clip.read_bytes()[:-2000])
    assert "index is missing" in str(refusal(last, tools))
    first = tmp_path / "index-first.mp4"
    ffmpeg("-i", clip, "-c", "copy", "-movflags", "+faststart", first)
    first.write_bytes(first.read_bytes()[:-2000])
    assert "2 kB are missing" in str(refusal(first, tools)).replace("\N{NO-BREAK SPACE}", " ")


def test_an_encrypted_webm_is_noticed(tmp_path: Path, tools: Tools) -> None:
    def element(kind: str, body: bytes) -> bytes:
        return bytes.fromhex(kind) + struct.pack(">I", 0x10000000 | len(body)) + body

    encryption = element("6240", element("5035", element("47E1", b"\5")))
    track = element("AE", element("D7", b"\1") + element("83", b"\1") + element("6D80", encryption))
    path = tmp_path / "locked.webm"
    path.write_bytes(element("1A45DFA3", element("4282", b"webm")) + element("18538067", element("1654AE6B", track)))
    assert "is encrypted" in str(refusal(path, tools))


def test_a_film_whose_pictures_are_rubbish(make: Make, tmp_path: Path, tools: Tools) -> None:
    data = bytearray(make("to-spoil.mp4", *FILM, *X264).read_bytes())
    mdat = boxes.find(bytes(data), "mdat")
    data[mdat.body : mdat.end] = bytes(mdat.end - mdat.body)
    path = tmp_path / "spoilt.mp4"
    path.write_bytes(data)
    assert "not a video that can be read" in str(refusal(path, tools))


def test_a_picture_of_a_hundred_megapixels_is_refused_cheaply(make: Make, tmp_path: Path) -> None:
    path = make("huge.mp4", "-f", "lavfi", "-i", "color=s=8000x6000:r=1:d=1", *X264)
    lean = Tools(memory=600_000_000)
    assert "not a video that can be read" in str(refusal(path, lean))


def test_over_the_limits_is_too_large(clip: Path, tools: Tools) -> None:
    with pytest.raises(TooLarge, match="too large"):
        check(clip, "x", Ceilings(max_bytes=1000, max_seconds=60), tools)
    with pytest.raises(TooLarge, match="too long"):
        check(clip, "x", Ceilings(max_bytes=10**9, max_seconds=1), tools)


def test_only_regular_files(tmp_path: Path, tools: Tools) -> None:
    assert "is not a file" in str(refusal(tmp_path, tools))
    assert "cannot be opened" in str(refusal(tmp_path / "nothing", tools))
    assert "is not a file" in str(refusal(Path("/dev/zero"), tools))


def test_a_name_is_not_an_option(clip: Path, tmp_path: Path, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("-y", "concat:a|b", "pipe:0", "$(touch x) ' \" ; é.mp4", "%03d.mp4"):
        path = tmp_path / name
        path.write_bytes(clip.read_bytes())
        monkeypatch.chdir(tmp_path)
        assert check(Path(name), name, CEILINGS, tools).picture
