"""Media as clients get them: a real server, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.slow

BYTES = os.urandom(300_000)
NAMES = {
    "master.m3u8": "application/vnd.apple.mpegurl",
    "11111111-2222-4333-8444-555555555555-720.m3u8": "application/vnd.apple.mpegurl",
    "11111111-2222-4333-8444-555555555555-720-fragmented.mp4": "video/mp4",
    "segments-sha256.json": "application/json",
    "720p.mp4": "video/mp4",
    "thumbnail-640.webp": "image/webp",
    "thumbnail-640.jpg": "image/jpeg",
}
PRIVATE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
UNLISTED = "aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, kit: SimpleNamespace, make_house_for_module: Any) -> Iterator[Any]:
    """A server with a public, a private and an unlisted video; `get(name, method, **headers)` asks it."""
    house = make_house_for_module(tmp_path_factory.mktemp("media") / "house").init()
    files = dict.fromkeys(NAMES, BYTES)
    public = kit.seed(house.folder, files | {"notes.txt": b"no", "empty.mp4": b"", "480p.mp4": b""})
    kit.seed(house.folder, files, PRIVATE, visibility="private")
    kit.seed(house.folder, files, UNLISTED, visibility="unlisted")
    (public / "360p.mp4").symlink_to(public / "720p.mp4")
    (public / "240p.mp4").mkdir()
    os.mkfifo(public / "144p.mp4")
    url = house.serve()

    def get(name: str, method: str = "GET", uuid: str = kit.UUID, **headers: str) -> Any:
        return kit.ask(url, kit.path(name, uuid), method, **headers)

    yield SimpleNamespace(house=house, url=url, get=get, public=public)
    house.stop()


def test_each_kind_with_its_type(served: Any) -> None:
    for name, mimetype in NAMES.items():
        answer = served.get(name)
        assert (answer.status, answer.body) == (200, BYTES), name
        assert answer.headers["Content-Type"].split(";")[0] == mimetype
        assert answer.headers["Content-Length"] == str(len(BYTES))
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Content-Range" in answer.headers["Access-Control-Expose-Headers"]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Last-Modified"]
        assert answer.headers["ETag"].startswith('"')
        assert "Set-Cookie" not in answer.headers


def test_what_may_be_kept(served: Any, kit: SimpleNamespace) -> None:
    assert served.get(kit.FILM).headers["Cache-Control"] == "public, max-age=31536000, immutable"
    for name in set(NAMES) - {kit.FILM}:
        assert served.get(name).headers["Cache-Control"] == "public, no-cache"
    assert served.get(kit.FILM, uuid=UNLISTED).headers["Cache-Control"] == "private, no-cache"


def test_ranges(served: Any, kit: SimpleNamespace) -> None:
    last = len(BYTES) - 1
    cases = {
        "bytes=0-0": (0, 0), "bytes=0-99": (0, 99), f"bytes={last}-": (last, last), "bytes=-1000": (last - 999, last),
        "bytes=100000-200000": (100_000, 200_000), "bytes=299000-999999999": (299_000, last),
        "bytes=-99999999": (0, last), "bytes=7-8,100-200": (7, 8),
    }  # fmt: skip
    for name in (kit.FILM, "720p.mp4", "master.m3u8"):
        for header, (start, end) in cases.items():
            answer = served.get(name, Range=header)
            assert answer.status == 206, header
            assert answer.body == BYTES[start : end + 1], header
            assert answer.headers["Content-Range"] == f"bytes {start}-{end}/{len(BYTES)}"
            assert answer.headers["Content-Length"] == str(end - start + 1)
    for header in ("bytes=9-5", "bytes=x", "pages=1-2"):
        assert served.get(kit.FILM, Range=header).status == 200
    for header in (f"bytes={len(BYTES)}-", "bytes=-0"):
        answer = served.get(kit.FILM, Range=header)
        assert (answer.status, answer.body) == (416, b"")
        assert answer.headers["Content-Range"] == f"bytes */{len(BYTES)}"
    assert served.get("480p.mp4").body == b""
    assert served.get("480p.mp4", Range="bytes=0-").status == 416


def test_if_range(served: Any, kit: SimpleNamespace) -> None:
    whole = served.get(kit.FILM)
    etag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    for condition in (etag, date):
        assert served.get(kit.FILM, Range="bytes=1-2", If_Range=condition).body == BYTES[1:3]
    for condition in (
        '"other"',
        f"W/{etag}",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 01 Jan 2100 00:00:00 GMT",
        "nonsense",
    ):
        answer = served.get(kit.FILM, Range="bytes=1-2", If_Range=condition)
        assert (answer.status, answer.body) == (200, BYTES), condition


def test_not_modified(served: Any) -> None:
    whole = served.get("720p.mp4")
    etag, date = whole.headers["ETag"], whole.headers["Last-Modified"]
    for headers in ({"If_None_Match": etag}, {"If_None_Match": f'"x", W/{etag}'}, {"If_Modified_Since": date}):
        answer = served.get("720p.mp4", **headers)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert answer.headers["Cache-Control"] == "public, no-cache"
    assert served.get("720p.mp4", If_None_Match='"x"', If_Modified_Since=date).status == 200
    assert served.get("720p.mp4", If_None_Match='"x"', Range="bytes=1-2").status == 206


def test_a_replaced_file_has_another_etag(served: Any) -> None:
    before = served.get("thumbnail-640.jpg").headers["ETag"]
    (served.public / "new").write_bytes(BYTES)
    os.replace(served.public / "new", served.public / "thumbnail-640.jpg")
    assert served.get("thumbnail-640.jpg").headers["ETag"] != before


def test_head_and_options(served: Any, kit: SimpleNamespace) -> None:
    answer = served.get(kit.FILM, "HEAD", Range="bytes=1-2")  # a Range is for GET alone
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", str(len(BYTES)))
    answer = served.get(kit.FILM, "OPTIONS", Origin="https://other.example", Access_Control_Request_Headers="range")
    assert answer.status == 204
    assert "Range" in answer.headers["Access-Control-Allow-Headers"]
    assert served.get(kit.FILM, "POST").status in (400, 405)


def test_download(served: Any, kit: SimpleNamespace) -> None:
    for name, end in (("720p.mp4", "720p.mp4"), (kit.FILM, "720p.mp4"), ("thumbnail-640.jpg", ".jpg")):
        said = served.get(f"{name}?download=1", "HEAD").headers["Content-Disposition"]
        assert said.startswith("attachment; filename=")
        assert "filename*=UTF-8''S%C3%A9ance" in said
        assert said.endswith(end)
        assert "/" not in said.split("''")[1]


def test_a_stranger_may_not_tell_private_from_absent(served: Any, kit: SimpleNamespace) -> None:
    absent = "99999999-bbbb-4ccc-8ddd-eeeeeeeeeeee"

    def seen(answer: Any) -> tuple[Any, ...]:
        kept = {
            k: v for k, v in answer.headers.items() if k not in ("Date", "Content-Security-Policy", "Content-Length")
        }
        return answer.status, kept, len(answer.body)

    for name in NAMES:
        for method in ("GET", "HEAD", "OPTIONS"):
            for headers in ({}, {"Range": "bytes=0-5"}, {"If_None_Match": served.get(name).headers["ETag"]}):
                hidden = served.get(name, method, PRIVATE, **headers)
                assert hidden.status == (204 if method == "OPTIONS" else 404)
                assert seen(hidden) == seen(served.get(name, method, absent, **headers))
    assert served.get(kit.FILM, uuid=UNLISTED).status == 200


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "empty.mp4", "240p.mp4", "144p.mp4", "360p.mp4", "1080p.mp4", "..%2f..%2f..%2ftubehome.db", "%2e%2e",
     "master.m3u8%0a", "master.m3u8%00", "720p.mp4/", "thumbnail-640.svg", "720P.MP4", "a/720p.mp4"],
)  # fmt: skip
def test_nothing_but_our_own_plain_files(served: Any, name: str) -> None:
    assert served.get(name).status == 404


def test_no_odd_spelling_of_the_video(served: Any, kit: SimpleNamespace) -> None:
    for uuid in (kit.UUID.upper(), kit.UUID.replace("-", ""), "..", kit.UUID + "%2f..", "{" + kit.UUID + "}"):
        assert served.get("720p.mp4", uuid=uuid).status == 404


def test_the_last_byte_costs_what_the_first_costs(served: Any, kit: SimpleNamespace) -> None:
    """Bytes that the server's processes read for 200 ranges at the end of a file, and at its beginning."""
    size, piece = 150_000_000, 262_144
    uuid = "77777777-2222-4333-8444-555555555555"
    kit.seed(served.house.folder, {kit.FILM: size}, uuid)
    serving = kit.family(served.house.server.pid).serving

    def read_for(start: int) -> int:
        before = _bytes_read(serving)
        for _ in range(200):
            assert len(served.get(kit.FILM, uuid=uuid, Range=f"bytes={start}-{start + piece - 1}").body) == piece
        return _bytes_read(serving) - before

    at_start, at_end = read_for(0), read_for(size - piece)
    assert at_start >= 200 * piece  # sendfile is counted, so a longer way would be seen
    assert at_end <= 1.2 * at_start


