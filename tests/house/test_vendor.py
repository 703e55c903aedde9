"""Scripts of others are byte for byte what npm published, each with its licence, and nothing else lies beside them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "tubehome/web/static/vendor", ROOT / "tests/web/vendor"]


def test_every_file_is_the_one_locked() -> None:
    done = subprocess.run([sys.executable, ROOT / ".ci/vendor", "--check"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_package_names_its_licence_and_carries_it(folder: Path) -> None:
    for package in json.loads((folder / "vendor.lock.json").read_text("utf-8")):
        assert package["licence"]
        assert package["integrity"].startswith("sha512-")
        assert any("LICENSE" in name for name in package["files"]), package["name"]
