"""init, owner, config, videos, help: the contract of the command line."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "correct horse battery\n"
MakeHouse = Callable[..., Any]


def test_init_makes_everything_and_a_second_changes_nothing(make_house: MakeHouse) -> None:
    house = make_house()
    done = house.run(
        "init", "--owner", "claire", "--password-stdin", "--site-name", "Saint-Aubin", "--url", "https://video.example.org",
        "--channel", "Conseil municipal", stdin=PASSWORD, check=0,
    )  # fmt: skip
    assert done.stdout == ""
    assert tomllib.loads((house.folder / "config.toml").read_text())["server"]["url"] == "https://video.example.org"
    before = {p: p.stat().st_mtime_ns for p in house.folder.rglob("*") if p.is_file()}
    again = house.run("init", "--owner", "paul", check=2)
    assert "already" in again.stderr
    assert {p: p.stat().st_mtime_ns for p in house.folder.rglob("*") if p.is_file()} == before


def test_init_without_an_owner_leaves_the_link(make_house: MakeHouse) -> None:
    house = make_house()
    assert "owner link" in house.run("init", check=0).stderr
    link = house.run("owner", "link", check=0).stdout.strip()
    assert re.fullmatch(r"http://localhost:8000/setup/[\w-]{43}", link)
    assert house.run("owner", "link", check=0).stdout.strip() != link
    database = (
        (house.folder / "tubehome.db").read_bytes() + (house.folder / "tubehome.db-wal").read_bytes()
        if (house.folder / "tubehome.db-wal").exists()
        else (house.folder / "tubehome.db").read_bytes()
    )
    assert link.rsplit("/", 1)[1].encode() not in database  # hashed


@pytest.mark.parametrize(
    "arguments",
    [["--owner", "Claire D"], ["--owner", "peertube"], ["--owner", "a", "--url", "video.example"], ["--channel", "x"],
     ["--owner", "claire", "--channel", "claire"], ["--owner", "../x"]],
)  # fmt: skip
def test_a_refused_init_makes_nothing(make_house: MakeHouse, arguments: list[str]) -> None:
    house = make_house()
    house.run("init", *arguments, check=2)
    house.run("init", "--owner", "claire", check=0)  # and the next one may


def test_the_remains_of_a_killed_init_are_taken_over(make_house: MakeHouse) -> None:
    house = make_house().init()
    (house.folder / "instance").unlink()  # written last
    house.run("init", "--owner", "paul", check=0)
    (house.folder / "instance").unlink()
    (house.folder / "videos" / "x").mkdir()  # but never anything that holds films
    assert "not empty" in house.run("init", check=2).stderr


def test_an_init_beside_another_is_refused(make_house: MakeHouse) -> None:
    from tubehome.store import lock

    house = make_house()
    house.folder.mkdir()
    held = lock.try_exclusive(house.folder / "init.lock")
    assert held is not None
    assert "Another init" in house.run("init", check=2).stderr
    held.release(remove=True)
    house.folder.chmod(0o755)
    house.run("init", check=0)
    assert house.folder.stat().st_mode & 0o077 == 0


def test_a_short_password_is_refused(make_house: MakeHouse) -> None:
    house = make_house()
    assert "short" in house.run("init", "--owner", "claire", "--password-stdin", stdin="abc\n", check=2).stderr
    assert not house.folder.exists()


def test_a_folder_with_other_things_is_not_taken(make_house: MakeHouse) -> None:
    house = make_house()
    house.folder.mkdir()
    (house.folder / "holiday.jpg").write_text("x")
    assert "not empty" in house.run("init", check=2).stderr
    assert [p.name for p in house.folder.iterdir()] == ["holiday.jpg"]


def test_a_new_password(house: Any) -> None:
    house.run("owner", "password", "--password-stdin", stdin="another long one\n", check=0)
    assert "short" in house.run("owner", "password", "--password-stdin", stdin="x\n", check=2).stderr


def test_commands_need_a_folder(make_house: MakeHouse) -> None:
    house = make_house()
    for command in (["videos"], ["owner", "link"], ["publish", "/etc/hostname"]):
        assert "tubehome init" in house.run(*command, check=2).stderr
    assert not house.folder.exists()


def test_config_prints_what_is_in_force(house: Any, tmp_path: Path) -> None:
    machine = tmp_path / "machine.toml"
    machine.write_text('[server]\nport = 9000\nmetrics_token = "hush"\n')
    printed = house.run("config", "--config", machine, check=0).stdout
    assert tomllib.loads(printed)["server"]["port"] == 9000
    assert "hush" not in printed
    machine.write_text("[server]\nprot = 1\n")
    refused = house.run("config", "--config", machine, check=2)
    assert "port" in refused.stderr
    assert str(machine) in refused.stderr


def test_videos_lists_deletes_and_takes_back(house: Any, short_clip: Path) -> None:
    assert house.videos() == []
    house.run("publish", short_clip, check=0)
    [video] = house.videos()
    house.run("videos", "delete", video["short"], check=0)
    assert house.videos()[0]["removed"] == "bin"
    house.run("videos", "undelete", video["uuid"], check=0)
    assert house.videos()[0]["removed"] is None
    assert "Nothing failed" in house.run("videos", "retry", video["uuid"], check=2).stderr
    house.run("videos", "show", video["short"], check=0)
    house.run("videos", "delete", video["short"], "--now", check=0)
    assert house.videos() == []
    assert list((house.folder / "videos").iterdir()) == []
    assert "no video" in house.run("videos", "show", video["short"], check=2).stderr


def names() -> list[list[str]]:
    from tubehome.cli import COMMANDS

    more = [
        ["owner", "link"],
        ["owner", "password"],
        ["videos", "show"],
        ["videos", "retry"],
        ["videos", "delete"],
        ["videos", "undelete"],
    ]
    return [[], *([name] for name in COMMANDS), *more]


@pytest.mark.parametrize("command", names(), ids=" ".join)
def test_every_command_has_help_in_both_languages(house: Any, command: list[str]) -> None:
    base = house.run.__func__.__globals__["COMMAND"]
    said = [
        subprocess.run(
            [*base, *command, "--help"], capture_output=True, text=True, env={**house.env, "LC_ALL": code}, check=True
        ).stdout
        for code in ("fr_FR.UTF-8", "en_GB.UTF-8")
    ]
    assert all("--data" in text for text in said)
    assert said[0] != said[1]


def test_clicks_own_sentences_are_french_too(house: Any) -> None:
    french = {"LC_ALL": "fr_FR.UTF-8"}
    assert "Il manque l’argument" in house.run("publish", check=2, **french).stderr
    assert "Il n’y a pas d’option '--nonsense'." in house.run("videos", "--nonsense", check=2, **french).stderr
    assert "Il n’y a pas de commande 'nonsense'." in house.run("nonsense", check=2, **french).stderr
    assert "Options" in house.run("videos", "--help", check=0).stdout
    assert "Emploi" in house.run("videos", "--help", check=0, **french).stdout


def test_options_may_precede_the_command(house: Any) -> None:
    base = house.run.__func__.__globals__["COMMAND"]
    done = subprocess.run(
        [*base, "--data", str(house.folder), "videos", "--json"],
        capture_output=True,
        text=True,
        env=house.env,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_a_traceback_is_shown_on_request_only(house: Any) -> None:
    base = house.run.__func__.__globals__["COMMAND"]
    asked = subprocess.run(
        [*base, "videos", "show", "x", "--data", str(house.folder), "--debug"],
        capture_output=True,
        text=True,
        env=house.env,
        check=False,
    )
    assert asked.returncode == 2
    assert "Traceback" in asked.stderr
    assert "Traceback" not in house.run("videos", "show", "x", check=2).stderr
