"""The floors of the house hold, and the contract that says so has no hole."""

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
FLOORS = next(contract for contract in CONTRACTS if contract["id"] == "floors")


def test_imports_keep_every_contract() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_import_is_excused() -> None:
    assert FLOORS["exhaustive"] is True
    assert "exhaustive_ignores" not in FLOORS
    assert not [contract["id"] for contract in CONTRACTS if "ignore_imports" in contract]


def test_a_room_stands_in_parentheses_only_until_it_is_built() -> None:
    rooms = [room.strip() for floor in FLOORS["layers"] for room in floor.split("|")]
    later = {room.strip("()") for room in rooms if room.startswith("(")}
    built = {path.stem for path in (ROOT / "tubehome").iterdir() if path.suffix == ".py" or path.is_dir()}
    assert not later & built
