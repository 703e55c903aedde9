"""Text from people: names for addresses, titles from file names, Markdown to safe HTML."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from pathlib import PurePath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

TITLE_MAX = 120  # characters; PeerTube refuses more
_MARKS = re.compile(r"\[([^\[\]]*)\]\([^()]*\)|[*_`#>]+")
HANDLE = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,48}[a-z0-9_])?")


def is_web_address(said: str) -> bool:
    """An absolute https (or http) address of a named host, without spaces or a password in it."""
    try:
        parts = urlsplit(said)
        named = bool(parts.hostname) and not parts.username
    except ValueError:
        return False
    return parts.scheme in ("https", "http") and named and len(said) <= 500 and re.search(r"[\s<>\"]", said) is None


def fold(text: str) -> str:
    """Without accents, œ and æ opened, lower case."""
    opened = text.replace("œ", "oe").replace("Œ", "OE").replace("æ", "ae").replace("Æ", "AE")
    return "".join(c for c in unicodedata.normalize("NFKD", opened) if not unicodedata.combining(c)).lower()


def handle(name: str) -> str:
    """A name for an address, from what was typed: « Vie de la commune » → vie_de_la_commune; "" if nothing is left."""
    return re.sub(r"[^a-z0-9]+", "_", fold(name)).strip("_")[:50].strip("_")


def clean_line(text: str) -> str:
    """One line: no control characters (nor bidi overrides), runs of white space made one."""
    kept = "".join(c if unicodedata.category(c)[0] != "C" or c in "\t\n\r\u200d\u200c" else " " for c in text)
    return " ".join(kept.split())


def clean_text(text: str) -> str:
    """Several lines: no control characters (nor bidi overrides), line ends as \\n, no white space at the end."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = (
        "".join(c for c in line if unicodedata.category(c)[0] != "C" or c in "\t\u200d\u200c").rstrip()
        for line in lines
    )
    return "\n".join(kept).strip("\n")


def title_from_filename(filename: str) -> str:
    """« conseil_2026-11-17.final.mp4 » → « conseil 2026-11-17.final », at most TITLE_MAX characters."""
    return clean_line(PurePath(filename).stem.replace("_", " "))[:TITLE_MAX] or "Sans titre"


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # heavy: loaded at first use

    return MarkdownIt("commonmark", {"html": False, "linkify": False, "breaks": True}).disable("image")


def render_markdown(source: str) -> str:
    """Markdown from the owner as HTML that is safe to show: no raw HTML, no images, no `javascript:` links."""
    import nh3

    raw: str = _markdown().render(source)
    return nh3.clean(raw, link_rel="noopener nofollow")


_TAG = re.compile(r"(<[^>]*>)")
_TIME = re.compile(r"(?<![\d:.,])(?:(\d{1,2}):)?(\d{1,2}):([0-5]\d)(?![\d:])")


def link_times(html: str, length: float) -> str:
    """Times in safe HTML (1:09:15, 4:10) become links to that moment of a film of `length` seconds: `?t=4155`.

    What is a link or code already stays as it is; so does a time beyond the end, which is of something else.
    """

    def linked(found: re.Match[str]) -> str:
        at = int(found[1] or 0) * 3600 + int(found[2]) * 60 + int(found[3])
        return f'<a href="?t={at}">{found[0]}</a>' if at <= length else found[0]

    out, inside = [], 0
    for part in _TAG.split(html):
        if part.startswith("<"):
            inside += part.startswith(("<a ", "<a>", "<code", "<pre")) - part.startswith(("</a", "</code", "</pre"))
            out.append(part)
        else:
            out.append(part if inside else _TIME.sub(linked, part))
    return "".join(out)


def plain(source: str, limit: int) -> str:
    """The first words of a Markdown text, without its marks, for summaries; cut at a word with « … »."""
    start = source[: 6 * limit + 200]  # links are longer than what is shown of them
    text = " ".join(_MARKS.sub(r"\1", start).split())
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0].rstrip(",;:.") + "…"
