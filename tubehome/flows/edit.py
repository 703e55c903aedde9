"""What is said of a video changes: each thing checked, all of it stored at once or not at all.

The one list of what may be said (`FIELDS`) is for the studio's autosave, for uploads while their bytes travel, and
for sidecars alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from tubehome.base import clock, text
from tubehome.base.errors import Refused, TubehomeError
from tubehome.library import access, queries
from tubehome.library.changes import changed
from tubehome.library.limits import DESCRIPTION_MAX, TAG_MAX, TAGS_MAX
from tubehome.library.models import Video
from tubehome.library.words import LICENCES
from tubehome.site import Site

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}")  # BCP 47, near enough


class Invalid(Refused):
    """Something said cannot be kept; `errors` has the sentence of each field."""

    def __init__(self, errors: Mapping[str, TubehomeError]) -> None:
        first = next(iter(errors.values()))
        super().__init__(first.text)
        self.values = first.values
        self.errors = dict(errors)


def title(said: str) -> str:
    line = text.clean_line(said)
    if not line:
        raise Refused("A video needs a title: a few words are enough.")
    if len(line) > text.TITLE_MAX:
        raise Refused(
            "This title is too long: {most} characters at most, it has {n}.", most=text.TITLE_MAX, n=len(line)
        )
    return line


def description(said: str) -> str:
    kept = text.clean_text(said)
    if len(kept) > DESCRIPTION_MAX:
        raise Refused(
            "This description is too long: {most} characters at most, it has {n}.", most=DESCRIPTION_MAX, n=len(kept)
        )
    return kept


def language(said: str) -> str:
    if said and not LANGUAGE_TAG.fullmatch(said):
        raise Refused("There is no language {name}: write it like fr, en or pt-BR.", name=said[:40])
    return said


def licence(said: str) -> str:
    if said and said not in LICENCES:
        raise Refused("There is no licence {name}.", name=said[:40])
    return said


def visibility(said: str) -> str:
    if said not in access.VISIBILITIES:
        raise Refused("There is no privacy {name}: choose public, unlisted or private.", name=said[:40])
    return said


def channel(said: str) -> int:
    """The id of the channel of this name."""
    found: int = queries.channel(said).id
    return found


def tags(said: object) -> str:
    """From a list, or from one text with commas; without doubles, as typed."""
    words = said.split(",") if isinstance(said, str) else said
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Refused("Tags are words with commas between them.")
    kept = {text.fold(word): word for word in (text.clean_line(word).lstrip("#") for word in words) if word}
    if len(kept) > TAGS_MAX:
        raise Refused("That is too many tags: {most} at most.", most=TAGS_MAX)
    long = next((word for word in kept.values() if len(word) > TAG_MAX), None)
    if long:
        raise Refused("The tag {name} is too long: {most} characters at most.", name=long[:TAG_MAX], most=TAG_MAX)
    return json.dumps(list(kept.values()), ensure_ascii=False)


FIELDS: dict[str, Callable[[Any], object]] = {
    "title": title,
    "description": description,
    "language": language,
    "licence": licence,
    "visibility": visibility,
    "channel": channel,
    "tags": tags,
}


def check(said: Mapping[str, Any]) -> dict[str, object]:
    """The values to store, by column. Invalid names every field that is wrong, at once."""
    kept: dict[str, object] = {}
    errors: dict[str, TubehomeError] = {}
    for name, value in said.items():
        if name not in FIELDS:
            raise ValueError(f"nothing can be said about {name}")
        try:
            if name != "tags" and not isinstance(value, str):
                raise Refused("This must be a text.")
            kept[name] = FIELDS[name](value)
        except TubehomeError as error:
            errors[name] = error
    if errors:
        raise Invalid(errors)
    return kept


class Conflict(Refused):
    """What is said of the video was changed elsewhere meanwhile; nothing was stored."""

    status = 409


def edit(site: Site, video: Video, said: Mapping[str, Any], since: float | None = None) -> Video:
    """The video as it then is. Invalid (and nothing stored) when a field is wrong.

    `since`: the `edited_at` that the change was begun on; Conflict when somebody was quicker with the same fields.
    """
    values = check(said)
    now = clock.timestamp()
    with site.db.atomic():
        fresh = Video.get_by_id(video.id)
        before = fresh.channel_id
        differing = {name: value for name, value in values.items() if _now(fresh, name) != value}
        if differing and since is not None and fresh.edited_at > since + 1e-6:
            raise Conflict(
                "This video was changed in another window meanwhile. What you wrote is still here, not saved."
            )
        if differing:
            Video.update(updated_at=now, edited_at=max(now, fresh.edited_at + 1e-3), **differing).where(
                Video.id == video.id
            ).execute()
            changed(before)
        after = Video.get_by_id(video.id)
        if after.channel_id != before:
            changed(after.channel_id)
    return queries.video(video.uuid)


def _now(video: Video, name: str) -> object:
    return video.channel_id if name == "channel" else getattr(video, name)