def _bytes_read(pid: int) -> int:
    return int(Path(f"/proc/{pid}/io").read_text().split()[1])


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_only_sendfile_touches_the_file(served: Any, kit: SimpleNamespace, tmp_path: Path) -> None:
    serving, log = kit.family(served.house.server.pid).serving, tmp_path / "strace"
    calls = "trace=read,pread64,readv,preadv,mmap,sendfile"
    tracer = subprocess.Popen(
        ["strace", "-f", "-y", "-e", calls, "-o", str(log), "-p", str(serving)], stderr=subprocess.PIPE
    )
    try:
        assert tracer.stderr is not None
        if b"attached" not in tracer.stderr.readline():
            pytest.skip("this machine does not let us trace")
        served.get(kit.FILM, Range="bytes=100000-299999")
        time.sleep(0.3)
    finally:
        tracer.terminate()
        tracer.communicate(timeout=10)
    touched = [line.split()[1].split("(")[0] for line in log.read_text().splitlines() if "fragmented.mp4" in line]
    assert touched == ["sendfile"]


def test_nginx_is_told_where_the_file_is(make_house: Callable[[str], Any], kit: SimpleNamespace) -> None:
    house = make_house("accelerated").init()
    (house.folder / "config.toml").write_text('[server]\naccel = "/_media/"\n')
    kit.seed(house.folder, {kit.FILM: BYTES})
    kit.seed(house.folder, {kit.FILM: BYTES}, PRIVATE, visibility="private")
    url = house.serve()
    answer = kit.ask(url, kit.path(kit.FILM), Range="bytes=1-2")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["X-Accel-Redirect"] == f"/_media/{kit.UUID}/public/{kit.FILM}"
    assert answer.headers["Content-Type"] == "video/mp4"
    hidden = kit.ask(url, kit.path(kit.FILM, PRIVATE))
    assert hidden.status == 404
    assert "X-Accel-Redirect" not in hidden.headers


