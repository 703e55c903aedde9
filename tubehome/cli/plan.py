"""tubehome plan: what would be made of a file, without making it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tubehome.base import i18n
from tubehome.base.errors import Refused
from tubehome.cli.frame import LANGUAGE, _, opened, options, where

if TYPE_CHECKING:
    from tubehome.flows.foresee import Foreseen


@click.command("plan", help=_("Say what would be made of a video file, and how long it would take; nothing is made."))
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--json", "json_", is_flag=True, help=_("Print JSON."))
@options
def command(file: Path, json_: bool) -> int:
    """Works without a data folder too; with one, the time is what its last films took."""
    from tubehome.flows import foresee, machine
    from tubehome.library.speed import measured_speed

    if not file.is_file():
        raise Refused("There is no file {name}.", name=str(file))
    place = where()
    speed, room = None, place.files.trash if place.files.trash.is_dir() else None
    if place.files.database.exists():
        with opened():
            speed = measured_speed(machine.places(place.config))
    told = foresee.foresee(place.config, file, machine.tools_of(place.config), speed, room)
    if json_:
        click.echo(json.dumps(_facts(told), ensure_ascii=False, indent=1))
    else:
        click.echo("\n".join(_lines(told)))
    return 0


def _facts(told: Foreseen) -> dict[str, object]:
    made = told.plan
    return {
        "duration": made.duration,
        "rate": str(made.rate),
        "frames": made.frames,
        "sound": ("copied" if made.copy_sound else "encoded") if made.sound else None,
        "copied": told.copied or None,
        "drawn": told.plan.drawn or None,
        "why_not_copied": told.refusal or None,
        "renditions": [asdict(rung) for rung in made.rungs],
        "ranges": len(made.spans) if made.encoded else 0,
        "progressive": made.progressive,
        "seconds": round(told.seconds),
        "room": told.room,
    }


def _lines(told: Foreseen) -> list[str]:
    """« 1080p: copied; 720p, 480p: encoded, about 24 min on this machine »"""
    from tubehome.media.still import SAID

    parts = [_("{heights}: copied", heights=f"{told.copied}p")] if told.copied else []
    if told.encoded:
        heights = ", ".join(f"{height}p" for height in told.encoded)
        about = i18n.duration(told.seconds, LANGUAGE)
        parts.append(_("{heights}: encoded, about {time} on this machine", heights=heights, time=about))
    lines = ["; ".join(parts)]
    if told.plan.drawn:
        lines.append(i18n.translate(LANGUAGE, SAID[told.plan.drawn]))
    if told.refusal:
        lines.append(_("Not copied: {why}.", why=i18n.translate(LANGUAGE, told.refusal)))
    lines.append(_("Room at the worst moment: {size}.", size=i18n.size(told.room, LANGUAGE)))
    return lines
