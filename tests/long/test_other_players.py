"""Players that are no browser, on a film that is still being encoded: from its start, back, and on to its end.

mpv and VLC are tried where they are installed (Debian: mpv, vlc-bin, vlc-plugin-base).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.long]
SECONDS = 250
# Too few keyframes to be copied; ranges of a minute follow a short one.
FILM = (
    f"-f lavfi -i testsrc2=s=1280x720:r=25:d={SECONDS} -f lavfi -i sine=f=330:d={SECONDS}"
    " -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 1000 -c:a aac"
).split()


class Growing:
    """A film of which one range is there, and more comes when it is let go on."""

    def __init__(self, house: Any, drill: Any, film: Path) -> None:
        self.house, self.drill = house, drill
        (house.folder / "config.toml").write_text("[media]\njobs = 1\nheights = [480]\n")
        house.serve()
        self.uuid = drill.uuid_of(house.run("publish", film, check=0).stdout)
        drill.wait_for(lambda: drill.ask(house.url, f"/media/{self.uuid}/master.m3u8").status == 200, 60, "a start")
        self.hold(True)
        assert 0 < self.listed() < SECONDS / 2

    def hold(self, still: bool) -> None:
        with self.drill.database(self.house.folder) as connection:
            connection.execute("UPDATE video SET held_at = ?", (time.time() if still else None,))
            connection.commit()
        if not still:
            self.drill.ring(self.house)
        else:
            running = "SELECT COUNT(*) AS n FROM step WHERE state = 'running'"
            self.drill.wait_for(lambda: not self.drill.rows(self.house.folder, running)[0]["n"], 90, "a pause")

    @property
    def address(self) -> str:
        return f"{self.house.url}/media/{self.uuid}/master.m3u8"

    def listed(self) -> float:
        """Seconds that are in the list of its size."""
        master = self.drill.ask(self.house.url, f"/media/{self.uuid}/master.m3u8").text
        name = next(line for line in master.splitlines() if line.endswith(".m3u8"))
        text = self.drill.ask(self.house.url, f"/media/{self.uuid}/{name}").text
        return sum(float(line[8:].rstrip(",")) for line in text.splitlines() if line.startswith("#EXTINF:"))


@pytest.fixture
def growing(house: Any, drill: Any, clip: Callable[..., Path]) -> Growing:
    return Growing(house, drill, clip("other-players.mp4", *FILM))


def run(*command: object, seconds: float = 240, **more: Any) -> str:
    """What it said; a program that does not end by itself fails the test."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, errors="replace", timeout=seconds,
                          check=False, stdin=subprocess.DEVNULL, **more)  # fmt: skip
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-1500:]
    return done.stdout + done.stderr


def test_ffprobe_begins_at_the_beginning(growing: Growing) -> None:
    packets = ["-show_entries", "packet=pts_time", "-select_streams", "v", "-read_intervals", "%+#1", "-of", "json"]
    told = json.loads(run("ffprobe", "-v", "error", *packets, growing.address, seconds=30).split("\n[")[0])
    assert float(told["packets"][0]["pts_time"]) < 2


def test_ffplay_plays_to_the_end_while_it_grows(growing: Growing, note: Callable[[str], None]) -> None:
    quiet = {**os.environ, "SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"}
    growing.hold(False)
    fast = ["-vf", "setpts=PTS/20", "-an", "-sync", "video"]
    said = run("ffplay", "-v", "info", "-nostats", "-autoexit", *fast, growing.address, env=quiet)
    note(f"ffplay: {said.splitlines()[0][:60] if said else ''}")
    assert growing.listed() == pytest.approx(SECONDS, abs=0.5)


@pytest.mark.skipif(shutil.which("mpv") is None, reason="mpv is not installed")
def test_mpv_plays_seeks_back_and_ends(growing: Growing, note: Callable[[str], None], tmp_path: Path) -> None:
    script = tmp_path / "seek.lua"
    script.write_text(MPV)
    log = tmp_path / "times"
    growing.hold(False)
    run("mpv", "--no-config", "--vo=null", "--ao=null", "--speed=20", "--untimed=no", f"--script={script}",
        f"--script-opts=seek-log={log}", growing.address)  # fmt: skip
    times = [float(line) for line in log.read_text().split()]
    note(f"mpv: began at {times[0]:.1f}, back to {min(times[5:]):.1f}, ended at {times[-1]:.1f}")
    assert times[0] < 4
    back = next(n for n, (a, b) in enumerate(pairwise(times)) if b < a - 10)
    assert times[back + 1] < 8
    assert times[-1] > SECONDS - 15


MPV = """
local log = io.open(require('mp.options') and mp.get_opt('seek-log'), 'w')
local sought = false
mp.observe_property('time-pos', 'number', function(_, at)
  if not at then return end
  log:write(at, '\\n'); log:flush()
  if at > 40 and not sought then sought = true; mp.commandv('seek', '2', 'absolute') end
end)
"""


@pytest.mark.skipif(shutil.which("cvlc") is None, reason="VLC is not installed")
def test_vlc_plays_and_ends(growing: Growing, note: Callable[[str], None], tmp_path: Path) -> None:
    growing.hold(False)
    somebody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    out = Path("/tmp") / f"tubehome-vlc-{os.getpid()}.ts"
    chain = f"#std{{access=file,mux=ts,dst={out}}}"
    try:
        run("cvlc", "-I", "dummy", "--play-and-exit", "--no-sout-all", f"--sout={chain}", growing.address, "vlc://quit",
            seconds=SECONDS + 120, env={**os.environ, "HOME": "/tmp"}, **somebody)  # fmt: skip
        shown = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(out)]
        kept = float(subprocess.run(shown, capture_output=True, text=True, check=True).stdout)
    finally:
        out.unlink(missing_ok=True)
    note(f"VLC: took {kept:.1f} s of {SECONDS} from the growing list")
    assert kept > SECONDS - 15


@pytest.mark.skipif(shutil.which("cvlc") is None, reason="VLC is not installed")
def test_vlc_seeks_back(growing: Growing, note: Callable[[str], None], tmp_path: Path) -> None:
    growing.hold(False)
    somebody = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    command = ["cvlc", "-I", "oldrc", "--rc-fake-tty", "--vout=dummy", "--aout=adummy", "--rate=4", growing.address]
    said = tmp_path / "said"
    with said.open("w") as out, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, text=True, bufsize=1,
        env={**os.environ, "HOME": "/tmp"}, **somebody,
    ) as vlc:  # fmt: skip
        assert vlc.stdin is not None

        def at() -> int:
            """Seconds."""
            vlc.stdin.write("get_time\n")  # type: ignore[union-attr]
            time.sleep(0.3)
            numbers = [line.strip("> ") for line in said.read_text(errors="replace").splitlines()]
            return next((int(line) for line in reversed(numbers) if line.isdigit()), 0)

        try:
            first = growing.drill.wait_for(at, 60, "its start")
            growing.drill.wait_for(lambda: at() > 30, 120, "half a minute")
            before = at()
            vlc.stdin.write("seek 2\n")
            growing.drill.wait_for(lambda: 0 < at() < before - 10, 20, "being back")
            back = at()
            growing.drill.wait_for(lambda: at() > back + 5, 60, "going on from there")
        finally:
            vlc.kill()
    note(f"VLC: began at {first}, from {before} back to {back}, and went on; the list grew to {growing.listed():.0f} s")
    assert first < 8
    assert back < before - 10
