"""The steps of a video's preparation: which ones a plan needs, and what each one does.

A step's function works under the attempt's own temporary names, verifies, moves its files to their places,
and returns what its rows say; the pipeline commits that together with the step. Run twice, it gives the same.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tubehome.base.errors import Interrupted, Refused
from tubehome.base.i18n import mark
from tubehome.flows import machine
from tubehome.flows.outline import planned_steps
from tubehome.flows.workbench import Bench, Rows, range_file
from tubehome.jobs import rows as work_rows
from tubehome.library.kinds import (
    AHEAD,
    APPEND,
    FINISH,
    IMAGES,
    INSIDE,
    PLAN,
    PROGRESSIVE,
    RANGE,
    RELEASE,
    SOUND,
    STORYBOARD,
    TOP,
)
from tubehome.library.models import Channel, Picture, Rendition, Step, Video
from tubehome.media import growing, hls, images, inside, pictures, progressive, ranges, storyboard, top, whole
from tubehome.media import sound as sounds
from tubehome.media.ffmpeg import version
from tubehome.media.growing import Piece
from tubehome.media.plan import Plan, Rung, plan
from tubehome.media.probe import changing, probe
from tubehome.site import Site
from tubehome.store import files
from tubehome.uploads import sidecars

INSIDE_INDEX = "inside.json"
SHEET, SHEET_INDEX = "storyboard.jpg", "storyboard.vtt"
OWN = "own"  # as `Video.thumbnail`: a picture of the owner's
LOST = mark("A part of this video that was encoded is gone: it is encoded again.")
log = logging.getLogger(__name__)


def _plan(bench: Bench) -> Rows:
    """A plan of an older program is made anew."""
    return _planned_anew(bench, changes=False)


def _planned_anew(bench: Bench, *, changes: bool) -> Rows:
    """Another plan, and its steps in place of all others; `changes`: it cannot be copied. What can be watched stays."""
    original = bench.files.original(bench.video.uuid) or bench.source
    probed = probe(original, bench.tools)
    _, probed = machine.even_source(bench.site, bench.video.uuid, original, probed, bench.tools)
    made = plan(changing(probed) if changes else probed, machine.policy(bench.site))
    keep = machine.keeps_originals(bench.site, Channel.get_by_id(bench.video.channel_id))

    def rows() -> None:
        first, heights = made.rungs[0], [rung.height for rung in made.rungs]
        said = {"plan": made.to_json(), "duration": made.duration, "width": first.width_px, "height": first.height_px}
        Video.update(**said).where(Video.id == bench.video.id).execute()
        Step.delete().where(Step.video == bench.video, Step.id != bench.step.id).execute()
        Step.update(kind=PLAN, height=0, file="").where(Step.id == bench.step.id).execute()
        never = ~Rendition.final & Rendition.height.not_in(heights)
        Rendition.delete().where(Rendition.video == bench.video, never).execute()
        for step in planned_steps(made, bench.step.position + 1, keep=keep):
            Step.create(video=bench.video, **step)

    return rows


def _images(bench: Bench) -> Rows:
    """The picture, and those that the owner may choose instead. What was chosen by hand meanwhile stays."""
    folder = bench.part
    folder.mkdir()
    looks = images.looked_at(bench.source, bench.plan, bench.tools)
    others = bench.files.candidates(bench.video.uuid)
    others.mkdir(mode=0o700, exist_ok=True)
    for name in images.candidates(bench.source, bench.plan, looks, folder, bench.tools):
        files.settle(folder / name, others / name)
    if Video.get_by_id(bench.video.id).thumbnail:
        shutil.rmtree(folder)
        return _nothing
    given = _given_picture(bench, folder)
    made = given or images.thumbnails_of(bench.source, bench.plan, looks[0], folder, bench.tools)
    for image in made:
        files.settle(folder / image.file, bench.public / image.file)
    shutil.rmtree(folder)

    def rows() -> None:
        pictures_are(bench.video, made)
        if given:
            Video.update(thumbnail=OWN).where(Video.id == bench.video.id).execute()

    return rows


def _given_picture(bench: Bench, folder: Path) -> tuple[images.Image, ...]:
    """What was made of a picture that lay beside the film; nothing where there was none, or none that can be used."""
    kept = sorted(bench.files.kept(bench.video.uuid).glob("*"))
    source = next((path for path in kept if path.suffix.lower() in sidecars.PICTURES), None)
    if source is None:
        return ()
    try:
        shape = images.shapes(bench.plan.width, bench.plan.height)
        return pictures.redraw(source, shape, folder, "thumbnail", bench.tools)
    except Refused as error:  # that is no reason to keep the film from anybody
        log.warning("%s: %s", source.name, error)
        return ()


def pictures_are(video: Video, made: Sequence[images.Image]) -> None:
    """The rows of a video's picture, in the caller's transaction."""
    Picture.delete().where(Picture.video == video).execute()
    for image in made:
        Picture.create(video=video, file=image.file, width=image.width, height=image.height, size=image.size)


def _nothing() -> None:
    """A step whose whole result is a file."""


def _sound(bench: Bench) -> Rows:
    """All of it, or the beginning alone."""
    final = bench.sound
    assert final is not None  # noqa: S101 - for the type checker: a silent film has no such step
    sounds.make_sound(bench.source, bench.plan, bench.part, bench.tools, ahead=bench.step.kind == AHEAD)
    files.settle(sounds.index_of(bench.part), sounds.index_of(final))
    files.settle(bench.part, final)
    return _nothing


def _top(bench: Bench) -> Rows:
    """The source's own picture, whole: the first that can be played; if it cannot be copied after all, another plan."""
    _need_sound(bench)
    try:
        piece = top.copy_top(bench.source, bench.sound, bench.plan, bench.part, bench.tools)
    except top.Changes as error:
        log.info("%s is encoded: %s", bench.video.uuid, error.cause)
        bench.part.unlink()  # as large as the film
        return _planned_anew(bench, changes=True)
    files.settle(bench.part, bench.public / bench.step.file)
    made = growing.rendition([piece], bench.plan, bench.plan.rungs[0], bench.step.file, final=True)
    return lambda: rendition_is(bench.video, made)


