"""The lock files fit pyproject.toml, hold a hash for everything, and betray no machine. No network is needed."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PIN = re.compile(r"^(?P<name>[a-z0-9.-]+)==(?P<version>[^ ;]+)", re.MULTILINE)
DIRECT = re.compile(r"^    #(?: via)? +tubehome \(pyproject\.toml(?::\w+)?\)$", re.MULTILINE)


def wanted(*groups: str) -> list[Requirement]:
    lines = list(PROJECT["project"]["dependencies"])
    for group in groups:
        lines += PROJECT["dependency-groups"][group]
    return [Requirement(line) for line in lines]


LOCKS = {"requirements.lock": wanted("build"), "requirements-dev.lock": wanted("build", "dev")}


def blocks(lock: str) -> dict[str, list[str]]:
    """The text of each pin by package name: a package may have one for each Python."""
    text = (ROOT / lock).read_text("utf-8")
    found: dict[str, list[str]] = {}
    for block in re.split(r"\n(?=[a-z0-9])", text):
        if match := PIN.match(block):
            found.setdefault(match["name"], []).append(block)
    return found


def version(block: str) -> str:
    match = PIN.match(block)
    assert match
    return match["version"]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_wanted_package_is_pinned_within_its_bounds(lock: str) -> None:
    pins = blocks(lock)
    for requirement in LOCKS[lock]:
        found = pins.get(canonicalize_name(requirement.name), [])
        assert found, f"{lock} lacks {requirement.name}: run .ci/lock"
        for block in found:
            assert requirement.specifier.contains(version(block)), f"{lock}: {requirement} is not met: run .ci/lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_nothing_is_pinned_for_us_that_we_no_longer_want(lock: str) -> None:
    direct = {name for name, pins in blocks(lock).items() if any(DIRECT.search(block) for block in pins)}
    assert direct == {canonicalize_name(requirement.name) for requirement in LOCKS[lock]}, "run .ci/lock"


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes(lock: str) -> None:
    for name, pins in blocks(lock).items():
        assert all("--hash=sha256:" in block for block in pins), name


@pytest.mark.parametrize("lock", LOCKS)
def test_no_address_of_a_registry_or_mirror_got_in(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    assert not re.search(r"https?://|file:|--(extra-)?index|--find-links|^\.", text, re.MULTILINE)


def test_development_stands_on_the_releases_that_run() -> None:
    running, developing = blocks("requirements.lock"), blocks("requirements-dev.lock")
    for name, pins in running.items():
        assert [version(block) for block in pins] == [version(block) for block in developing[name]]
