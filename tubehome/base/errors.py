"""The one tree of errors.

A person only ever sees `sentence(language)`: what happened and what to do, in their language. The private
cause (a tool's last lines, an exception) is a second field, for the log and the owner's details. The web
layer maps `status` to HTTP once; the command line maps `exit_code` once (1: the machine's fault, 2: refused).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Self

from tubehome.base import i18n


class TubehomeError(Exception):
    """Something went wrong, and there is a sentence for it.

    `text` is an English message id with `{named}` values; it is extracted for translation because it is the
    first argument of an error's constructor. Values may be `i18n.Bytes` or `i18n.Seconds`: they are written
    in the reader's way.
    """

    status = 500
    exit_code = 1

    def __init__(self, text: str, *, cause: str | None = None, **values: i18n.Value) -> None:
        super().__init__(text)
        self.text = text
        self.values: Mapping[str, i18n.Value] = values
        self.cause = cause

    def sentence(self, language: str) -> str:
        return i18n.translate(language, self.text, self.values)

    def __str__(self) -> str:
        return self.sentence("en")

    def to_json(self) -> str:
        """For a row's `last_error`: the sentence can be told later, in another language."""
        values = {k: i18n.pack(v) for k, v in self.values.items()}
        return json.dumps({"text": self.text, "values": values, "status": self.status})

    @classmethod
    def from_json(cls, stored: str) -> Self:
        said = json.loads(stored)
        error = cls(said["text"])
        error.values = {k: i18n.unpack(v) for k, v in said["values"].items()}
        error.status = said.get("status", cls.status)  # what kind it was
        return error


class Refused(TubehomeError):
    """The person asked for something that is not accepted: bad file, wrong usage, duplicate."""

    status = 400
    exit_code = 2


class Misconfigured(Refused):
    """The configuration does not make sense; the sentence names the key."""

    status = 500


class NotFound(Refused):
    """There is nothing here, or the asker may not know that there is."""

    status = 404


class Gone(Refused):
    """There was something here, and it was taken away on purpose."""

    status = 410


class TooMany(Refused):
    """Too often or too many; `retry_after` in seconds."""

    status = 429

    def __init__(self, text: str, *, retry_after: int, cause: str | None = None, **values: i18n.Value) -> None:
        super().__init__(text, cause=cause, **values)
        self.retry_after = retry_after


class TooLarge(Refused):
    """Over a size limit."""

    status = 413


class NoRoom(TubehomeError):
    """The disk is full, or would be."""

    status = 507


class Unavailable(TubehomeError):
    """Something that should run does not (no worker, locked folder, a missing program)."""

    status = 503


class ToolFailed(TubehomeError):
    """A program we started (ffmpeg) failed; `cause` holds the last lines it printed."""


class Interrupted(TubehomeError):
    """The work was stopped on purpose (shutdown): not a failure, not an attempt."""

    status = 503
