"""python-ffmpeg, behind our launcher and with its rough edges taken off.

Found in 2.0.12, each with a test: it decodes stderr strictly (one odd byte in a title ends the encode), keeps only
the last line of it, returns normally after a kill of its own, and has no way to set limits. So stderr is read
here, and the end of the process is read from the process.
"""

from __future__ import annotations

import re
import subprocess
from collections import deque
from collections.abc import Callable

import ffmpeg
from ffmpeg.utils import readlines

from tubehome.media._guard import Options, kill

_TIME = re.compile(r"time=(\d+):(\d\d):(\d\d(?:\.\d+)?)")


class Process(ffmpeg.FFmpeg):
    """One run of ffmpeg; `lines` holds the end of its stderr, without the lines that tell the progress."""

    _process: subprocess.Popen[bytes]

    def __init__(self, fence: list[str], progress: Callable[[float], None] | None) -> None:
        super().__init__(fence[0])
        self._fence = fence
        self._progress = progress
        self.lines: deque[str] = deque(maxlen=1000)

    @property
    def arguments(self) -> list[str]:
        """The command line: the launcher and its limits come before ffmpeg's own options."""
        return [*self._fence, *self._options.build()]

    def say(self, *flags: str) -> None:
        for flag in flags:
            self.option(flag)

    def set(self, **options: str | int) -> None:
        for key, value in options.items():
            self.option(key, value)

    def read(self, path: str, options: Options) -> None:
        self.input(path, dict(options))

    def write(self, path: str, options: Options) -> None:
        self.output(path, dict(options))

    def execute_all(self) -> bytes:
        """Runs to the end, however it ends; what was written to stdout. `code` tells how."""
        try:
            return bytes(self.execute())
        except ffmpeg.FFmpegError:
            return b""

    @property
    def code(self) -> int:
        return int(self._process.returncode)

    def kill(self) -> None:
        if hasattr(self, "_process"):
            kill(self._process)

    def _handle_stderr(self) -> str:
        assert self._process.stderr is not None  # noqa: S101  (for the type checker)
        with self._process.stderr as stderr:
            for line in readlines(stderr):
                self._hear(line.decode(errors="replace"))
        return self.lines[-1] if self.lines else ""

    def _hear(self, line: str) -> None:
        if not line.startswith(("frame=", "size=")):
            self.lines.append(line)
            return
        done = _TIME.search(line)
        if done and self._progress:
            self._progress(int(done[1]) * 3600 + int(done[2]) * 60 + float(done[3]))
