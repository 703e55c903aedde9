"""Thumbnails: a picture that shows something, in a few sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tubehome.base.errors import ToolFailed
from tubehome.media._guard import Options
from tubehome.media.encode import picture_chain
from tubehome.media.ffmpeg import CLEAN, Failed, Input, Job, Output, Tools, run
from tubehome.media.plan import Plan

SIZES = (320, 640, 1280)  # widths in pixels
FORMATS: dict[str, Options] = {
    "webp": {"c:v": "libwebp", "quality": 80, "f": "webp"},
    "jpg": {"c:v": "mjpeg", "q:v": 4, "f": "mjpeg"},
}
PIXELS = {"webp": "yuv420p", "jpg": "yuvj420p"}
CANDIDATES = 3  # pictures that the owner may choose from
LOOKS = 9  # moments of the film that we look at
WIDE, HIGH = 64, 36  # size at which we look
GOOD = 0.3  # a score that needs no second round
PIXELS_LOOKED_AT = WIDE * HIGH


@dataclass(frozen=True)
class Image:
    """A file that was written; sizes in pixels and bytes."""

    file: str
    width: int
    height: int
    size: int


@dataclass(frozen=True)
class Look:
    """Three grey pictures, half a second apart; the middle one is the candidate. `at` in seconds, `frame` of 0–2."""

    at: float
    exact: bool  # the moment itself, not the keyframe before it
    frame: int
    before: bytes
    shown: bytes
    after: bytes


def thumbnails(source: Path, plan: Plan, folder: Path, tools: Tools) -> tuple[Image, ...]:
    """The best of a few pictures of the film, as `thumbnail-<width>.webp` and `.jpg` in `folder`.

    Never wider than the film, at least one size. A film that is dark throughout gives its least dark picture.
    """
    return thumbnails_of(source, plan, looked_at(source, plan, tools)[0], folder, tools)


def looked_at(source: Path, plan: Plan, tools: Tools) -> list[Look]:
    """Moments of the film that can be shown, the best first. ToolFailed when there is none."""
    looks: list[Look] = []
    # Keyframes first, which is cheap. Where they are rare all may be the same black one: then the exact moments.
    for exact in (False, True):
        found = (_look(source, plan, at, exact, tools) for at in moments(plan.duration))
        looks += [look for look in found if look]
        if any(score(look) >= GOOD for look in looks):
            break
    if not looks:
        raise ToolFailed("No picture of this video could be taken as its thumbnail.")
    return sorted(looks, key=lambda look: (-score(look), look.at))


def candidates(source: Path, plan: Plan, looks: Sequence[Look], folder: Path, tools: Tools) -> tuple[str, ...]:
    """Up to three different moments, as `candidate-<n>.jpg` in `folder`, in the order of the film; their names."""
    chosen: list[Look] = []
    for look in looks:
        if len(chosen) < CANDIDATES and all(_differ(look, other) for other in chosen):
            chosen.append(look)
    names = []
    width, height = _size(plan, min(SIZES[-1], plan.width))
    for number, look in enumerate(sorted(chosen, key=lambda each: each.at), 1):
        graph = f"[0:V:0]{_taken(plan)},trim=start_frame={look.frame}:end_frame={look.frame + 1},setpts=0,"
        graph += f"{picture_chain(plan, width, height, PIXELS['jpg'])}[o]"
        name = f"candidate-{number}.jpg"
        options = {"map": "[o]", "frames:v": 1, "fps_mode": "passthrough", **CLEAN, **FORMATS["jpg"]}
        job = Job([_input(source, look.at, look.exact)], [Output(folder / name, options)], 60, graph)
        run(job, tools.with_progress(None))
        if (folder / name).exists() and (folder / name).stat().st_size:
            names.append(name)
    return tuple(names)


def _differ(one: Look, two: Look) -> bool:
    return abs(one.at - two.at) > 1 and one.shown != two.shown


def frame(source: Path, at: float, out: Path, tools: Tools) -> None:
    """The picture that a rendition shows at a moment (seconds from its beginning), as one JPEG in its own size.

    ToolFailed when there is none: the moment lies beyond the end.
    """
    given = Input(source, {"ss": f"{at:.3f}"} if at > 0 else {})
    options = {"map": "0:V:0", "frames:v": 1, **CLEAN, **FORMATS["jpg"], "pix_fmt": PIXELS["jpg"]}
    run(Job([given], [Output(out, options)], 60), tools.with_progress(None))
    if not out.exists() or not out.stat().st_size:
        raise ToolFailed("There is no picture of this video at that moment.")


def shapes(width: int, height: int) -> tuple[tuple[int, int], ...]:
    """The sizes (width, height) of the thumbnails of a film of this shape, the smallest first."""
    wide = [each for each in SIZES if each <= width] or [max(2, width - width % 2)]
    return tuple((each, max(2, 2 * round(height * each / width / 2))) for each in wide)


def moments(duration: float) -> list[float]:
    """Where to look, in seconds: spread over the film, away from its ends, and at its very beginning."""
    looks = min(LOOKS, int(duration))
    return [0.0, *(round(duration * (n + 0.5) / looks, 3) for n in range(looks))]


def score(look: Look) -> float:
    """How well a picture serves: bright and contrasted, and not on its way from one picture to another."""
    mean, spread = _moments_of(look.shown)
    light = min(1.0, mean / 60, (255 - mean) / 40)
    contrast = min(1.0, spread / 45)
    drift = sum(abs(_moments_of(other)[0] - mean) for other in (look.before, look.after))
    steady = math.exp(-drift / 12) * (1 - 0.9 * evenness(look))
    # The last term orders what is hopeless: of black pictures, the least black.
    return light * contrast * steady + 1e-4 * min(mean, 255 - mean) + 1e-4 * spread


def evenness(look: Look) -> float:
    """How much the picture lies halfway between its neighbours, 0 to 1: a fade or a dissolve does, motion does not."""
    change = sum(abs(a - b) for a, b in zip(look.before, look.after, strict=True)) / PIXELS_LOOKED_AT
    if change < 4:
        return 0.0  # nothing moves
    pairs = zip(look.before, look.shown, look.after, strict=True)
    off = sum(abs(2 * b - a - c) for a, b, c in pairs) / PIXELS_LOOKED_AT
    return max(0.0, 1 - off / change)


def _moments_of(grey: bytes) -> tuple[float, float]:
    """Mean and standard deviation of a grey picture, 0 to 255."""
    mean = sum(grey) / len(grey)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in grey) / len(grey))


def _look(source: Path, plan: Plan, at: float, exact: bool, tools: Tools) -> Look | None:
    """Looks at a moment, or the keyframe before it, and a second on. None when nothing can be decoded there."""
    graph = f"[0:V:0]{_taken(plan)},scale={WIDE}:{HIGH}:flags=area,format=gray[v]"
    output = Output(
        "pipe:1", {"map": "[v]", "frames:v": 3, "fps_mode": "passthrough", "f": "rawvideo", "c:v": "rawvideo"}
    )
    try:
        seen = run(Job([_input(source, at, exact)], [output], 60, graph), tools.with_progress(None)).stdout
    except Failed:
        return None
    frames = [seen[n : n + PIXELS_LOOKED_AT] for n in range(0, len(seen) - PIXELS_LOOKED_AT + 1, PIXELS_LOOKED_AT)]
    if not frames:
        return None
    middle = 1 if len(frames) > 1 else 0
    return Look(at, exact, middle, frames[0], frames[middle], frames[-1])


def _input(source: Path, at: float, exact: bool) -> Input:
    seek: Options = {"ss": f"{at:.3f}"} if at else {}
    return Input(source, seek if exact or not at else {"noaccurate_seek": None, **seek})


def _taken(plan: Plan) -> str:
    """The picture where we stand, and one each half second from there (`fps` gives none of a very short film)."""
    chosen = r"select=isnan(prev_selected_t)+gte(t-prev_selected_t\,0.499)"
    return ("bwdif=mode=send_frame," if plan.interlaced else "") + chosen


def thumbnails_of(source: Path, plan: Plan, best: Look, folder: Path, tools: Tools) -> tuple[Image, ...]:
    """One moment, in every size and format."""
    sizes = [_size(plan, width) for width in SIZES if width <= plan.width] or [_size(plan, plan.width)]
    wanted = [(width, height, kind) for width, height in sizes for kind in FORMATS]
    names = [f"thumbnail-{width}.{kind}" for width, _, kind in wanted]
    graph = f"[0:V:0]{_taken(plan)},trim=start_frame={best.frame}:end_frame={best.frame + 1},setpts=0"
    graph += f",split={len(wanted)}"
    graph += "".join(f"[s{n}]" for n in range(len(wanted)))
    graph += "".join(
        f";[s{n}]{picture_chain(plan, width, height, PIXELS[kind])}[o{n}]"
        for n, (width, height, kind) in enumerate(wanted)
    )
    outputs = [
        Output(folder / name, {"map": f"[o{n}]", "frames:v": 1, "fps_mode": "passthrough", **CLEAN, **FORMATS[kind]})
        for n, (name, (_, _, kind)) in enumerate(zip(names, wanted, strict=True))
    ]
    run(Job([_input(source, best.at, best.exact)], outputs, 60, graph), tools.with_progress(None))
    images = [Image(name, w, h, (folder / name).stat().st_size) for name, (w, h, _) in zip(names, wanted, strict=True)]
    if not all(image.size for image in images):
        raise ToolFailed("No picture of this video could be taken as its thumbnail.", cause=str(images))
    return tuple(images)


def _size(plan: Plan, width: int) -> tuple[int, int]:
    """Width and height in whole pixels, both even."""
    width = max(2, width - width % 2)
    return width, max(2, 2 * round(plan.height * width / plan.width / 2))