def rendition_is(video: Video, made: hls.Rendition) -> None:
    """The row of a rendition, whole or growing, in the caller's transaction."""
    values = {
        "file": made.file,
        "width_px": made.width_px,
        "height_px": made.height_px,
        "size": made.size,
        "bandwidth": made.bandwidth,
        "details": made.to_json() if made.final else "",
        "final": made.final,
    }
    there = (Rendition.video == video) & (Rendition.height == made.height)
    if not Rendition.update(**values).where(there).execute():
        Rendition.create(video=video, height=made.height, **values)


def _range(bench: Bench) -> Rows:
    """A range at every size, for `append`. One that the owner gave up is black."""
    folder, span = bench.part, bench.span
    folder.mkdir()
    outs = {rung.height: folder / f"{rung.height}.mp4" for rung in bench.plan.encoded}
    if given_up(bench.step):
        found = ranges.fill_range(bench.source, bench.plan, span, outs, bench.tools)
    else:
        found = ranges.encode_range(bench.source, bench.plan, span, outs, bench.tools)
    told = {
        "frames": found.frames,
        "tool": version(bench.tools),
        "sha256": {str(height): files.sha256(path) for height, path in outs.items()},
        "given_up": given_up(bench.step),
    }
    for height, path in outs.items():
        files.settle(path, range_file(bench.work, span.number, height))
    folder.rmdir()
    return lambda: _says(bench.step, told)


def given_up(step: Step) -> bool:
    """Did the owner say to go on without this range?"""
    return bool(step.made and json.loads(step.made).get("given_up"))


