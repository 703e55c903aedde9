"""The machine's configuration: each key has its type, default and help here and nowhere else.

TOML text in, frozen `Config` out. Layers lie over one another key by key: defaults, `<data>/config.toml`,
then the machine's file. What the owner edits in the studio is not here: it is in the `settings` room.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any, get_type_hints
from urllib.parse import urlsplit

from tubehome.base.errors import Misconfigured


def key(default: Any, about_it: str, *, secret: bool = False) -> Any:
    """One key: default and help; a secret is never printed."""
    about = {"help": about_it, "secret": secret}
    if isinstance(default, list | tuple):
        frozen = tuple(default)
        return field(default_factory=lambda: frozen, metadata=about)
    return field(default=default, metadata=about)


@dataclass(frozen=True)
class Data:
    folder: str = key("", "The data folder. Empty: the one named by --data or TUBEHOME_DATA, else ./var.")
    instance: str = key(
        "",
        "The id of the instance that this machine serves; a folder with another id, or none, is refused "
        "(an unmounted disk must not become a new site).",
    )


@dataclass(frozen=True)
class Server:
    url: str = key(
        "",
        'The public address, such as "https://video.example.org"; once set, requests for other hosts are refused. '
        "Empty: any host is accepted.",
    )
    host: str = key("127.0.0.1", "The address to listen on; 0.0.0.0 for all.")
    port: int = key(8000, "The port to listen on.")
    proxies: tuple[str, ...] = key(
        (),
        'Addresses of reverse proxies in front of tubehome, such as ["127.0.0.1"]; '
        "only these are believed about a visitor's address and scheme.",
    )
    accel: str = key(
        "",
        'With nginx in front: its internal location for media, such as "/_media"; nginx then sends the files '
        "(X-Accel-Redirect). Empty: tubehome sends them itself.",
    )
    threads: int = key(256, "Requests served at the same time; seven eighths of them at most move media.")
    per_address: int = key(
        0,
        "Media transfers allowed at the same time to one address; 0: no limit "
        "(a whole school may stand behind one address).",
    )
    metrics_token: str = key(
        "",
        "A token that lets a monitoring program read /metrics from another machine. Empty: only from this machine.",
        secret=True,
    )


@dataclass(frozen=True)
class Media:
    heights: tuple[int, ...] = key(
        (1080, 720, 480, 360), "The sizes to make, in lines (counted along the shorter side); none above the source's."
    )
    max_fps: int = key(60, "The highest frame rate to keep.")
    jobs: int = key(0, "Videos worked on at the same time. 0: chosen from the cores and the memory.")
    keep_originals: bool = key(
        True,
        "Whether the files that were given are kept beside what is made of them. If not, each is erased once "
        "everything made of it was seen to be whole. A channel may say otherwise.",
    )
    nice: int = key(10, "How much the encoding gives way to everything else (0 to 19).")


@dataclass(frozen=True)
class Limits:
    upload_bytes: int = key(50_000_000_000, "The largest file that is taken, in bytes.")
    upload_days: int = key(7, "Days that an unfinished upload may stand still before it is given up.")
    duration_seconds: int = key(43_200, "The longest video that is taken, in seconds.")
    reserve_bytes: int = key(1_000_000_000, "Room that is always left free on the disk, in bytes.")


@dataclass(frozen=True)
class Intake:
    folder: str = key(
        "",
        "A folder to watch: video files that are put there are taken, and moved out of it. Empty: none is watched.",
    )
    still_seconds: int = key(20, "Seconds that a file there must not have changed before it is taken.")


@dataclass(frozen=True)
class Test:
    enabled: bool = key(False, "For tests only: lets TUBEHOME_CLOCK_OFFSET move the clock.")


@dataclass(frozen=True)
class Config:
    """The effective configuration; sections are TOML tables."""

    data: Data = field(default_factory=Data)
    server: Server = field(default_factory=Server)
    media: Media = field(default_factory=Media)
    limits: Limits = field(default_factory=Limits)
    intake: Intake = field(default_factory=Intake)
    test: Test = field(default_factory=Test)


def parse(*layers: tuple[str, str]) -> Config:
    """A Config from `(name, TOML text)` layers, the later lying over the earlier, key by key.

    Raises Misconfigured, naming the file, the key and the nearest right one.
    """
    merged: dict[str, dict[str, Any]] = {}
    for name, text in layers:
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise Misconfigured("{file} is not valid TOML: {problem}.", file=name, problem=str(error)) from error
        for section, values in tables.items():
            merged.setdefault(section, {}).update(_checked(name, section, values))
    made = {f.name: _section_type(f.name)(**merged.get(f.name, {})) for f in fields(Config)}
    config = Config(**made)
    _sensible(config)
    return config


def _section_type(section: str) -> Any:
    return get_type_hints(Config)[section]


def _checked(file: str, section: str, values: object) -> dict[str, Any]:
    known = [f.name for f in fields(Config)]
    if section not in known:
        raise _unknown(file, f"[{section}]", section, known)
    if not isinstance(values, dict):
        raise Misconfigured("{file}: [{section}] must be a table of keys.", file=file, section=section)
    kind = _section_type(section)
    hints, names = get_type_hints(kind), [f.name for f in fields(kind)]
    out = {}
    for name, value in values.items():
        if name not in names:
            raise _unknown(file, f"{section}.{name}", name, names)
        out[name] = _typed(file, f"{section}.{name}", value, hints[name])
    return out


def _unknown(file: str, shown: str, name: str, known: Iterable[str]) -> Misconfigured:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if near:
        return Misconfigured("{file}: there is no key {key}; did you mean {near}?", file=file, key=shown, near=near[0])
    return Misconfigured(
        "{file}: there is no key {key}; the keys here are {known}.", file=file, key=shown, known=", ".join(known)
    )


_KINDS = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    tuple[str, ...]: "a list of texts",
    tuple[int, ...]: "a list of whole numbers",
}


def _typed(file: str, name: str, value: object, wanted: Any) -> Any:
    if wanted in (tuple[str, ...], tuple[int, ...]):
        item = str if wanted == tuple[str, ...] else int
        if isinstance(value, list) and all(type(v) is item for v in value):
            return tuple(value)
    elif type(value) is wanted:
        return value
    raise Misconfigured("{file}: {key} must be {kind}.", file=file, key=name, kind=_KINDS[wanted])


def _sensible(config: Config) -> None:
    url = config.server.url
    if url and not _is_site_address(url):
        raise Misconfigured('{key} must be like "https://video.example.org", without a path.', key="server.url")
    for proxy in config.server.proxies:
        if not _is_ip(proxy):
            raise Misconfigured("{key}: {written} is not an address.", key="server.proxies", written=proxy)
    least_zero = {
        "server.per_address": config.server.per_address,
        "limits.upload_bytes": config.limits.upload_bytes,
        "limits.duration_seconds": config.limits.duration_seconds,
        "limits.reserve_bytes": config.limits.reserve_bytes,
    }
    for name, value in least_zero.items():
        if value < 0:
            raise Misconfigured("{key} cannot be less than zero.", key=name)
    ranges = {
        "server.port": (config.server.port, 0, 65535),
        "server.threads": (config.server.threads, 8, 1024),
        "media.nice": (config.media.nice, 0, 19),
        "media.jobs": (config.media.jobs, 0, 64),
        "media.max_fps": (config.media.max_fps, 1, 120),
        "intake.still_seconds": (config.intake.still_seconds, 1, 3600),
        "limits.upload_days": (config.limits.upload_days, 1, 365),
    }
    for name, (value, least, most) in ranges.items():
        if not least <= value <= most:
            raise Misconfigured(
                "{key} must lie between {least} and {most}.", key=name, least=str(least), most=str(most)
            )
    if not config.media.heights or not all(64 <= h <= 4320 for h in config.media.heights):
        raise Misconfigured("{key} must list at least one height between 64 and 4320.", key="media.heights")


def _is_site_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        plain = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username or parts.password)
        named = bool(parts.hostname) and re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", parts.netloc) is not None
        return parts.scheme in ("http", "https") and plain and named and parts.port != 0
    except ValueError:
        return False


def _is_ip(written: str) -> bool:
    try:
        ipaddress.ip_network(written, strict=False)
    except ValueError:
        return False
    return True


def rows(config: Config) -> Iterable[tuple[str, Field[Any], Any]]:
    """(section, field, value) of every key, in order; for printing and for the documentation."""
    for section in fields(config):
        part = getattr(config, section.name)
        for item in fields(part):
            yield section.name, item, getattr(part, item.name)


def toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(toml_value(v) for v in value) + "]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return str(value)


def effective(config: Config) -> str:
    """The configuration as TOML; secrets hidden."""
    return _toml((s, f, '"(hidden)"' if f.metadata["secret"] and v else toml_value(v)) for s, f, v in rows(config))


def example() -> str:
    """`config.example.toml`: every key with its help and its default, commented out."""
    head = (
        "# tubehome: the machine's configuration. Every key is optional; the value shown is the default.\n"
        "# Generated from the code (tubehome config --example); what the owner edits in the studio is not here.\n\n"
    )
    return head + _toml(((s, f, toml_value(v)) for s, f, v in rows(Config())), helped=True)


def _toml(lines: Iterable[tuple[str, Field[Any], str]], helped: bool = False) -> str:
    out, current = [], None
    for section, item, written in lines:
        if section != current:
            out.append(f"{chr(10) if current else ''}[{section}]")
            current = section
        if helped:
            out.append(f"# {item.metadata['help']}")
        out.append(f"{'# ' if helped else ''}{item.name} = {written}")
    return "\n".join(out) + "\n"


def with_url(text: str, url: str) -> str:
    """A `<data>/config.toml` whose server.url is this one; other keys of the text are kept as they were."""
    tables: Mapping[str, Any] = tomllib.loads(text) if text else {}
    if not text or "server" not in tables:
        return f"{text}{chr(10) if text else ''}[server]\nurl = {toml_value(url)}\n"
    lines = [line for line in text.splitlines() if line.split("=")[0].strip() != "url"]
    at = next(i for i, line in enumerate(lines) if line.strip() == "[server]")
    lines.insert(at + 1, f"url = {toml_value(url)}")
    return "\n".join(lines) + "\n"
