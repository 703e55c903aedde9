"""What players are told of a video: its lists, written from the rows, and that it can be played.

Rows come first, then the lists, then « playable »: so no list names a byte that a kill could take back. What a kill
left unsaid is said by the next step (`show` at its start), as a list that lags is only a little old.

The worker's threads write lists, and the web when the owner has enough: one at a time, who reads the rows only then.
Whoever wants both this lock and the database's takes this one first.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tubehome.base.errors import Interrupted
from tubehome.base.i18n import mark
from tubehome.flows import steps
from tubehome.flows.publish import dated
from tubehome.library.models import Rendition, Video
from tubehome.library.processing import Processing, move
from tubehome.media import growing, hls
from tubehome.media.plan import Plan
from tubehome.site import Site
from tubehome.store import files, lock

MASTER, DIGESTS, LIST = "master.m3u8", "segments-sha256.json", ".m3u8"
WAIT_SECONDS = 60.0  # more than any disk needs for a few small files
BUSY = mark("The lists of this video are being written: try again in a moment.")


@contextmanager
def listing(site: Site, video: Video) -> Iterator[None]:
    """Nobody else writes into the public folder of the video meanwhile. Interrupted when somebody does for a minute."""
    held = lock.wait(site.files.run / f"lists-{video.id}", exclusive=True, seconds=WAIT_SECONDS)
    if held is None:
        raise Interrupted(BUSY)
    try:
        yield
    finally:
        held.release(remove=True)


def show(site: Site, video: Video, plan: Plan) -> None:
    """Writes what has changed of the lists; moves the video to PLAYABLE once something can be played."""
    with listing(site, video):
        write_lists(site, video, plan)


def write_lists(site: Site, video: Video, plan: Plan) -> None:
    """For who is `listing`."""
    made = renditions(video, plan)
    if not made:
        return
    public = site.files.public(video.uuid)
    _write(public / DIGESTS, json.dumps(hls.sha256_list(made)))  # first: each piece that a list names has its digest
    for each in made:
        _write(public / hls.playlist_name(each), hls.media_playlist(each))
    _write(public / MASTER, hls.master_playlist(made))  # last: it names the others
    with site.db.atomic():
        if move(video.id, Processing.PREPARING, Processing.PLAYABLE):
            dated(video.id, at=Processing.PLAYABLE)


def renditions(video: Video, plan: Plan) -> list[hls.Rendition]:
    """Every size that can be played, whole or growing, as its rows say."""
    added = None
    found = []
    for row in Rendition.select().where(Rendition.video == video).order_by(Rendition.height.desc()):
        if row.final:
            found.append(hls.Rendition.from_json(row.details))
            continue
        added = steps.appended(video) if added is None else added
        pieces = [each[row.height] for each in added if row.height in each]
        if pieces:
            found.append(growing.rendition(pieces, plan, plan.rung(row.height), row.file, final=False))
    return found


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text("utf-8") != text:
        files.write(path, text)


def forget_strays(site: Site, video: Video) -> None:
    """Takes away the films and lists that no row speaks of: work given up while it went on, or done anew."""
    with listing(site, video):
        known = {row.file for row in Rendition.select(Rendition.file).where(Rendition.video == video)}
        kept = known | {name.removesuffix(hls.SUFFIX) + LIST for name in known} | {MASTER}
        public = site.files.public(video.uuid)
        for path in (*public.glob(f"*{hls.SUFFIX}"), *public.glob(f"*{LIST}")):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def tidy(site: Site, video: Video) -> None:
    """Of a video that is ready: nothing is left of the work on it."""
    forget_strays(site, video)
    files.empty(site.files.work(video.uuid))
