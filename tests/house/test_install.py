"""install.sh, tried in a checkout of its own with a stand-in for pip: what is installed when, and what it says.

The real thing, with apt and the registry, is proved on a bare machine; here every branch is walked without a network.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# `python -m venv` without pip's own files (they need seconds), and a pip that only takes notes.
MAKER = """#!/bin/sh
if [ "$1 $2" != "-m venv" ]; then exec {python} "$@"; fi
{python} -m venv --without-pip "$3" || exit
site=$(echo "$3"/lib/python3*/site-packages)
mkdir "$site/pip"
cp {notes}/pip.py "$site/pip/__main__.py"
touch "$site/pip/__init__.py"
echo "#!$3/bin/python" >"$3/bin/pip"
echo venv >>{notes}/log
"""
PIP = """
import os, sys
from pathlib import Path
notes = Path({notes!r})
with open(notes / "log", "a") as log:
    print("pip", sys.argv[-1], file=log)
if (notes / "broken").exists():
    sys.exit("pip: no network")
if sys.argv[-1] == ".":
    command = Path(sys.prefix, "bin/tubehome")
    command.write_text('''#!/bin/sh
        echo "$MALLOC_ARENA_MAX $0 $*"
        if [ "$1" = init ]; then mkdir "$3" || exit 2; touch "$3/instance"; fi
    ''')
    command.chmod(0o755)
