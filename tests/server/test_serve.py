"""One parent, web and worker: start, deaths, stop. Real processes, killed for real."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def served(house: Any, kit: SimpleNamespace) -> Any:
    house.serve()
    return house


def left_in_run(house: Any) -> list[str]:
    return sorted(f.name for f in (house.folder / "run").iterdir())


def nothing_remains(house: Any) -> None:
    assert house.processes() == []
    assert left_in_run(house) == []


def test_ready_means_that_it_answers(served: Any, kit: SimpleNamespace) -> None:
    assert kit.answers(served.url)
    assert (served.folder / "run" / "address").read_text().strip() == served.url
    assert (served.folder / "run" / "doorbell").is_socket()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_stops_within_five_seconds_and_leaves_nothing(served: Any, kit: SimpleNamespace, how: signal.Signals) -> None:
    kit.seed(served.folder, {kit.FILM: 50_000_000})
    with kit.slow_readers(served.url, kit.path(kit.FILM), 5) as readers:  # they do not delay it
        assert all(reader.recv(12) for reader in readers)
        server = served.server
        assert served.stop(how) < 5
    assert server.returncode == 0
    nothing_remains(served)


def test_a_ctrl_c_in_the_terminal_is_one_stop(served: Any) -> None:
    """The terminal signals the whole group that it started; our parts are not in it."""
    os.killpg(served.server.pid, signal.SIGINT)
    assert served.stop(signal.SIGINT) < 5
    nothing_remains(served)
    assert served.log() == ""


def test_a_killed_web_comes_back_alone(served: Any, kit: SimpleNamespace) -> None:
    for victim in ("serving", "arbiter"):
        before = kit.family(served.server.pid)
        os.kill(getattr(before, victim), signal.SIGKILL)
        kit.wait_for(lambda before=before: not kit.alive(before.serving))
        kit.wait_for(lambda: kit.answers(served.url))
        after = kit.family(served.server.pid)
        assert after.worker == before.worker
        assert after.serving != before.serving
    assert (served.folder / "run" / "address").exists()
    assert served.stop() < 5
    nothing_remains(served)


def test_a_killed_worker_comes_back_alone(served: Any, kit: SimpleNamespace) -> None:
    before = kit.family(served.server.pid)
    os.kill(before.worker, signal.SIGKILL)
    kit.wait_for(lambda: not kit.alive(before.worker))
    after = kit.family(served.server.pid)
    assert (after.arbiter, after.serving) == (before.arbiter, before.serving)
    assert kit.answers(served.url)


def test_nothing_outlives_a_killed_parent(served: Any, kit: SimpleNamespace) -> None:
    os.kill(served.server.pid, signal.SIGKILL)
    kit.wait_for(lambda: not [pid for pid in served.processes() if kit.alive(pid)], 5)
    served.stop()
    assert "doorbell" not in left_in_run(served)
    assert "address" not in left_in_run(served)
    served.serve()  # the same folder, at once
    assert kit.answers(served.url)


def test_a_start_right_after_a_kill_of_the_parent(served: Any, kit: SimpleNamespace) -> None:
    """The port and the locks are still held by what is just ending: it waits instead of complaining."""
    port = served.url.rpartition(":")[2]
    os.kill(served.server.pid, signal.SIGKILL)
    served.stop()
    assert served.serve("--port", port).endswith(port)
    assert kit.answers(served.url)
    kit.family(served.server.pid)


def test_all_killed_at_once(served: Any, kit: SimpleNamespace) -> None:
    them = kit.family(served.server.pid)
    for pid in (them.parent, them.arbiter, them.serving, them.worker):
        os.kill(pid, signal.SIGKILL)
    served.stop()
    kit.wait_for(lambda: served.processes() == [])
    served.serve()
    assert kit.answers(served.url)
    assert served.stop() < 5
    nothing_remains(served)


def test_two_instances_side_by_side(make_house: Callable[[str], Any], kit: SimpleNamespace) -> None:
    one, two = make_house("one").init(), make_house("two").init()
    one.serve()
    two.serve()
    kit.seed(one.folder, {"master.m3u8": b"one"})
    assert kit.ask(one.url, kit.path("master.m3u8")).body == b"one"
    assert kit.ask(two.url, kit.path("master.m3u8")).status == 404
    one.stop()
    assert kit.answers(two.url)


def test_a_busy_port_is_one_sentence(house: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        said = f"Port {port} is used by another program: stop it, or choose another port with --port.\n"
        for part in ("serve", "web"):
            done = house.run(part, "--port", port, check=1)
            assert (done.stdout, done.stderr) == ("", said)
    nothing_remains(house)


def test_a_folder_is_served_once(served: Any) -> None:
    for arguments in (["serve", "--port", "0"], ["web", "--port", "0"]):
        assert f"is served already, at {served.url}" in served.run(*arguments, check=1).stderr
    assert "A worker runs already" in served.run("worker", check=1).stderr


def test_no_address_of_this_machine(house: Any) -> None:
    for host in ("203.0.113.9", "no such host"):
        assert "is not an address of this machine" in house.run("serve", "--host", host, "--port", "0", check=2).stderr


def test_no_folder(make_house: Callable[[str], Any]) -> None:
    house = make_house("nowhere")
    for part in (["serve"], ["web"], ["worker"]):
        done = house.run(*part, check=2)
        assert len(done.stderr.splitlines()) == 1
        assert "tubehome init" in done.stderr
    assert not house.folder.exists()


def test_the_set_up_link(make_house: Callable[[str], Any], kit: SimpleNamespace) -> None:
    house = make_house("new")
    house.run("init", check=0)
    for _ in range(2):  # a fresh one at each start: only its hash is kept
        house.serve("--announce", "--host", "0.0.0.0")
        lines = []
        while not (found := re.match(r"  (http\S+)(/setup/\S+)$", lines[-1] if lines else "")):
            lines.append(house.server.stdout.readline().rstrip("\n"))
        assert kit.ask(house.url, found[2]).status == 200
        house.stop()
    house.serve(INVOCATION_ID="x")  # a journal is no place for it
    house.server.send_signal(signal.SIGTERM)
    assert "/setup/" not in house.server.stdout.read()


def test_a_site_with_an_owner_prints_no_link(served: Any) -> None:
    served.server.send_signal(signal.SIGTERM)
    assert served.server.stdout.read() == ""


def test_web_and_worker_alone(house: Any, kit: SimpleNamespace) -> None:
    def start(part: str, *more: str) -> subprocess.Popen[str]:
        command = [*_command(), part, "--data", str(house.folder), *more]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=house.env)

    with start("web", "--port", "0") as web, start("worker") as worker:
        assert web.stdout is not None
        assert kit.answers(web.stdout.readline().split()[1])
        kit.wait_for(lambda: (house.folder / "run" / "doorbell").exists())
        began = time.monotonic()
        for part in (worker, web):
            part.terminate()
            assert part.communicate(timeout=5) == ("", "")
            assert part.returncode == 0
        assert time.monotonic() - began < 5
    nothing_remains(house)


def _command() -> list[str]:
    return [sys.executable, "-c", "from tubehome.cli import main; main()"]


def test_a_client_that_trickles_its_head_loses_its_thread(
    make_house: Callable[[str], Any], kit: SimpleNamespace
) -> None:
    """Every thread is taken by such clients; after the deadline all are free again."""
    house = make_house("trickled").init()
    (house.folder / "config.toml").write_text("[server]\nthreads = 8\n")
    url = house.serve()
    port = int(url.rpartition(":")[2])
    tricklers = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    began = time.monotonic()
    for one in tricklers:
        one.sendall(b"GET / HTTP/1.1\r\nX-")
    assert kit.ask(url, "/healthz").status == 200
    waited = time.monotonic() - began
    assert 5 < waited < 20
    for one in tricklers:
        one.close()


def test_a_site_that_cannot_start_gives_up(house: Any) -> None:
    """Without the session key there is no web; after a few tries serve says so and ends."""
    (house.folder / "secret.key").unlink()
    done = house.run("serve", "--port", "0", check=1)
    assert done.stdout == ""
    assert "secret.key" in done.stderr
    assert "ended (exit 3); it is started again." in done.stderr
    nothing_remains(house)


def test_who_takes_nothing_gives_the_thread_back(make_house: Callable[[str], Any], kit: SimpleNamespace) -> None:
    house = make_house("stalled").init()
    (house.folder / "config.toml").write_text("[server]\nthreads = 8\n")
    kit.seed(house.folder, {kit.FILM: 100_000_000})
    url, path = house.serve(), kit.path(kit.FILM)
    with kit.slow_readers(url, path, 7) as readers:
        assert all(reader.recv(12) == b"HTTP/1.1 200" for reader in readers)
        assert kit.ask(url, path, Range="bytes=0-999999").status == 503
        kit.wait_for(lambda: kit.ask(url, path, Range="bytes=0-999999").status == 206, 40)
    assert "Traceback" not in house.log()


def test_the_bell_wakes_the_worker(served: Any, kit: SimpleNamespace) -> None:
    """A message rung from another process is taken at once, not at the next nap."""
    queue = served.folder / "queue.db"
    kit.wait_for(lambda: _waiting(queue) == 0)
    time.sleep(1)
    ringing = (
        "import sys; from tubehome import boot; from tubehome.jobs import Job;"
        "site, held = boot.open_site(boot.locate(sys.argv[1], None), may_migrate=False); site.jobs.later(Job.SWEEP)"
    )
    subprocess.run([_command()[0], "-c", ringing, str(served.folder)], check=True, env=served.env, timeout=20)
    kit.wait_for(lambda: _waiting(queue) == 0, 2)


def _waiting(queue: Path) -> int:
    connection = sqlite3.connect(queue)
    try:
        return int(connection.execute("SELECT COUNT(*) FROM task").fetchone()[0])
    except sqlite3.OperationalError:
        return -1
    finally:
        connection.close()


def test_what_a_kill_loses_the_sweep_heals(house: Any, short_clip: Path) -> None:
    """The worker is killed in the middle, its messages are thrown away; the next start finishes the film."""
    house.serve()
    address = house.run("publish", short_clip, check=0).stdout.strip()
    assert address
    house.stop(signal.SIGKILL)
    for _ in range(100):
        if not house.processes():
            break
        time.sleep(0.05)
    connection = sqlite3.connect(house.folder / "queue.db")
    connection.execute("DELETE FROM task")
    connection.commit()
    connection.close()
    house.serve()
    house.wait_ready(house.videos()[0]["uuid"])


def test_stops_within_five_seconds_while_ffmpeg_runs(house: Any, clip: Callable[..., Path]) -> None:
    film = clip("long.mp4", *"-f lavfi -i testsrc2=s=1280x720:r=30:d=60 -c:v libx264 -preset ultrafast -crf 40".split())
    house.serve()
    house.run("publish", film, check=0)
    deadline = time.monotonic() + 20
    while not any(b"ffmpeg" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in house.processes()):
        assert time.monotonic() < deadline, house.log()
        time.sleep(0.05)
    assert house.stop(signal.SIGINT) < 5
    nothing_remains(house)
    states = {v["processing"] for v in house.videos()}
    assert states <= {"received", "preparing", "playable", "out"}  # a copied picture is there at once; never ready
