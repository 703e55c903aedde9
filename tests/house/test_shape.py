"""What keeps the code readable, counted: short files and functions, a word at each door, nothing of one machine."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_FILE = 450  # lines
LONGEST_FUNCTION = 80
# Not ours, or not text: scripts of others, and the licence.
FOREIGN = re.compile(r"(^|/)vendor/|^LICENSE$")
PYTHON = b"#!/usr/bin/env python3\n"  # of scripts whose names do not say it


def tracked() -> list[Path]:
    """What the repository holds or would hold: tracked files, and new ones that nothing ignores."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return [ROOT / name for name in names if name and not FOREIGN.search(name) and (ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py" or path.read_bytes()[:64].startswith(PYTHON)]


def test_no_file_outgrows_its_reader() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in python_files()}
    assert {name: lines for name, lines in sizes.items() if lines > LONGEST_FILE} == {}


def test_no_function_outgrows_its_reader() -> None:
    long = {}
    for path in python_files():
        # The oldest Python that we promise must be able to read every file.
        tree = ast.parse(path.read_text("utf-8"), str(path), feature_version=(3, 11))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None:
                lines = node.end_lineno - node.lineno + 1
                if lines > LONGEST_FUNCTION:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = lines
    assert long == {}


def test_every_room_says_at_its_door_what_it_is_for() -> None:
    house = ROOT / "tubehome"
    rooms = [path / "__init__.py" for path in house.iterdir() if path.is_dir() and path.name != "__pycache__"]
    doors = [house / "__init__.py", *rooms, *(path for path in house.glob("*.py") if path.name != "__init__.py")]
    silent = [
        str(door.relative_to(ROOT))
        for door in doors
        if not door.is_file() or not ast.get_docstring(ast.parse(door.read_text("utf-8")))
    ]
    assert silent == []


def test_nothing_in_the_repository_knows_the_machine_it_was_written_on() -> None:
    # Paths from the root of a disk (a folder's own work/ is none). In pieces, or this file would find itself.
    places = ["wo" + "rk/", "ro" + "ot/", "tmp/ba" + "sh_jobs", "home/[a-z]+/tube" + "home"]
    somewhere = re.compile(rf"(?<![\w.>}}~-])/(?:{'|'.join(places)})")
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if somewhere.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}")
    assert found == []
