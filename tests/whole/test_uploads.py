"""Uploads over tus on a real site: cut off, killed, and still the same bytes; memory flat, every byte written once.

The short form; `tests/long/test_tus.py` sends a gigabyte.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

pytestmark = pytest.mark.slow

LENGTH = 48 << 20


@pytest.fixture
def client(house: Any, tus: Any) -> Any:
    """A tus client with a token, of a house that serves."""
    token = house.run("token", "create", "camera", check=0).stdout.strip().splitlines()[-1]
    house.serve()
    return tus.Client(house.url, token)


def test_cut_three_times(house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path) -> None:
    seed = time.time_ns() % 1_000_000
    film = tus.padded(short_clip, tmp_path / "film.mp4", LENGTH)
    seen = tus.cut_three_times(house, client, short_clip, film, seed)
    print(f"seed {seed}: {seen}")
    assert seen.grown <= tus.FLAT, seen
    for what in ("wchar", "write_bytes"):
        assert seen.web[what] + seen.worker[what] <= tus.MOST * LENGTH, seen
    assert seen.web["wchar"] >= LENGTH, "the bytes were counted somewhere else"
    tus.let_go(house)
    house.wait_ready(next(v["uuid"] for v in house.videos() if v["title"] == "film"))
    tus.in_order(house)


def test_killed_on_the_way_what_was_confirmed_is_there(
    house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path
) -> None:
    seed = time.time_ns() % 1_000_000
    film = tus.padded(short_clip, tmp_path / "film.mp4", LENGTH // 2)
    seen = tus.killed_on_the_way(house, client, film, seed, ["web", "all", "web"])
    print(f"seed {seed}: {seen}")
    last = tus.padded(short_clip, tmp_path / "last.mp4", LENGTH // 8)
    tus.killed_after_the_last_byte(house, client, last)
    for video in house.videos():
        house.wait_ready(video["uuid"])
    tus.in_order(house)


def test_two_writers_at_once(house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path) -> None:
    """Two connections, one file: who comes second is refused, and spoils nothing."""
    film = tus.padded(short_clip, tmp_path / "film.mp4", LENGTH // 8)
    path, half = client.announce(film.length), film.length // 2
    with client.patch(path, 0, film.length) as first:
        tus.pour(first, film, 0, half)
        tus.wait_for(lambda: client.offset(path) > 0, 30, "the first one's bytes")
        at = client.offset(path)
        second = client.ask("PATCH", path, b"x" * 1000, Upload_Offset=str(at), Content_Type=tus.OCTETS)
        assert second.status == 423, second
        assert "autre connexion" in second.text or "another connection" in second.text.lower()
        tus.pour(first, film, half, film.length)
        assert tus.answer_of(first).status == 204
    (video,) = tus.wait_for(house.videos, 30, "the film")
    (original,) = (house.folder / "videos" / video["uuid"] / "original").iterdir()
    assert tus.hashlib.sha256(original.read_bytes()).hexdigest() == film.sha256


def test_tuspy_sends_a_film_with_a_token(
    house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client of the protocol's own authors, as a person's script uses it."""
    monkeypatch.setenv("no_proxy", "*")
    place = f"{house.url}{tus.PLACE}"
    told = {"filename": "conseil.mp4", "title": "Conseil à Noël", "privacy": "unlisted", "language": "fr"}
    film = tus.padded(short_clip, tmp_path / "conseil.mp4", 5 << 20)
    # given a script that ends in the middle, with a checksum for every piece
    sending = TusClient(place, headers={"Authorization": client.always["Authorization"]})
    options = {"chunk_size": 1 << 20, "upload_checksum": True, "metadata": told}
    with film.path.open("rb") as source:
        first = sending.uploader(file_stream=source, **options)
        first.upload(stop_at=2 << 20)
    # when another one goes on at the same address
    with film.path.open("rb") as source:
        second = sending.uploader(file_stream=source, url=first.url, **options)
        assert second.offset == 2 << 20
        second.upload()
    # then the video is there, as it was described
    uuid = first.url.rsplit("/", 1)[1]
    tus.wait_for(lambda: tus.rows(house.folder, "SELECT 1 FROM video WHERE uuid = ?", uuid), 60, "the video")
    house.wait_ready(uuid)
    [video] = house.videos()
    assert (video["title"], video["visibility"]) == ("Conseil à Noël", "unlisted")
    assert tus.rows(house.folder, "SELECT source_sha256 AS s FROM video")[0]["s"] == film.sha256
    # and who has no token is told why not
    stranger = TusClient(place, headers={"Authorization": "Bearer th_x", "Accept-Language": "fr"})
    with film.path.open("rb") as source, pytest.raises(TusCommunicationError) as refused:
        stranger.uploader(file_stream=source, metadata=told).upload()
    assert refused.value.status_code == 401
    assert "jeton" in refused.value.response_content.decode()


def test_many_at_once(house: Any, client: Any, tus: Any, short_clip: Path, tmp_path: Path) -> None:
    """Each is cut off and goes on; all arrive in the same moment as the worker takes them and prepares the first."""
    films = [tus.padded(short_clip, tmp_path / f"{number}.mp4", 1 << 20) for number in range(20)]

    def one(film: Any) -> int:
        path = client.announce(film.length, filename=film.path.name)
        client.send(path, film, 0, film.length // 2, reset=True)
        return int(client.send(path, film, client.settled(path)).status)

    with ThreadPoolExecutor(len(films)) as pool:
        assert list(pool.map(one, films)) == [204] * len(films)
    there = "SELECT source_sha256 AS s FROM video"
    tus.wait_for(lambda: len(tus.rows(house.folder, there)) == len(films), 120, f"the videos\n{house.log()}")
    assert {row["s"] for row in tus.rows(house.folder, there)} == {film.sha256 for film in films}
    assert "ERROR" not in house.log(), house.log()
