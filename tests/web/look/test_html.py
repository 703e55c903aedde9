"""Every page and state, in both languages, says nothing that html-validate objects to."""

from __future__ import annotations

import fcntl
import importlib.util
import subprocess
from collections.abc import Callable
from pathlib import Path

import playwright
import pytest
import screens

pytestmark = pytest.mark.browser
HTML = Path(__file__).resolve().parents[1] / "html"
NODE = Path(playwright.__file__).parent / "driver" / "node"


@pytest.fixture(scope="session")
def packages(pytestconfig: pytest.Config) -> Path:
    """html-validate, fetched once for this checkout and checked by its lock."""
    spec = importlib.util.spec_from_file_location("tubehome_html_packages", HTML / "packages.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    folder = pytestconfig.rootpath / "build" / "html-validate"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        module.install(folder)
    return folder


@pytest.fixture(scope="session")
def findings(packages: Path) -> Callable[..., str]:
    def found(*files: Path) -> str:
        command = [NODE, HTML / "validate.cjs", packages, *files]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in (0, 1), done.stderr
        assert bool(done.stdout) == bool(done.returncode), done.stderr
        return done.stdout

    return found


@pytest.mark.parametrize("language", ["fr", "en"])
def test_html_validate_has_nothing_to_say(
    language: str, visit: Callable, findings: Callable[..., str], tmp_path: Path
) -> None:
    prefix = "" if language == "fr" else f"/{language}"
    asked = {name: shown for name, shown in screens.SCREENS.items() if not shown.act}  # an act is the browser's
    files = []
    for by_owner in (False, True):
        for scene in sorted({shown.scene for shown in asked.values() if shown.owner == by_owner}):
            watched = visit("/healthz", scene, owner=by_owner)
            for name, shown in asked.items():
                if (shown.scene, shown.owner) == (scene, by_owner):
                    answer = watched.page.request.get(watched.site + prefix + shown.path)
                    files.append(tmp_path / f"{name}.html")
                    files[-1].write_bytes(answer.body())
    assert len(files) == len(asked)
    assert findings(*files) == ""


def test_the_check_finds_what_is_wrong(findings: Callable[..., str], tmp_path: Path) -> None:
    page = tmp_path / "wrong.html"
    page.write_text(
        '<!DOCTYPE html><html lang="fr"><head><title>x</title></head><body><p><div></p><button>x</body></html>'
    )
    said = findings(page)
    assert "button" in said
    assert "close-order" in said or "element-permitted-content" in said
