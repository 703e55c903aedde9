"""What players are told of a video: its lists, written from the rows, and that it can be played.

Rows come first, then the lists, then « playable »: so no list names a byte that a kill could take back. What a kill
left unsaid is said by the next step (`show` at its start), as a list that lags is only a little old.
"""

from __future__ import annotations

import json
from pathlib import Path

from tubehome.flows import steps
from tubehome.flows.publish import dated
from tubehome.library.models import Rendition, Video
from tubehome.library.processing import Processing, move
from tubehome.media import growing, hls
from tubehome.media.plan import Plan
from tubehome.site import Site
from tubehome.store import files

MASTER, DIGESTS, LIST = "master.m3u8", "segments-sha256.json", ".m3u8"


def show(site: Site, video: Video, plan: Plan) -> None:
    """Writes what has changed of the lists; moves the video to PLAYABLE once something can be played."""
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
    known = {row.file for row in Rendition.select(Rendition.file).where(Rendition.video == video)}
    kept = known | {name.removesuffix(hls.SUFFIX) + LIST for name in known} | {MASTER}
    public = site.files.public(video.uuid)
    for path in (*public.glob(f"*{hls.SUFFIX}"), *public.glob(f"*{LIST}")):
        if path.name not in kept:
            path.unlink(missing_ok=True)