"""


@dataclass
class Checkout:
    folder: Path
    notes: Path
    environment: dict[str, str]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", self.folder / "install.sh", *arguments],
            env={**self.environment, **environment},
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def log(self) -> list[str]:
        """What was made and installed since the last look."""
        path = self.notes / "log"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder, notes, stubs = tmp_path / "a checkout", tmp_path / "notes", tmp_path / "stubs"
    for made in (folder / "tubehome", notes, stubs):
        made.mkdir(parents=True)
    for name in ("install.sh", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "tubehome/__init__.py").write_text("")
    (notes / "pip.py").write_text(PIP.format(notes=str(notes)))
    base = os.path.realpath(sys.executable)
    script(stubs / "python", MAKER.format(python=base, notes=notes))
    script(stubs / "ffmpeg", "#!/bin/sh\n")
    script(stubs / "ffprobe", "#!/bin/sh\n")
    environment = {"PATH": f"{stubs}:/usr/bin:/bin", "LANG": "en_GB.UTF-8", "TUBEHOME_PYTHON": str(stubs / "python")}
    return Checkout(folder, notes, environment)


def script(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


FILLED = ["pip {folder}/.venv/setuptools.lock", "pip requirements.lock", "pip ."]


def filled(checkout: Checkout, *before: str) -> list[str]:
    return [*before, *(line.format(folder=checkout.folder) for line in FILLED)]


def test_the_first_start_makes_everything_and_the_second_nothing(checkout: Checkout) -> None:
    command = f"2 {checkout.folder}/.venv/bin/tubehome"
    data = f"--data {checkout.folder}/var"
    first = checkout.run("run")
    assert checkout.log() == filled(checkout, "venv")
    assert first.stdout.splitlines() == [f"{command} serve {data} --host 0.0.0.0 --port 8000 --announce"]
    assert (checkout.folder / "var/instance").exists()
    second = checkout.run("run", "--port", "8123")
    assert checkout.log() == []
    assert second.stdout.splitlines() == [f"{command} serve {data} --host 0.0.0.0 --port 8123 --announce"]
    assert (second.returncode, second.stderr) == (0, "")


def test_a_named_data_folder_is_where_the_caller_stands(checkout: Checkout) -> None:
    done = checkout.run("run", "--data=site", "--port=9000")
    assert f"serve --data {checkout.folder.parent}/site --host 0.0.0.0 --port 9000" in done.stdout
    assert (checkout.folder.parent / "site/instance").exists()


def test_a_refused_data_folder_ends_it_with_the_reason_and_the_same_exit_code(checkout: Checkout) -> None:
    (checkout.folder / "var").mkdir()
    done = checkout.run("run")
    assert done.returncode == 2
    assert "cannot create directory" in done.stderr
    assert "serve" not in done.stdout


def test_bytecode_is_written_even_where_the_environment_forbids_it(checkout: Checkout) -> None:
    checkout.run("run", PYTHONDONTWRITEBYTECODE="1")
    assert list((checkout.folder / "tubehome/__pycache__").glob("__init__.*.pyc"))


def break_halfway(checkout: Checkout) -> None:
    (checkout.folder / ".venv/unfinished").touch()


def lose_the_python(checkout: Checkout) -> None:
    (checkout.folder / ".venv/bin/python").unlink()
    (checkout.folder / ".venv/bin/python").symlink_to("/nowhere/python")


def move_away(checkout: Checkout) -> None:
    checkout.folder = checkout.folder.rename(checkout.folder.with_name("moved"))


@pytest.mark.parametrize("harm", [break_halfway, lose_the_python, move_away])
def test_a_harmed_environment_is_made_again(checkout: Checkout, harm: Callable[[Checkout], None]) -> None:
    checkout.run("run")
    harm(checkout)
    checkout.log()
    done = checkout.run("run")
    assert checkout.log() == filled(checkout, "venv")
    assert done.returncode == 0
    assert not (checkout.folder / ".venv/unfinished").exists()


def test_another_lock_is_installed_into_the_same_environment(checkout: Checkout) -> None:
    checkout.run("run")
    checkout.log()
    with (checkout.folder / "requirements.lock").open("a") as lock:
        lock.write("# a newer one\n")
    checkout.run("run")
    assert checkout.log() == filled(checkout)


def test_a_failed_installation_says_so_and_the_next_start_mends_it(checkout: Checkout) -> None:
    (checkout.notes / "broken").touch()
    failed = checkout.run("run")
    assert failed.returncode == 1
    assert failed.stderr.endswith("The Python packages could not be installed; the reason stands above.\n")
    (checkout.notes / "broken").unlink()
    checkout.log()
    assert checkout.run("run").returncode == 0
    assert checkout.log() == filled(checkout, "venv")


def test_a_folder_that_is_no_environment_is_left_alone(checkout: Checkout) -> None:
    (checkout.folder / "precious").mkdir()
    (checkout.folder / "precious/letter").touch()
    done = checkout.run("run", TUBEHOME_VENV=str(checkout.folder / "precious"))
    assert done.returncode == 1
    assert (checkout.folder / "precious/letter").exists()


@pytest.fixture
def poor(checkout: Checkout) -> Checkout:
    """A plain user on a machine that has no ffmpeg and no Python for us; apt and sudo must not be touched."""
    stubs = checkout.folder.parent / "poor"
    stubs.mkdir()
    for name in "awk bash basename cat cut dirname flock getent grep mkdir readlink realpath rm sha256sum stat".split():
        (stubs / name).symlink_to(shutil.which(name) or "/bin/false")
    script(stubs / "id", "#!/bin/sh\necho 1000\n")
    for name in ("apt-get", "sudo"):
        script(stubs / name, f"#!/bin/sh\necho {name} was called >&2\n")
    checkout.environment |= {"PATH": str(stubs), "TUBEHOME_PYTHON": "python-that-is-not-there"}
    return checkout


@pytest.mark.parametrize(
    ("verb", "packages"),
    [("run", "ffmpeg python3-venv"), ("test", "ffmpeg python3-venv chromium")],
)
def test_a_plain_user_is_told_the_line_that_installs_what_is_missing(poor: Checkout, verb: str, packages: str) -> None:
    done = poor.run(verb)
    assert done.returncode == 1
    assert f"sudo apt-get install -y {packages}" in done.stderr
    assert "was called" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_it_says_follows_the_language_of_the_machine(poor: Checkout) -> None:
    assert poor.run("run").stderr.startswith("Packages are missing")
    assert poor.run("run", LANG="fr_CA.UTF-8").stderr.startswith("Il manque des paquets")
    last = poor.run("run", LANG="fr_FR.UTF-8", LC_ALL="en_GB.UTF-8").stderr.splitlines()[-1]
    assert last.startswith("Packages are missing")  # bash may complain of a locale that is not there, before
    assert poor.run("run", LANG="C.UTF-8").stderr.startswith("Il manque des paquets")  # French first


def test_the_service_takes_root_and_says_what_comes_later(poor: Checkout) -> None:
    for arguments in (["--domain", "tube.example.org"], ["--email=x@example.org"]):
        done = poor.run(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith("Domain and certificate come later")
    for arguments in (["--nonsense"], ["--data"]):
        assert poor.run(*arguments).returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [["dance"], ["run", "--port"], ["run", "--port", "http"], ["run", "--port", "70000"], ["run", "--host", "x"]],
)
def test_wrong_usage_is_refused_in_one_sentence_before_anything_is_made(poor: Checkout, arguments: list[str]) -> None:
    done = poor.run(*arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert not (poor.folder / ".venv").exists()


def test_help_shows_both_commands(poor: Checkout) -> None:
    for arguments in (["--help"], ["run", "--help"]):
        done = poor.run(*arguments)
        assert done.returncode == 0
        assert "./install.sh run [--port N] [--data DIR]" in done.stdout
        assert "./install.sh test" in done.stdout
