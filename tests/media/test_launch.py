"""The launcher's fences, and what becomes of a program that fails, hangs, is killed or has to stop."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tubehome.base.errors import Interrupted, NoRoom, ToolFailed, Unavailable
from tubehome.media import _guard
from tubehome.media.ffmpeg import ALONE, LAUNCH, Failed, Input, Job, Output, Tools, ffprobe, run, without_network
from tubehome.media.plan import Policy, plan
from tubehome.media.probe import probe
from tubehome.media.ranges import encode_range

ROOM = 10_000_000_000
Make = Callable[..., Path]


def launched(*program: str, cpu: int = 60, memory: int = ROOM, size: int = ROOM) -> subprocess.CompletedProcess[str]:
    limits = map(str, (os.getpid(), 0, cpu, memory, size))
    command = [str(LAUNCH), *limits, *program]
    return subprocess.run(command, input="typed", capture_output=True, text=True, check=False, timeout=30)


def gone(pid: int, within: float) -> bool:
    """Whether a process ends in time (a zombie has ended)."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


def eventually(found: Callable[[], list[int]], within: float = 10) -> list[int]:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if pids := found():
            return pids
        time.sleep(0.05)
    raise AssertionError("nothing started")


def programs(marker: str) -> list[int]:
    """Processes that bear a word in their command line, the launcher's first lines not counted."""
    pids = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if marker.encode() in command and not command.startswith((b"/bin/sh", b"setsid", b"setpriv", b"unshare")):
            pids.append(int(entry.name))
    return [pid for pid in pids if pid != os.getpid()]


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[Callable[[str], Tools]]:
    """fake(script): tools whose ffmpeg and ffprobe are that shell script."""

    def made(script: str) -> Tools:
        path = tmp_path / "fake-ffmpeg"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return Tools(ffmpeg=str(path), ffprobe=str(path), nice=0)

    return made


def job(path: Path, seconds: float = 1) -> Job:
    return Job([Input(path)], [Output(None)], seconds)


def test_it_is_a_program_of_its_own() -> None:
    assert os.access(LAUNCH, os.X_OK)
    own = launched(sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid() == os.getpgid(0))")
    assert own.stdout == "True\n"
    assert launched("cat").stdout == "", "our standard input is not handed on"
    assert launched("sh", "-c", "exit 7").returncode == 7
    assert launched("echo", "a b", "$(c)", "").stdout == "a b $(c) \n"


def test_memory_ends() -> None:
    done = launched(sys.executable, "-c", "bytearray(400_000_000)", memory=300_000_000)
    assert done.returncode == 1
    assert "MemoryError" in done.stderr


@pytest.mark.slow
def test_processor_time_ends() -> None:
    assert launched("sh", "-c", "while :; do :; done", cpu=1).returncode == -signal.SIGXCPU


def test_files_end(tmp_path: Path) -> None:
    path = tmp_path / "grown"
    done = launched("dd", "if=/dev/zero", f"of={path}", "bs=100k", "count=50", size=1_000_000)
    assert done.returncode == -signal.SIGXFSZ
    assert path.stat().st_size <= 1_000_000


CALLS = """import socket
try:
    socket.create_connection(("127.0.0.1", {port}), 5)
    print("connected")
except OSError as error:
    print(error.errno)"""


def test_it_has_no_network() -> None:
    way = without_network()
    if not way:
        pytest.skip("this system does not let us")
    with socket.create_server(("127.0.0.1", 0)) as server:
        code = [sys.executable, "-c", CALLS.format(port=server.getsockname()[1])]
        alone = subprocess.run([*way, *code], capture_output=True, text=True, check=True)
        assert alone.stdout == f"{errno.ENETUNREACH}\n"
        assert subprocess.run(code, capture_output=True, text=True, check=True).stdout == "connected\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_nor_has_it_for_whoever_is_not_root() -> None:
    way = next(each for each in ALONE if "--user" in each)
    done = subprocess.run([*way, "cat", "/proc/net/route"], user=65534, group=65534, extra_groups=[],
                          capture_output=True, text=True, check=False)  # fmt: skip
    if done.returncode != 0:
        pytest.skip(f"this system does not let users have namespaces: {done.stderr}")
    assert len(done.stdout.splitlines()) <= 1, "the heading alone"


