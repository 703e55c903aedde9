"""What lies beside a film in the watched folder: words (`.txt`, `.toml`), a picture, captions."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path

from tubehome.base import text
from tubehome.base.errors import Refused

WORDS = (".txt", ".toml")
PICTURES = (".jpg", ".jpeg")  # the video's own
KEPT = (*PICTURES, ".srt", ".vtt")
ALL = WORDS + KEPT
LARGEST = 256_000  # bytes of words
FIELDS = {"title": "title", "description": "description", "channel": "channel", "privacy": "visibility",
          "language": "language", "licence": "licence", "tags": "tags"}  # fmt: skip


def read(path: Path) -> dict[str, object]:
    """What a sidecar says, by column. Refused, with what to mend, when it cannot be understood."""
    raw = path.read_bytes()
    if len(raw) > LARGEST:
        raise Refused("{file} is too long.", file=path.name)
    try:
        said = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        said = raw.decode("cp1252", "replace")
    return _toml(path.name, said) if path.suffix.lower() == ".toml" else _plain(said)


def _plain(said: str) -> dict[str, object]:
    """The title on the first line, the description after it."""
    first, _, rest = text.clean_text(said).partition("\n")
    found: dict[str, object] = {"title": first} if first.strip() else {}
    return found | ({"description": rest.strip()} if rest.strip() else {})


def _toml(name: str, said: str) -> dict[str, object]:
    try:
        table = tomllib.loads(said)
    except tomllib.TOMLDecodeError as error:
        raise Refused("{file} is not valid TOML: {problem}.", file=name, problem=str(error)) from error
    for key in table:
        if key not in FIELDS:
            near = difflib.get_close_matches(key, list(FIELDS), n=1, cutoff=0.5)
            known = near[0] if near else ", ".join(FIELDS)
            raise Refused("{file}: there is no key {key}; did you mean {near}?", file=name, key=key[:40], near=known)
    return {FIELDS[key]: value for key, value in table.items()}
