"""The systemd unit: accepted by systemd itself, locked down, and true to what the site needs."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def service() -> configparser.SectionProxy:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(ROOT / "systemd/tubehome.service", "utf-8")
    return parser["Service"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_has_nothing_to_say_against_it() -> None:
    done = subprocess.run([ROOT / ".ci/verify-unit"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_stops_whole_within_ten_seconds() -> None:
    unit = service()
    assert (unit["KillSignal"], unit["KillMode"], unit["TimeoutStopSec"]) == ("SIGTERM", "mixed", "10")


def test_it_serves_without_announcing_the_set_up_link_to_the_journal() -> None:
    command = service()["ExecStart"].split()
    assert command[1] == "serve"
    assert "--announce" not in command


def test_it_keeps_memory_low_and_survives_a_killed_ffmpeg() -> None:
    unit = service()
    assert unit["Environment"] == "MALLOC_ARENA_MAX=2"
    assert unit["OOMPolicy"] == "continue"


def test_it_waits_for_its_disk_and_keeps_the_data_private() -> None:
    said = (ROOT / "systemd/tubehome.service").read_text("utf-8").splitlines()
    assert "RequiresMountsFor=%S/tubehome" in said
    assert service()["StateDirectory"] == "tubehome"
    assert service()["StateDirectoryMode"] == "0700", "as install.sh makes the folder"
