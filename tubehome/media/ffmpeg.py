"""The only place that starts a program: ffmpeg (through python-ffmpeg) and ffprobe, both behind `launch`.

Every input is opened with the demuxers of `FORMATS` alone and a ceiling on pixels. Without them a playlist named
`x.mp4` makes Debian's ffmpeg read another file of this disk, and a small file can ask for gigabytes.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from tubehome.base.errors import Interrupted, NoRoom, ToolFailed, Unavailable
from tubehome.base.i18n import Bytes
from tubehome.media._guard import Option, Options, Watch, kill, watched

if TYPE_CHECKING:
    from tubehome.media._process import Process

LAUNCH = Path(__file__).with_name("launch")
FORMATS = "mov,matroska,mpegts,mpeg,avi,flv,asf,ogg,mp3,wav,flac,aac"
CLEAN: Options = {"map_metadata": -1, "map_chapters": -1, "bitexact": None}  # phones write where they were
ALONE = (("unshare", "--net", "--"), ("unshare", "--user", "--map-current-user", "--net", "--"))
TAIL = 20  # lines of a program's stderr that are kept with its failure


@dataclass(frozen=True)
class Tools:
    """Which programs, how much they may take, and how to stop and follow them."""

    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"
    nice: int = 10
    threads: int = 0  # of an encoder or decoder; 0: as many as there are cores, at most 8
    memory: int = 2_000_000_000  # address space, bytes
    max_pixels: int = 40_000_000  # of one picture
    stop: threading.Event | None = None  # set it: what runs ends within a second, and Interrupted is raised
    progress: Callable[[float], None] | None = None  # is told the seconds of output done, about twice a second

    def with_progress(self, progress: Callable[[float], None] | None) -> Tools:
        return replace(self, progress=progress)

    def thread_count(self, wanted: int = 0) -> int:
        """Threads to ask for: what is `wanted`, else ours, else the cores (at most 8: each costs memory)."""
        return wanted or self.threads or min(len(os.sched_getaffinity(0)), 8)


class Failed(ToolFailed):
    """A program ended badly by its own doing: more often the file's fault than the machine's. `code` as Popen's."""

    code: int = 1


class Killed(ToolFailed):
    """Somebody ended a program from outside: the system, for want of memory, or a person. The file is innocent."""


@dataclass(frozen=True)
class Input:
    """A file to read, with ffmpeg's options for it."""

    path: Path
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Output:
    """A file to write; no path: thrown away; `pipe:1`: kept in memory."""

    path: Path | str | None
    options: Options = field(default_factory=dict)


@dataclass(frozen=True)
class Job:
    """One run of ffmpeg. `seconds` of media bound its time, `max_bytes` any file that it writes."""

    inputs: Sequence[Input]
    outputs: Sequence[Output]
    seconds: float
    graph: str | None = None
    max_bytes: int = 100_000_000
    quiet: bool = True  # warnings and progress; else everything that ffmpeg has to say
    copy_timestamps: bool = False  # keep the clock of the inputs


@dataclass(frozen=True)
class Done:
    """What a run left in memory."""

    stdout: bytes
    lines: Sequence[str]  # of stderr, the last 1,000


def run(job: Job, tools: Tools) -> Done:
    """Runs ffmpeg to its end in the calling thread; Failed, ToolFailed, NoRoom, Unavailable or Interrupted."""
    from tubehome.media._process import Process  # python-ffmpeg is heavy (80 ms): loaded at first use

    go_on(tools)
    process = Process(fence(tools, tools.ffmpeg, job.seconds, job.max_bytes), tools.progress)
    process.say("hide_banner", "nostdin", "y")
    process.set(loglevel="warning" if job.quiet else "info")
    process.say("stats" if job.quiet else "nostats", *["copyts"] * job.copy_timestamps)
    for each in job.inputs:
        process.read(_absolute(each.path), {"threads": tools.thread_count(), **_guards(tools), **each.options})
    if job.graph:
        process.set(filter_complex=job.graph, filter_complex_threads=tools.thread_count())
    for sink in job.outputs:
        where = "-" if sink.path is None else sink.path if isinstance(sink.path, str) else _absolute(sink.path)
        process.write(where, {**sink.options, **({"f": "null"} if sink.path is None else {})})
    return _finish(process, job, tools)


def _finish(process: Process, job: Job, tools: Tools) -> Done:
    with watched(process.kill, tools.stop, wall_limit(job.seconds)) as watch:
        stdout = process.execute_all()
    raise_failure(process.code, process.lines, watch, tools, tools.ffmpeg)
    return Done(stdout, tuple(process.lines))