def _says(step: Step, told: object) -> None:
    Step.update(made=json.dumps(told)).where(Step.id == step.id).execute()


def _append(bench: Bench) -> Rows:
    """A range joins what can be watched, at every size. What it joins is never changed again."""
    span, folder = bench.span, bench.part
    videos = {rung: range_file(bench.work, span.number, rung.height) for rung in bench.plan.encoded}
    _need_range(bench, videos)
    _need_sound(bench)
    folder.mkdir()
    earlier = appended(bench.video)
    added: dict[int, Piece] = {}
    grown: list[hls.Rendition] = []
    for rung, path in videos.items():
        before, name = [each[rung.height] for each in earlier], growing_file(bench.video, rung.height)
        piece = growing.append(path, bench.sound, bench.plan, span, before, bench.public / name, folder, bench.tools)
        added[rung.height] = piece
        grown.append(growing.rendition([*before, piece], bench.plan, rung, name, final=False))
    _need_range(bench, videos)  # still the same; what was appended lies beyond all rows, and is cut off otherwise
    shutil.rmtree(folder)
    for number in range(span.number):  # appended before, and committed
        for rung in bench.plan.encoded:
            range_file(bench.work, number, rung.height).unlink(missing_ok=True)

    def rows() -> None:
        _says(bench.step, {str(height): json.loads(piece.to_json()) for height, piece in added.items()})
        for made in grown:
            rendition_is(bench.video, made)

    return rows


def _need_range(bench: Bench, videos: Mapping[Rung, Path]) -> None:
    """The files that this plan's range made. One of an older plan may end late, and settle under the same name."""
    step = Step.get(Step.video == bench.video, Step.kind == RANGE, Step.number == bench.span.number)
    said = json.loads(step.made or "{}").get("sha256", {})
    if any(not path.exists() or files.sha256(path) != said.get(str(rung.height)) for rung, path in videos.items()):
        _make_again(bench, RANGE, bench.span.number)


def _need_sound(bench: Bench) -> None:
    sound = bench.sound
    if sound and not (sound.exists() and sounds.index_of(sound).exists()):
        _make_again(bench, AHEAD if bench.takes_ahead else SOUND)


def _make_again(bench: Bench, kind: str, number: int = 0) -> None:
    """What a step before this one made is gone (a restored backup), or is another's: back to it, without an attempt."""
    log.warning("%s (%s)", LOST, bench.video.uuid)
    same = (Step.video == bench.video) & (Step.kind == kind) & (Step.number == number)
    Step.update(state=work_rows.WAITING, progress=0, next_try=0).where(same).execute()
    raise Interrupted(LOST)


def appended(video: Video) -> list[dict[int, Piece]]:
    """What each range that was appended added to each size, in order."""
    done = (Step.video == video) & (Step.kind == APPEND) & (Step.state == work_rows.DONE)
    told = [json.loads(step.made) for step in Step.select(Step.made).where(done).order_by(Step.number)]
    return [{int(height): Piece.of(piece) for height, piece in each.items()} for each in told]


def pieces(video: Video, height: int) -> list[Piece]:
    return [each[height] for each in appended(video)]


def growing_file(video: Video, height: int) -> str:
    """The name of the file that ranges of this height are appended to."""
    finish = (Step.video == video) & (Step.kind == FINISH) & (Step.height == height)
    return str(Step.get(finish).file)


def _finish(bench: Bench) -> Rows:
    """All ranges are there: the rendition is whole, and its bandwidth is what was measured."""
    height = bench.step.height
    made = growing.rendition(
        pieces(bench.video, height), bench.plan, bench.plan.rung(height), bench.step.file, final=True
    )
    growing.verify_size(bench.public / made.file, made)
    return lambda: rendition_is(bench.video, made)


