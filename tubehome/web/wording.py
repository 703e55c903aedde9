"""Sentences that a page and its live updates both say."""

from __future__ import annotations

from tubehome.base import i18n
from tubehome.base.i18n import Seconds, mark
from tubehome.library.processing import Processing
from tubehome.pages.progress import Progress

_FAILED = mark("The preparation of this video has stopped.")
_READY = mark("Every size is ready.")
_LEFT = mark("{percent} % done, about {left} left.")
_ONLY_LEFT = mark("about {left} left")
_DONE = mark("{percent} % done.")
_PART = mark("{some} of {all} can be watched already.")
_BEGINS = mark("The preparation is about to begin.")
_FOLLOW = mark("More sizes will follow.")


def progress_words(progress: Progress, language: str) -> str:
    """How far it is, and how much can be watched; no time is promised before it can be."""
    words = _how_far(progress, language)
    if progress.available is None or progress.state in (Processing.READY, Processing.FAILED):
        return words
    part = {"some": Seconds(progress.available), "all": Seconds(progress.duration)}
    return f"{words} {i18n.translate(language, _PART, part)}"


def visitor_words(progress: Progress, language: str) -> str:
    """For somebody who came to watch: a percentage of what is left says nothing once all of the film is there."""
    if not progress.playable or progress.available is not None:
        return progress_words(progress, language)
    if progress.state == Processing.FAILED or not progress.sizes:
        return ""
    return i18n.translate(language, _FOLLOW)


def _how_far(progress: Progress, language: str) -> str:
    if progress.state == Processing.READY:
        return i18n.translate(language, _READY)
    if progress.state == Processing.FAILED:
        return i18n.translate(language, _FAILED)
    if progress.state == Processing.RECEIVED:
        return i18n.translate(language, _BEGINS)
    if progress.remaining is None:
        return i18n.translate(language, _DONE, {"percent": progress.percent})
    left = Seconds(_rounded(progress.remaining))
    return i18n.translate(language, _LEFT, {"percent": progress.percent, "left": left})


def remaining_words(progress: Progress, language: str) -> str:
    """« about 14 min left », or nothing when it cannot be said."""
    if progress.remaining is None:
        return ""
    return i18n.translate(language, _ONLY_LEFT, {"left": Seconds(_rounded(progress.remaining))})


def _rounded(seconds: float) -> float:
    """As precise as it can honestly be said: 10 s, then minutes, then five minutes."""
    grain = 10 if seconds < 60 else 60 if seconds < 1800 else 300
    return max(grain, round(seconds / grain) * grain)
