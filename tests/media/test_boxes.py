"""The MP4 and Matroska readers: right on good files, and never hanging or surprised on bad ones."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tubehome.media import boxes, ebml
from tubehome.media.sound import adts_frames

Make = Callable[..., Path]
FILM = ["-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=2"]
X264 = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "10"]
FRAGMENTS = "+frag_keyframe+delay_moov+default_base_moof+frag_discont+skip_trailer"


@pytest.fixture(scope="session")
def whole(make: Make) -> Path:
    return make("whole.mp4", *FILM, *X264)


@pytest.fixture(scope="session")
def parts(make: Make) -> Path:
    return make("parts.mp4", *FILM, *X264, "-movflags", FRAGMENTS)


def box(kind: str, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def test_a_plain_file(whole: Path) -> None:
    index = boxes.video_index(whole)
    assert (index.frames, index.keyframes) == (50, (0, 10, 20, 30, 40))
    assert index.duration / index.timescale == 2
    assert index.avcc[0] == 1
    assert boxes.sample_entries(boxes.load_moov(whole)) == ["avc1"]


def test_a_fragmented_file(parts: Path) -> None:
    found = boxes.fragmented(parts)
    assert [f.frames for f in found.fragments] == [10] * 5
    assert all(f.starts_with_keyframe for f in found.fragments)
    assert [f.time / found.timescale for f in found.fragments] == [0, 0.4, 0.8, 1.2, 1.6]
    assert found.fragments[0].offset == found.init_size
    assert sum(f.size for f in found.fragments) + found.init_size == parts.stat().st_size


def test_sizes_of_all_kinds() -> None:
    large = struct.pack(">I4sQ", 1, b"free", 20) + b"abcd"
    last = struct.pack(">I4s", 0, b"mdat") + b"rest"
    found = list(boxes.boxes(box("ftyp", b"x") + large + last))
    assert [(b.kind, b.end - b.body) for b in found] == [("ftyp", 1), ("free", 4), ("mdat", 4)]
    assert list(boxes.file_boxes(io.BytesIO(box("ftyp", b"x") + large + last))) == found


@pytest.mark.parametrize("data", [b"\0", b"\0\0\0\7free", b"\0\0\0\1free", b"\0\0\0\x09free"])
def test_impossible_sizes(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"box|size|large"):
        list(boxes.boxes(data))


def test_a_file_cut_anywhere_is_never_taken_for_whole(whole: Path, parts: Path, tmp_path: Path) -> None:
    for source, read in ((whole, boxes.video_index), (parts, boxes.fragmented)):
        data, cut = source.read_bytes(), tmp_path / "cut.mp4"
        for length in range(0, len(data), 97):
            cut.write_bytes(data[:length])
            if read is boxes.fragmented and length in {f.offset for f in boxes.fragmented(parts).fragments}:
                continue  # cut between two fragments, a file is shorter, not broken
            with pytest.raises(ValueError, match=r"."):
                read(cut)


def test_a_count_beyond_the_file_is_refused(whole: Path, tmp_path: Path) -> None:
    content = bytearray(whole.read_bytes())
    at = content.index(b"stsz") + 4
    content[at + 8 : at + 12] = b"\xff\xff\xff\xff"
    (tmp_path / "any.mp4").write_bytes(content)
    with pytest.raises(ValueError, match="room"):
        boxes.video_index(tmp_path / "any.mp4")


quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(st.data())
def test_changed_bytes_end_in_an_answer_or_a_value_error(
    whole: Path, parts: Path, tmp_path: Path, data: st.DataObject
) -> None:
    for source in (whole, parts):
        content = bytearray(source.read_bytes())
        index = boxes.find(bytes(content), "moov")
        places = st.integers(index.start, index.end - 1) if source is whole else st.integers(0, len(content) - 1)
        for at in data.draw(st.lists(places, min_size=1, max_size=8)):
            content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        readers_answer_or_refuse(bytes(content), tmp_path)


@quick
@given(st.binary(max_size=400))
def test_rubbish_ends_in_a_value_error(tmp_path: Path, data: bytes) -> None:
    readers_answer_or_refuse(data, tmp_path)
    wrapped = box("moov", box("trak", box("mdia", box("hdlr", bytes(8) + b"vide") + data) + data))
    readers_answer_or_refuse(wrapped, tmp_path)
    readers_answer_or_refuse(box("ftyp", b"") + wrapped + box("moof", data) + box("mdat", data), tmp_path)
    readers_answer_or_refuse(ebml.MAGIC + data, tmp_path)


def parameters_of(path: Path) -> list[list[bytes]]:
    """Those that each fragment brings itself."""
    found = boxes.fragmented(path)
    with path.open("rb") as file:
        return [list(boxes.parameters_within(file, fragment, found.avcc)) for fragment in found.fragments]


def test_parameters_that_stand_in_the_stream(make: Make, parts: Path) -> None:
    """Those of the header where pictures bring them (MPEG-TS), and nothing where they do not."""
    source = make("stream.ts", *FILM, *X264)
    found = boxes.fragmented(streamed := make("streamed.mp4", "-i", source, "-c", "copy", "-movflags", FRAGMENTS))
    known = list(boxes.parameters(found.avcc))
    assert [nal[0] & 0x1F for nal in known] == [7, 8]
    assert parameters_of(streamed) == [known] * 5
    assert parameters_of(parts) == [[]] * 5


@pytest.mark.parametrize("length", [6, 8, 20])
def test_parameters_that_are_cut_short(parts: Path, length: int) -> None:
    with pytest.raises(ValueError, match=r"cut short|nothing"):
        boxes.parameters(boxes.fragmented(parts).avcc[:length])


def readers_answer_or_refuse(data: bytes, folder: Path) -> None:
    path = folder / "any.mp4"
    path.write_bytes(data)
    readers: list[Callable[[], object]] = [
        lambda: list(boxes.boxes(data)),
        lambda: list(boxes.file_boxes(io.BytesIO(data))),
        lambda: boxes.video_index(path),
        lambda: boxes.fragmented(path),
        lambda: parameters_of(path),
        lambda: boxes.parameters(data),
        lambda: boxes.sample_entries(boxes.load_moov(path)),
        lambda: list(adts_frames(data)),
    ]
    for read in readers:
        with suppress(ValueError):
            read()
    assert ebml.is_encrypted(path) in (True, False)


def test_adts() -> None:
    frame = bytes([0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x5F, 0xFC]) + b"abc"
    assert list(adts_frames(frame * 3)) == [(0, 10), (10, 10), (20, 10)]
    for bad in (frame[:-1], frame + b"\0", b"\0" + frame):
        with pytest.raises(ValueError, match=r"ADTS|cut short"):
            list(adts_frames(bad))


def test_matroska_without_a_key(make: Make) -> None:
    assert not ebml.is_encrypted(make("plain.mkv", *FILM, *X264))
    assert not ebml.is_encrypted(make("live.mkv", *FILM, *X264, "-f", "matroska", "-live", "1"))
