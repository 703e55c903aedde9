"""tubehome publish: files in, watch addresses out."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from tubehome.base import text, urls
from tubehome.base.errors import Refused, TubehomeError, Unavailable
from tubehome.cli.frame import LANGUAGE, _, opened, options, say, say_error

if TYPE_CHECKING:
    from tubehome.flows.intake import Intake
    from tubehome.library.models import Video
    from tubehome.site import Site

LATER = ("internal", "password")
POLL_SECONDS = 0.4
WORKER_GRACE_SECONDS = 10.0  # a worker that died is restarted within this


@click.command(
    "publish", help=_("Publish video files: each is copied, checked and prepared. Prints one watch address a file.")
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--title", metavar="TITLE", help=_("The title (with one file only; default: from the file's name)."))
@click.option("--channel", metavar="NAME", help=_("The channel (default: the first one)."))
@click.option("--privacy", metavar="public|unlisted|private", help=_("Who may see it (default: the channel's)."))
@click.option("--password-file", type=click.Path(path_type=Path), metavar="FILE", help=_("Not available yet."))
@click.option("--language", metavar="fr", help=_("The language that is spoken in it."))
@click.option("--again", is_flag=True, help=_("Take a file though it is here already."))
@click.option("--wait", is_flag=True, help=_("Wait until it is ready; needs a running worker."))
@options
def command(
    files: tuple[Path, ...], title: str | None, channel: str | None, privacy: str | None, password_file: Path | None,
    language: str | None, again: bool, wait: bool,
) -> int:  # fmt: skip
    """Opens every file before anything else: root then becomes the folder's owner, who may not read them."""
    if privacy in LATER or password_file:
        raise Refused("Privacy « internal » and « password » are not available yet: use public, unlisted or private.")
    if title and len(files) > 1:
        raise Refused("--title goes with one file only.")
    from tubehome.flows.intake import Intake

    for number in (signal.SIGTERM, signal.SIGHUP):  # a closed terminal is a Ctrl-C: what was copied is taken away
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        sources, code = [], 0
        for path in files:
            try:
                sources.append((path, stack.enter_context(_open(path))))
            except TubehomeError as error:
                code = max(code, say_error(error))
        site = stack.enter_context(opened())
        made = []
        for path, source in sources:
            said = Intake(_shown(path), title or "", channel or "", privacy or "", language or "", again=again)
            try:
                made.append(_take(site, source, said))
            except TubehomeError as error:
                code = max(code, say_error(error))
        return max([code, *(_wait(site, video) for video in made)]) if wait else code


def _shown(path: Path) -> str:
    """The file's name as text: one that is not UTF-8 can be opened, but not stored."""
    return text.clean_line(os.fsencode(path.name).decode("utf-8", "replace"))


def _open(path: Path) -> BinaryIO:
    try:
        if not path.is_file():  # a pipe or a device would make us wait for ever
            path.stat()
            raise Refused("{name} is not a file: give the path of a video file.", name=str(path))
        return path.open("rb")
    except FileNotFoundError:
        raise Refused("There is no file {name}.", name=str(path)) from None
    except PermissionError:
        raise Refused("The file {name} may not be read by this user.", name=str(path)) from None


def _take(site: Site, source: BinaryIO, said: Intake) -> Video:
    from tubehome.flows import machine
    from tubehome.flows.intake import intake

    size = os.fstat(source.fileno()).st_size
    with click.progressbar(length=size, label=said.name, file=sys.stderr) as bar:
        video = intake(site, source, said, lambda done: bar.update(done - bar.pos), machine.tools(site))
    click.echo(urls.absolute(site.url, urls.watch(video.uuid)))
    return video


def _wait(site: Site, video: Video) -> int:
    """0 when it is ready, 1 when it failed or nobody works on it."""
    from tubehome.library.models import Video as Row
    from tubehome.library.processing import Processing
    from tubehome.pages.progress import progress
    from tubehome.store import lock

    alone_since = None if lock.is_held(site.files.worker_lock) else time.monotonic() - WORKER_GRACE_SECONDS
    told = False
    with click.progressbar(length=100, label=_("Preparing"), file=sys.stderr) as bar:
        while True:
            now = Row.get_or_none(Row.id == video.id)
            if now is None or now.removed:
                raise Refused("The video was deleted meanwhile.")
            if now.processing == Processing.READY:
                bar.update(100 - bar.pos)
                return 0
            if now.processing == Processing.FAILED:
                break
            state = progress(now)
            bar.update(state.percent - bar.pos)
            if state.waiting_for and not told:
                say("\n" + state.waiting_for.sentence(LANGUAGE))
            told = bool(state.waiting_for)
            alone_since = None if lock.is_held(site.files.worker_lock) else alone_since or time.monotonic()
            if alone_since is not None and time.monotonic() - alone_since >= WORKER_GRACE_SECONDS:
                raise Unavailable(
                    "No worker is running: start « tubehome serve »; the video is kept and will be prepared then."
                )
            time.sleep(POLL_SECONDS)
    return say_failure(now)


def say_failure(video: Video) -> int:
    from tubehome.base import ids
    from tubehome.library import queries

    error = next((s.error for s in queries.steps(video) if s.state == "failed" and s.error), None)
    if error:
        say(error.sentence(LANGUAGE))
    say(_("Its preparation failed; try again with « tubehome videos retry {id} ».", id=ids.shorten(video.uuid)))
    return 1
