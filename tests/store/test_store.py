"""The data folder and the database: each sentence of the design has its test here or in tests/server."""

from __future__ import annotations

import importlib
import os
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playhouse.schema_diff import diff_models

import tubehome
from tubehome import boot
from tubehome.base.errors import Misconfigured, Refused, Unavailable
from tubehome.site import Site
from tubehome.store import files, lock, migrate
from tubehome.store.db import Model, bump, content_version, db, open_database


def models() -> list[Any]:
    """Every model of the package, each room's `models.py` loaded first."""
    for found in Path(tubehome.__file__).parent.glob("*/models.py"):
        importlib.import_module(f"tubehome.{found.parent.name}.models")

    def below(kind: type) -> Iterator[type]:
        for child in kind.__subclasses__():
            yield child
            yield from below(child)

    return [m for m in below(Model) if m.__module__.startswith("tubehome.") and m.__name__ != "WorkRow"]


def schema(path: Path) -> set[str]:
    with sqlite3.connect(path) as raw:
        found = {sql for (sql,) in raw.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
    raw.close()
    return {sql for sql in found if "schema_migration" not in sql}


def test_all_migrations_give_the_schema_of_the_models(bare_site: Site, tmp_path: Path) -> None:
    assert models()
    assert not diff_models(db, models())
    migrated = schema(bare_site.files.database)
    db.close_all()
    fresh = tmp_path / "fresh.db"
    open_database(fresh)
    with db.connection_context():
        db.create_tables(models())
    db.close_all()
    assert migrated == schema(fresh)  # types, NULL, defaults and constraints too, which the diff does not see
    open_database(bare_site.files.database)
    db.connect()


def test_a_table_made_anew_keeps_its_rows_and_never_reuses_an_id(
    bare_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = tmp_path / "first"
    first.mkdir()
    shutil.copy(migrate.FOLDER / "0001_house.py", first)
    db.close_all()
    old = files.Files(tmp_path / "old")
    old.lay_out()
    open_database(old.database)
    with monkeypatch.context() as earlier:
        earlier.setattr(migrate, "FOLDER", first)
        migrate.migrate(old)
    with sqlite3.connect(old.database) as raw:
        raw.execute("INSERT INTO channel VALUES (1, 'c', 'C', '', 'public', 0, 1.0)")
        for number in (7, 9):
            filled = "x" * 36, "t", "", "", "public", "ready", "name", "sha"
            raw.execute(
                "INSERT INTO video (id, uuid, channel_id, title, description, language, visibility, processing,"
                " wait_transcoding, created_at, updated_at, source_name, source_size, source_sha256, duration, width,"
                " height) VALUES (?, ?, 1, ?, ?, ?, ?, ?, 0, 1, 1, ?, 1, ?, 1, 1, 1)",
                (number, filled[0] + str(number), *filled[1:]),
            )
        raw.execute("INSERT INTO picture (video_id, file, width, height, size) VALUES (7, 'a.jpg', 1, 1, 1)")
        raw.execute("DELETE FROM video WHERE id = 9")
    raw.close()
    migrate.migrate(old)
    with sqlite3.connect(old.database) as raw:
        assert raw.execute("SELECT id, title, tags, priority FROM video").fetchall() == [(7, "t", "[]", 0.0)]
        assert raw.execute("SELECT video_id FROM picture").fetchall() == [(7,)]
        assert raw.execute("SELECT seq FROM sqlite_sequence WHERE name = 'video'").fetchall() == [(9,)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    raw.close()
    assert schema(old.database) == schema(bare_site.files.database)
    open_database(bare_site.files.database)
    db.connect()


def test_a_migration_runs_once_and_again_does_nothing(bare_site: Site) -> None:
    assert migrate.applied()
    assert migrate.migrate(bare_site.files) == []


def test_a_newer_folder_is_refused(bare_site: Site, folder: Path) -> None:
    db.execute_sql("INSERT INTO schema_migration (name, applied) VALUES ('9999_future', '2030-01-01')")
    with pytest.raises(Misconfigured, match="9999_future"):
        migrate.pending()
    with pytest.raises(Misconfigured, match="newer tubehome"):
        boot.open_site(boot.locate(str(folder), None), may_migrate=True)


MIGRATE = """
import sys
from pathlib import Path
from tubehome.store import migrate
from tubehome.store.db import db, open_database
from tubehome.store.files import Files
migrate.FOLDER = Path(sys.argv[2])
files = Files(Path(sys.argv[1]))
open_database(files.database)
with db.connection_context():
    print(len(migrate.migrate(files, 20)))
"""


def copied_migrations(tmp_path: Path) -> Path:
    """A folder with our migrations, to which a test adds its own."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for known in migrate.FOLDER.glob("[0-9]*.py"):
        (folder / known.name).write_text(known.read_text())
    return folder


@pytest.mark.slow
def test_two_migrations_at_once_run_one(opened: tuple[Site, lock.Lock], tmp_path: Path) -> None:
    """The second waits for the first, then finds nothing left; a copy of the database was kept before."""
    bare_site, held = opened
    held.release()
    folder = copied_migrations(tmp_path)
    slow = (
        "import time\ndef up(migrator, db):\n    time.sleep(1)\n    db.execute_sql('CREATE TABLE later (id INTEGER)')\n"
    )
    (folder / "0999_slow.py").write_text(slow)
    db.close_all()
    both = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE, str(bare_site.files.root), str(folder)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    said = sorted(process.communicate(timeout=60)[0].strip() for process in both)
    assert said == ["0", "1"]
    assert len(list((bare_site.files.root / "before-upgrade").glob("*.db"))) == 1
    db.connect()


def test_a_failed_migration_leaves_nothing(
    opened: tuple[Site, lock.Lock], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare_site, held = opened
    held.release()
    folder = copied_migrations(tmp_path)
    (folder / "0999_bad.py").write_text(
        "def up(m, db):\n    db.execute_sql('CREATE TABLE half (id)')\n    raise ValueError\n"
    )
    monkeypatch.setattr(migrate, "FOLDER", folder)
    with pytest.raises(ValueError):  # noqa: PT011
        migrate.migrate(bare_site.files)
    assert "half" not in db.get_tables()
    assert migrate.pending() == ["0999_bad"]


def test_a_migration_waits_for_those_who_use_the_folder_then_says_so(
    bare_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """bare_site holds the shared lock, as web, worker and commands do."""
    monkeypatch.setattr(migrate, "pending", lambda: ["x"])
    with pytest.raises(Unavailable, match="in use"):
        migrate.migrate(bare_site.files, wait_seconds=0.2)


def test_a_command_on_an_older_folder_says_who_upgrades(
    bare_site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "pending", lambda: ["x"])
    with pytest.raises(Unavailable, match="start the server once"):
        boot.open_site(boot.locate(str(folder), None), may_migrate=False)


# --- the data folder


def test_a_folder_that_is_none_is_refused_and_not_made(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    with pytest.raises(Refused, match="tubehome init"):
        boot.open_site(boot.locate(str(missing), None), may_migrate=True)
    assert not missing.exists()


def test_an_unmounted_folder_does_not_become_a_new_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's config names the instance; where its disk should be there is an empty folder, or another's."""
    disk, machine = tmp_path / "disk", tmp_path / "machine.toml"
    disk.mkdir()
    machine.write_text(f'[data]\nfolder = "{disk}"\ninstance = "the-town"\n')
    monkeypatch.delenv("TUBEHOME_DATA", raising=False)
    monkeypatch.setenv("TUBEHOME_CONFIG", str(machine))
    with pytest.raises(Unavailable, match="disk mounted"):
        boot.open_site(boot.locate(None, None), may_migrate=True)
    assert list(disk.iterdir()) == []
    files.write(disk / "instance", "another\n")
    with pytest.raises(Misconfigured, match="another instance"):
        boot.open_site(boot.locate(None, None), may_migrate=True)


def test_a_lost_database_does_not_become_a_new_site(opened: tuple[Site, lock.Lock], folder: Path) -> None:
    db.close_all()
    for part in folder.glob("tubehome.db*"):
        part.unlink()
    for may_migrate in (True, False):
        with pytest.raises(Unavailable, match="lost"):
            boot.open_site(boot.locate(str(folder), None), may_migrate=may_migrate)
    assert not list(folder.glob("tubehome.db*"))


def test_where_the_folder_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--data, else TUBEHOME_DATA, else the machine's config; <data>/config.toml below the machine's, key by key."""
    monkeypatch.chdir(tmp_path)
    for name in ("TUBEHOME_DATA", "TUBEHOME_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(boot, "SYSTEM_CONFIG", tmp_path / "etc.toml")
    assert boot.locate(None, None).files.root == tmp_path / "var"
    (tmp_path / "etc.toml").write_text(f'[data]\nfolder = "{tmp_path}/c"\n[server]\nport = 1\n')
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "config.toml").write_text('[server]\nport = 2\nurl = "http://own.example"\n')
    found = boot.locate(None, None)
    assert found.files.root == tmp_path / "c"
    assert (found.config.server.port, found.config.server.url) == (1, "http://own.example")
    monkeypatch.setenv("TUBEHOME_DATA", str(tmp_path / "b"))
    assert boot.locate(None, None).files.root == tmp_path / "b"
    assert boot.locate(None, None).config.server.port == 8000  # the system's config is for its own folder
    assert boot.locate(str(tmp_path / "a"), None).files.root == tmp_path / "a"
    with pytest.raises(Misconfigured, match="cannot be read"):
        boot.locate(None, str(tmp_path / "missing.toml"))


def readable_by_all(tmp_path: Path) -> tuple[list[str], dict[str, str]]:
    """An interpreter and copies of our packages that any user may read; skips where there is no such interpreter."""
    wanted = f"python{sys.version_info.major}.{sys.version_info.minor}"
    interpreter = shutil.which(wanted, path="/usr/bin:/usr/local/bin")
    if interpreter is None:
        pytest.skip(f"no {wanted} outside the home of a user")
    packages = tmp_path / "packages"
    shutil.copytree(
        sysconfig.get_paths()["purelib"], packages, ignore=shutil.ignore_patterns("playwright*", "mypy*", "babel*")
    )
    shutil.copytree(Path(boot.__file__).parent, packages / "tubehome", dirs_exist_ok=True)
    return [interpreter, "-S", "-c"], {"PYTHONPATH": str(packages)}


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_root_becomes_the_folders_owner_and_others_are_refused(house: Any, tmp_path: Path) -> None:
    python, env = readable_by_all(tmp_path)
    env = {**house.env, **env}
    for path in [house.folder, *house.folder.rglob("*")]:
        os.chown(path, 65534, 65534)
    for parent in [tmp_path, *tmp_path.parents]:
        if parent.is_relative_to(tempfile.gettempdir()) and parent != Path(tempfile.gettempdir()):
            parent.chmod(0o755)
    secret = tmp_path / "only-root.mp4"
    secret.write_text("text")
    secret.chmod(0o600)

    def run(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
        code = f"{before}from tubehome.cli import main; main({[*arguments, '--data', str(house.folder)]!r})"
        return subprocess.run([*python, code], capture_output=True, text=True, env=env, cwd=tmp_path, check=False)

    refused = run("publish", str(secret))
    assert (refused.returncode, "is a text" in refused.stderr) == (2, True), refused.stderr  # root opened, nobody read
    assert run("owner", "link").returncode == 0
    assert {path.stat().st_uid for path in [house.folder, *house.folder.rglob("*")]} == {65534}
    other = run("videos", before="import os; os.setuid(65533); ")
    assert (other.returncode, "another user" in other.stderr) == (2, True), other.stderr


# --- files and locks


def test_a_file_is_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "playlist"
    files.write(target, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.write(target, "new")
    assert target.read_text() == "old"
    assert [f.name for f in tmp_path.iterdir()] == ["playlist"]


def test_secrets_are_for_their_owner_alone(house: Any) -> None:
    assert (house.folder / "secret.key").stat().st_mode & 0o077 == 0
    assert house.folder.stat().st_mode & 0o077 == 0


def test_a_lock_is_held_by_one_and_freed_by_death(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, time; from pathlib import Path; from tubehome.store import lock\n"
        "held = lock.try_exclusive(Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert other.stdout is not None
    assert other.stdout.readline() == b"held\n"
    assert lock.try_exclusive(path) is None
    assert lock.is_held(path)
    other.kill()
    other.wait()
    other.stdout.close()
    held = lock.wait(path, exclusive=True, seconds=2)
    assert held is not None
    held.release(remove=True)
    assert not path.exists()


def test_a_lock_is_not_inherited_by_what_we_start(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = lock.try_exclusive(path)
    assert held is not None
    child = subprocess.Popen(["sleep", "30"])
    held.release()
    try:
        again = lock.try_exclusive(path)
        assert again is not None
        again.release()
    finally:
        child.kill()
        child.wait()


def test_many_lockers_of_a_file_that_is_removed_are_never_two_at_once(tmp_path: Path) -> None:
    """The last holder removes the file: nobody may lock the ghost of it."""
    path, inside, most = tmp_path / "lock", [0], [0]

    def work() -> None:
        for _ in range(60):
            held = lock.wait(path, exclusive=True, seconds=20)
            assert held is not None
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            inside[0] -= 1
            held.release(remove=True)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_the_content_version_grows_in_the_transaction_of_the_change(bare_site: Site) -> None:
    before, _ = content_version()
    with pytest.raises(RuntimeError, match="transaction"):
        bump()
    with db.atomic() as change:
        bump()
        change.rollback()
    assert content_version()[0] == before
    with db.atomic():
        bump()
    assert content_version()[0] == before + 1


def test_many_threads_share_few_connections(bare_site: Site) -> None:
    def ask() -> None:
        with db.connection_context():
            content_version()

    threads = [threading.Thread(target=ask) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(db._connections) + len(db._in_use) <= 24


def test_who_reads_first_in_a_transaction_may_still_write(bare_site: Site) -> None:
    """SQLite's own default says « database is locked » at once when somebody commits between the two."""
    other = sqlite3.connect(bare_site.files.database, timeout=0)
    with db.atomic():
        content_version()
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("UPDATE content_version SET version = version + 1")
        bump()
        with db.atomic():  # within: a savepoint
            bump()
    other.execute("UPDATE content_version SET version = version + 1")
    other.close()