def test_programs_are_started_so(fake: Callable[[str], Tools], tmp_path: Path) -> None:
    if not without_network():
        pytest.skip("this system does not let us")
    tools = fake(f"ls /sys/class/net /proc/self/net >/dev/null; cat /proc/net/route > {tmp_path}/routes; exit 0")
    run(job(tmp_path), tools)
    assert len((tmp_path / "routes").read_text().splitlines()) <= 1, "the heading alone"


def test_without_leave_they_start_all_the_same(monkeypatch: pytest.MonkeyPatch, clip: Path, tools: Tools) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    without_network.cache_clear()
    try:
        assert without_network() == ()
        monkeypatch.undo()
        assert probe(clip, tools).picture
    finally:
        without_network.cache_clear()


def test_a_parent_that_has_gone_is_noticed() -> None:
    done = subprocess.run([LAUNCH, "1", "0", "9", str(ROOM), str(ROOM), "echo", "x"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (125, b"")


def test_a_child_dies_with_its_killed_parent() -> None:
    code = f"""if True:
        import os, subprocess, sys, time
        command = [{str(LAUNCH)!r}, str(os.getpid()), "0", "60", "{ROOM}", "{ROOM}", "sleep", "60.125"]
        print(subprocess.Popen(command).pid, flush=True)
        time.sleep(60)"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        eventually(lambda: [pid for pid in programs("60.125") if pid == child])
        parent.kill()
        assert gone(child, within=2)


@pytest.mark.slow
def test_an_encode_dies_with_its_killed_worker(make: Make, tmp_path: Path) -> None:
    source = long_film(make)
    out = tmp_path / "killed-with-its-worker.mp4"
    code = f"""if True:
        from pathlib import Path
        from tubehome.media.ffmpeg import *
        from tubehome.media.probe import probe
        from tubehome.media.plan import *
        from tubehome.media.ranges import encode_range
        source = Path({str(source)!r})
        planned = plan(probe(source, Tools()), Policy(preset="veryslow"))
        encode_range(source, planned, planned.spans[1], {{360: Path({str(out)!r})}}, Tools())"""
    worker = subprocess.Popen([sys.executable, "-c", code])
    pids = eventually(lambda: [pid for pid in programs(str(out)) if pid != worker.pid])
    worker.kill()
    worker.wait()
    assert all(gone(pid, within=2) for pid in pids)


def long_film(make: Make) -> Path:
    return make("long.mp4", "-f", "lavfi", "-i", "testsrc2=s=1280x720:d=30,noise=alls=40:allf=t", "-c:v", "libx264",
                "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-crf", "40")  # fmt: skip


@pytest.mark.slow
def test_stopping_is_quick_and_leaves_nothing(make: Make, tmp_path: Path) -> None:
    source, out, stop = long_film(make), tmp_path / "to-be-stopped.mp4", threading.Event()
    told: list[float] = []
    tools = Tools(stop=stop, progress=told.append)
    planned = plan(probe(source, Tools()), Policy(preset="veryslow"))
    asked: list[float] = []

    def ask() -> None:
        eventually(lambda: programs(str(out)))
        time.sleep(1.5)
        asked.append(time.monotonic())
        stop.set()

    thread = threading.Thread(target=ask)
    thread.start()
    with pytest.raises(Interrupted):
        encode_range(source, planned, planned.spans[1], {360: out}, tools)
    took = time.monotonic() - asked[0]
    thread.join()
    assert took < 1, "a second at most"
    assert programs(str(out)) == []
    assert told, "progress was told while it ran"
    assert told == sorted(told)
    with pytest.raises(Interrupted):
        probe(source, tools)  # nothing more is started in vain


def test_grandchildren_do_not_outlive_a_stop(fake: Callable[[str], Tools], tmp_path: Path) -> None:
    stop = threading.Event()
    tools = fake("sleep 61.5 & sleep 61.5")
    threading.Timer(0.5, stop.set).start()
    with pytest.raises(Interrupted):
        run(job(tmp_path), Tools(ffmpeg=tools.ffmpeg, stop=stop))
    deadline = time.monotonic() + 2
    while programs("61.5") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert programs("61.5") == []


def test_a_program_that_hangs_is_ended(
    fake: Callable[[str], Tools], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tubehome.media.ffmpeg.wall_limit", lambda seconds: 0.3)
    with pytest.raises(ToolFailed, match="far too long"):
        run(job(tmp_path), fake("exec sleep 60"))
    with pytest.raises(ToolFailed, match="far too long"):
        list(ffprobe(tmp_path, [], 1, fake("exec sleep 60")))


FAILURES = [
    ("echo odd >&2; printf 'tail \\377\\n' >&2; exit 3", Failed, "could not work"),
    ("echo 'x: No space left on device' >&2; exit 1", NoRoom, "disk is full"),
    ("echo 'Cannot allocate memory' >&2; exit 1", Failed, "more memory than 2 GB"),
    ("kill -9 $$", ToolFailed, "system ended"),
    ("kill -XFSZ $$", ToolFailed, "beyond all expectation"),
]


@pytest.mark.parametrize(("script", "error", "words"), FAILURES)
def test_a_failure_has_a_sentence_and_a_cause(
    script: str, error: type[Exception], words: str, fake: Callable[[str], Tools], tmp_path: Path
) -> None:
    for act in (lambda t: run(job(tmp_path), t), lambda t: list(ffprobe(tmp_path, [], 1, t))):
        with pytest.raises(error) as caught:
            act(fake(script))
        assert words in str(caught.value).replace("\N{NO-BREAK SPACE}", " ")
        assert caught.value.cause  # type: ignore[attr-defined]


def test_the_cause_is_the_last_lines_without_the_progress(fake: Callable[[str], Tools], tmp_path: Path) -> None:
    script = (
        "i=0; while [ $i -lt 40 ]; do echo line $i >&2; i=$((i+1)); done; printf 'frame= 1 time=00:00:01.50 \\r' >&2"
    )
    told: list[float] = []
    with pytest.raises(Failed) as caught:
        run(job(tmp_path), fake(script + "; printf 'odd \\377\\n' >&2; exit 3").with_progress(told.append))
    lines = (caught.value.cause or "").splitlines()
    assert lines == [f"line {n}" for n in range(21, 40)] + ["odd \N{REPLACEMENT CHARACTER}"]
    assert told == [1.5]


def test_a_missing_program_is_the_machines_fault(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no-such-ffmpeg"):
        run(job(tmp_path), Tools(ffmpeg="no-such-ffmpeg"))
    with pytest.raises(Unavailable, match="no-such-ffprobe"):
        list(ffprobe(tmp_path, [], 1, Tools(ffprobe="no-such-ffprobe")))


def test_every_input_is_guarded(fake: Callable[[str], Tools], tmp_path: Path) -> None:
    tools = fake('for each in "$@"; do printf "%s\\n" "$each"; done')
    twice = Job([Input(tmp_path), Input(tmp_path)], [Output("pipe:1")], 1)
    for said in (run(twice, tools).stdout.decode().split("\n"), [x.strip() for x in ffprobe(tmp_path, [], 1, tools)]):
        assert said.count("-format_whitelist") == said.count("-max_pixels") == said.count("-i")
        assert "-i" in said[said.index("-format_whitelist") :]
        assert "hls" not in said[said.index("-format_whitelist") + 1]


def test_a_reader_that_stops_early_leaves_nothing(fake: Callable[[str], Tools], tmp_path: Path) -> None:
    lines = ffprobe(tmp_path, [], 1, fake("echo one; exec sleep 62.5"))
    assert next(lines) == "one\n"
    lines.close()  # type: ignore[attr-defined]
    assert programs("62.5") == []


def test_killing_what_has_ended_is_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
        _guard.kill(process)
