"""The whole house: what these drills share is in looking.py, drill.py and tus.py."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


def _load(name: str) -> ModuleType:
    """A module beside this file: tests are not a package."""
    spec = importlib.util.spec_from_file_location(f"tubehome_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    if spec.name not in sys.modules:
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[spec.name]


_load("looking")
drill_module = _load("drill")
tus_module = _load("tus")
filmrun_module = _load("filmrun")


@pytest.fixture(scope="session")
def drill() -> Any:
    return drill_module


@pytest.fixture(scope="session")
def filmrun() -> Any:
    return filmrun_module


@pytest.fixture(scope="session")
def tus() -> Any:
    return tus_module


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str, int], None]]:
    """`small_disk(name, megabytes)`: a file system of that size. Skips where it cannot be mounted."""
    mounted: list[Path] = []

    def make(name: str, megabytes: int) -> None:
        folder = tmp_path / name
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tubehome-test", str(folder)]
        if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            pytest.skip("only root may mount a small disk, and not in every container")
        mounted.append(folder)

    yield make
    for folder in mounted:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(scope="module")
def house_of_module(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Any]]:
    """`house_of_module(name)`: a House of the main conftest for all tests of a file; not yet made."""
    main = next(plugin for plugin in request.config.pluginmanager.get_plugins() if hasattr(plugin, "House"))
    made: list[Any] = []

    def make(name: str) -> Any:
        made.append(main.House(tmp_path_factory.mktemp("whole") / name))
        return made[-1]

    yield make
    for house in made:
        house.stop()


@pytest.fixture(scope="session")
def eight_seconds(clip: Callable[..., Path]) -> Path:
    """8 s of 720p with a tone: three renditions, three segments each."""
    return clip(
        "eight.mp4",
        *"-f lavfi -i testsrc2=s=1280x720:r=25:d=8 -f lavfi -i sine=f=440:r=48000:d=8".split(),
        *"-c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 50 -c:a aac -b:a 96k".split(),
    )
