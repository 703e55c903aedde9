"""The form of a browser without script: its fields, then one file, read as they come.

werkzeug would write the file to the system's folder for temporary files and let us copy it from there: every byte
twice, and perhaps into memory. Here it goes straight to its place.
"""

from __future__ import annotations

from collections.abc import Callable

from flask import request
from werkzeug.exceptions import HTTPException
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from tubehome.base.errors import Refused
from tubehome.base.i18n import mark
from tubehome.web.bodies import as_it_comes

FIELD_BYTES = 64 * 1024  # all fields together
CHUNK = 1 << 18  # bytes read at once
_ODD = mark("This request cannot be understood.")


class BrokenOff(OSError):
    """The form ends before its end: the browser has gone."""


class Form:
    """A multipart body. `fields` reads up to the file; `read` gives the file; `drain` what is left."""

    def __init__(self) -> None:
        boundary = request.mimetype_params.get("boundary", "")
        if request.mimetype != "multipart/form-data" or not boundary or not request.content_length:
            raise Refused(_ODD)
        self.length: int = request.content_length  # of the whole body: no file in it is longer
        self.name = ""  # the file's
        self._decoder = MultipartDecoder(boundary.encode(), max_form_memory_size=CHUNK + FIELD_BYTES, max_parts=20)
        self._read: Callable[[int], bytes | memoryview] = as_it_comes()
        self._more = True  # the file is not at its end
        self._ended = False

    def fields(self) -> dict[str, str]:
        """The fields before the file, by name. Refused when there is no file."""
        found: dict[str, str] = {}
        name, text, size = "", b"", 0
        while not isinstance(event := self._next(), Epilogue):
            if isinstance(event, File):
                self.name = event.filename
                return found
            if isinstance(event, Field):
                name, text = event.name, b""
            elif isinstance(event, Data):
                text, size = text + event.data, size + len(event.data)
                if size > FIELD_BYTES:
                    raise Refused(_ODD)
                found[name] = text.decode("utf-8", "replace")
        raise Refused(_ODD)

    def read(self, most: int) -> bytes:
        """The file's next bytes, b"" at its end. BrokenOff."""
        while self._more:
            event = self._next()
            if isinstance(event, Data):
                self._more = event.more_data
                if event.data:
                    return bytes(event.data)
        return b""

    def drain(self) -> None:
        """Reads to the end: a browser that is still sending does not see an answer."""
        while self._read(CHUNK):
            pass

    def _next(self) -> Event:
        while isinstance(event := self._event(), NeedData):
            data = self._read(CHUNK)
            self._ended = not data
            self._decoder.receive_data(bytes(data) or None)
        return event

    def _event(self) -> Event:
        try:
            return self._decoder.next_event()
        except (ValueError, HTTPException) as error:
            raise BrokenOff(str(error)) if self._ended else Refused(_ODD) from error