def test_slow_readers_leave_room_for_pages(make_house: Callable[[str], Any], kit: SimpleNamespace) -> None:
    """With 200 of them the home page answers; at seven eighths of the threads media say « later »."""
    house = make_house("crowded").init()
    kit.seed(house.folder, {kit.FILM: 100_000_000})
    url = house.serve()
    path = kit.path(kit.FILM)
    with kit.slow_readers(url, path, 200) as readers:
        assert all(reader.recv(12) == b"HTTP/1.1 200" for reader in readers)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda _: kit.ask(url, "/").status, range(80))) == {200}
        with kit.slow_readers(url, path, 24) as more:
            assert all(reader.recv(12) == b"HTTP/1.1 200" for reader in more)
            refused = kit.ask(url, path)
            assert refused.status == 503
            assert int(refused.headers["Retry-After"]) > 0
            assert kit.ask(url, path, Range="bytes=0-99").status == 206  # a small piece holds no thread
            assert kit.ask(url, "/").status == 200
        kit.wait_for(lambda: kit.ask(url, path, "GET", Range="bytes=0-999999").status == 206)


def test_a_cap_for_one_address(make_house: Callable[[str], Any], kit: SimpleNamespace) -> None:
    house = make_house("capped").init()
    (house.folder / "config.toml").write_text("[server]\nper_address = 3\n")
    kit.seed(house.folder, {kit.FILM: 100_000_000})
    url = house.serve()
    with kit.slow_readers(url, kit.path(kit.FILM), 3) as readers:
        assert all(reader.recv(12) == b"HTTP/1.1 200" for reader in readers)
        assert kit.ask(url, kit.path(kit.FILM)).status == 429
