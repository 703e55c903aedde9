"""html-validate from the npm registry, as locked: each archive is checked by its integrity before a file is written.

Playwright brings Node, but not npm; so the archives are fetched here, from the registry that npm is told of on this
machine. Another release: `npm install html-validate` in an empty folder, and its lock's versions and integrities.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import tarfile
import urllib.request
from pathlib import Path

LOCK = Path(__file__).with_name("packages.lock.json")
REGISTRY = "https://registry.npmjs.org"


def registry() -> str:
    """As npm would find it: the environment, the user's file, the machine's."""
    for name in ("npm_config_registry", "NPM_CONFIG_REGISTRY"):
        if os.environ.get(name):
            return os.environ[name].rstrip("/")
    for path in (Path.home() / ".npmrc", Path("/etc/npmrc")):
        for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
            key, _, value = line.partition("=")
            if key.strip() == "registry":
                return value.strip().strip('"').rstrip("/")
    return REGISTRY


def install(folder: Path) -> None:
    """Everything of the lock below `folder`; nothing is fetched when it is there already."""
    for place, package in json.loads(LOCK.read_text("utf-8")).items():
        target = folder / place
        if (target / "package.json").is_file():
            continue
        name = place.rsplit("node_modules/", 1)[1]
        address = f"{registry()}/{name}/-/{name.rsplit('/', 1)[-1]}-{package['version']}.tgz"
        with urllib.request.urlopen(address, timeout=60) as answer:
            archive = answer.read()
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        if integrity != package["integrity"]:
            raise RuntimeError(f"{address} is not what the lock says")
        _unpack(archive, target)


def _unpack(archive: bytes, target: Path) -> None:
    """An archive of npm holds one folder; its files go into `target`."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for entry in files.getmembers():
            parts = Path(entry.name).parts[1:]
            if entry.isfile() and parts and ".." not in parts and parts != ("package.json",):
                _write(files, entry, target.joinpath(*parts))
        for entry in files.getmembers():  # last: it says that the others are there
            if entry.isfile() and Path(entry.name).parts[1:] == ("package.json",):
                _write(files, entry, target / "package.json")


def _write(files: tarfile.TarFile, entry: tarfile.TarInfo, path: Path) -> None:
    content = files.extractfile(entry)
    assert content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.read())
