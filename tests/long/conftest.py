"""Drills of many minutes: `pytest tests/long`. They share tests/whole/drill.py and tus.py, and sum up what happened."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_WHOLE = Path(__file__).parents[1] / "whole" / "conftest.py"
_spec = importlib.util.spec_from_file_location("tubehome_whole_conftest", _WHOLE)
assert _spec
assert _spec.loader
_whole = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_whole)
drill, eight_seconds, filmrun, tus = _whole.drill, _whole.eight_seconds, _whole.filmrun, _whole.tus
small_disk = _whole.small_disk

_LINES: list[str] = []


@pytest.fixture(scope="session")
def note() -> Callable[[str], None]:
    """`note(line)`: goes into the summary."""
    return _LINES.append


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _LINES:
        terminalreporter.section("what happened")
        for line in _LINES:
            terminalreporter.write_line(line)
