"""Byte ranges: what a request wants of a file (RFC 9110, sections 13 and 14).

Several ranges in one request are answered with the first that can be satisfied: a 206 says itself what it
carries and a server may send a subset (section 15.3.7). That serves the client that asks for two pieces, and
a request of a thousand pieces costs no more than one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_RANGE = re.compile(r"(\d{1,19})-(\d{0,19})|-(\d{1,19})", re.ASCII)


class Unsatisfiable(Exception):
    """No range of the request lies in the file: 416."""


@dataclass(frozen=True)
class Part:
    """Bytes `start` to `end` of a file, `end` included; `whole` when nothing was asked or can be understood."""

    start: int
    end: int
    whole: bool

    @property
    def length(self) -> int:
        return self.end - self.start + 1


def wanted(header: str | None, size: int) -> Part:
    """The part that a Range header asks of a file of `size` bytes. Unsatisfiable; a malformed header is ignored."""
    everything = Part(0, size - 1, whole=True)
    unit, _, specified = (header or "").partition("=")
    if unit.strip().lower() != "bytes":
        return everything
    matches = [_RANGE.fullmatch(one.strip()) for one in specified.split(",") if one.strip()]
    if not matches or not all(matches):
        return everything
    spans = [_span(match, size) for match in matches if match]
    if any(span is None for span in spans):  # "9-5": malformed, so the header as a whole is
        return everything
    for span in spans:
        if span and span[0] < size and span[0] <= span[1]:
            return Part(span[0], min(span[1], size - 1), whole=False)
    raise Unsatisfiable


def _span(match: re.Match[str], size: int) -> tuple[int, int] | None:
    """(first, last) of one range, not yet cut to the file's end; None when it ends before it begins."""
    first, last, suffix = match.groups()
    if suffix is not None:
        return (size - int(suffix), size - 1) if int(suffix) < size else (0, size - 1)
    start = int(first)
    end = int(last) if last else max(start, size - 1)
    return (start, end) if end >= start else None