def ffprobe(path: Path, options: Sequence[str], seconds: float, tools: Tools) -> Iterator[str]:
    """Lines of ffprobe's stdout, as they come. Raises as `run` does, at the latest after the last line."""
    go_on(tools)
    guards = [part for key, value in _guards(tools).items() for part in (f"-{key}", str(value))]
    # `-o pipe:1`: else it writes packet by packet, which doubles what an hour of film costs
    shown = ["-v", "error", "-o", "pipe:1"]
    command = [*fence(tools, tools.ffprobe, seconds, 0), *shown, *guards, *options, "-i", _absolute(path)]
    tail: deque[str] = deque(maxlen=TAIL)
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None  # noqa: S101  (for the type checker)
        assert process.stderr is not None  # noqa: S101
        listener = threading.Thread(target=tail.extend, args=(process.stderr,), daemon=True)
        listener.start()
        try:
            with watched(lambda: kill(process), tools.stop, wall_limit(seconds)) as watch:
                yield from process.stdout
                process.wait()
        finally:
            kill(process)  # a reader that stopped early leaves nothing behind
            listener.join()
    raise_failure(process.returncode, [line.rstrip("\n") for line in tail], watch, tools, tools.ffprobe)


def version(tools: Tools) -> str:
    """The version of ffmpeg, as it calls itself; "" when it does not answer."""
    return _version(tools.ffmpeg)


@lru_cache
def _version(program: str) -> str:
    fenced = fence(Tools(), program, 10, 0)
    said = subprocess.run([*fenced, "-version"], capture_output=True, text=True, errors="replace", check=False)
    found = re.match(r"ffmpeg version (\S+)", said.stdout)
    return found[1] if found else ""


def go_on(tools: Tools) -> None:
    """Interrupted once we are asked to stop: nothing more is begun, as a short program is over before anyone looks."""
    if tools.stop is not None and tools.stop.is_set():
        raise _interrupted()


def _interrupted() -> Interrupted:
    return Interrupted("The work on this video was interrupted; it goes on at the next start.")


def fence(tools: Tools, program: str, seconds: float, max_bytes: int) -> list[str]:
    """The launcher's command line up to and including the program."""
    cpu = round(wall_limit(seconds) * 4)
    limits = map(str, (os.getpid(), tools.nice, cpu, tools.memory, max_bytes))
    return [*without_network(), str(LAUNCH), *limits, program]


@lru_cache
def without_network() -> tuple[str, ...]:
    """What gives a program a network of its own, with nothing in it; () where the system does not let us."""
    for way in ALONE:
        try:
            tried = subprocess.run(
                [*way, "true"], stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return ()
        if tried.returncode == 0:
            return way
    return ()


def wall_limit(seconds: float) -> float:
    """How long a program may take over so many seconds of media: a Raspberry Pi needs 20 s for one of 4K HEVC."""
    return 120 + 60 * max(0.0, seconds)


def raise_failure(code: int, lines: Iterable[str], watch: Watch, tools: Tools, program: str) -> None:
    """Nothing when all went well; else the error that fits, with the program's last lines as the cause."""
    if watch.stopped or (tools.stop is not None and tools.stop.is_set() and code != 0):
        raise _interrupted()
    if code == 0:
        return
    cause = "\n".join(list(lines)[-TAIL:]) or f"exit code {code}"
    if watch.late or code == -signal.SIGXCPU:
        raise ToolFailed("This video took far too long to work through, and was stopped.", cause=cause)
    if code in (126, 127):
        raise Unavailable("The program {program} cannot be started: install ffmpeg.", cause=cause, program=program)
    if "No space left on device" in cause:
        raise NoRoom("The disk is full: make room.", cause=cause)
    if "Cannot allocate memory" in cause or "malloc of size" in cause:
        raise Failed("This video needs more memory than {memory}.", cause=cause, memory=Bytes(tools.memory))
    if code == -signal.SIGXFSZ or "File too large" in cause:
        raise ToolFailed("A file made from this video grew beyond all expectation.", cause=cause)
    if code == -signal.SIGKILL:
        raise Killed("The system ended ffmpeg, often because memory is short: try again.", cause=cause)
    failure = Failed("ffmpeg could not work with this video.", cause=cause)
    failure.code = code
    raise failure


def _guards(tools: Tools) -> dict[str, Option]:
    return {"format_whitelist": FORMATS, "protocol_whitelist": "file,pipe", "max_pixels": tools.max_pixels}


def _absolute(path: Path) -> str:
    """Absolute, so that a name that begins with « - » or looks like a protocol is neither."""
    return os.path.abspath(path)