def _progressive(bench: Bench) -> Rows:
    height = bench.step.height
    source: str = Rendition.get(Rendition.video == bench.video, Rendition.height == height).file
    size = progressive.progressive(bench.public / source, bench.part, bench.tools)
    files.settle(bench.part, bench.public / bench.step.file)

    def rows() -> None:
        Video.update(progressive_height=height, progressive_size=size).where(Video.id == bench.video.id).execute()

    return rows


def _storyboard(bench: Bench) -> Rows:
    """From the smallest size, which is the cheapest to look through."""
    made = Rendition.select().where(Rendition.video == bench.video).order_by(Rendition.height).get()
    shape, length = (made.width_px, made.height_px), bench.plan.duration
    sheet = storyboard.storyboard(bench.public / made.file, length, shape, bench.part, bench.tools)
    files.settle(bench.part, bench.public / SHEET)
    files.write(bench.public / SHEET_INDEX, storyboard.webvtt(sheet, length, SHEET))
    return lambda: _says(bench.step, storyboard.peertube(sheet, SHEET))


def _inside(bench: Bench) -> Rows:
    """Chapters and subtitles of the original, for who shows them."""
    original = bench.files.original(bench.video.uuid) or bench.source
    zero = 0.0 if bench.plan.drawn else bench.plan.start
    bench.part.mkdir()
    found = inside.look_inside(original, zero, bench.plan.duration, bench.part, bench.tools)
    kept = bench.files.kept(bench.video.uuid)
    kept.mkdir(mode=0o700, exist_ok=True)
    for track in found.tracks:
        if track.file:
            files.settle(bench.part / track.file, kept / track.file)
    files.write(kept / INSIDE_INDEX, found.to_json(), 0o600)
    shutil.rmtree(bench.part)
    return _nothing


def inside_of(site: Site, video: Video) -> inside.Inside | None:
    """What was found in the file; None when there was nothing, or nobody has looked yet."""
    path = site.files.kept(video.uuid) / INSIDE_INDEX
    return inside.Inside.from_json(path.read_text()) if path.is_file() else None


def _release(bench: Bench) -> Rows:
    """Everything is seen to be whole, then the original goes. A kill in between: it is gone, and nothing is left to do.

    It stays when the owner wants that by now, and when a part was left out: another program may read it one day.
    """
    original = bench.files.original(bench.video.uuid)
    if original is None or not _may_go(bench):
        return _nothing
    finished = Rendition.select().where(Rendition.video == bench.video)
    for made in (hls.Rendition.from_json(row.details) for row in finished):
        whole.verify_bytes(bench.public / made.file, made)
        whole.verify_pictures(bench.public / made.file, made, bench.plan.sound, bench.tools)
    video = Video.get_by_id(bench.video.id)
    whole.verify_size(bench.public / f"{video.progressive_height}p.mp4", video.progressive_size or -1)
    with bench.site.db.atomic():  # looking took long: who changes their mind does so before this, or after it
        if _may_go(bench):
            original.unlink()
            files.sync_folder(original.parent)
    return _nothing


def _may_go(bench: Bench) -> bool:
    """As things are now."""
    channel = Channel.get_by_id(Video.get_by_id(bench.video.id).channel_id)
    told = Step.select(Step.made).where(Step.video == bench.video, Step.kind == RANGE)
    return not machine.keeps_originals(bench.site, channel) and not any(map(given_up, told))


DO: dict[str, Callable[[Bench], Rows]] = {
    PLAN: _plan,
    IMAGES: _images,
    AHEAD: _sound,
    SOUND: _sound,
    TOP: _top,
    RANGE: _range,
    APPEND: _append,
    FINISH: _finish,
    PROGRESSIVE: _progressive,
    STORYBOARD: _storyboard,
    RELEASE: _release,
    INSIDE: _inside,
}


def seconds(plan: Plan, step: Step) -> float:
    """The seconds of film that a step works through."""
    if step.kind == AHEAD:
        return plan.ahead
    return float(plan.spans[step.number].frames / plan.rate) if step.kind in (RANGE, APPEND) else plan.duration
