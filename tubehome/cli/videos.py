"""tubehome videos: the list, and show, retry, skip, delete, undelete."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from tubehome.base import i18n, ids, urls
from tubehome.cli.frame import LANGUAGE, _, opened, options, say

if TYPE_CHECKING:
    from tubehome.library.models import Step, Video
    from tubehome.media.inside import Inside
    from tubehome.site import Site

as_json = click.option("--json", "json_", is_flag=True, help=_("Print JSON."))


@click.group(
    "videos",
    invoke_without_command=True,
    help=_("List videos; show, retry, skip, delete or undelete one (by uuid or short id)."),
)
@as_json
@options
@click.pass_context
def command(context: click.Context, json_: bool) -> None:
    """Without a subcommand: the list."""
    if context.invoked_subcommand:
        return
    from tubehome.library import queries

    with opened() as site:
        found = list(queries.all_videos())
        if json_:
            click.echo(json.dumps([_facts(site, v) for v in found], ensure_ascii=False, indent=1))
            return
        for video in found:
            state = _("in the bin") if video.removed else video.processing
            click.echo(f"{ids.shorten(video.uuid)}  {state:<10} {video.visibility:<9} {video.title}")
        if not found:
            say(_("There is no video yet: publish one with « tubehome publish FILE »."))


def _facts(site: Site, video: Video) -> dict[str, Any]:
    return {
        "uuid": video.uuid,
        "short": ids.shorten(video.uuid),
        "url": urls.absolute(site.url, urls.watch(video.uuid)),
        "title": video.title,
        "visibility": video.visibility,
        "processing": video.processing,
        "removed": video.removed,
    }


@command.command("show", help=_("Show one video and the steps of its preparation."))
@click.argument("video_id", metavar="ID")
@as_json
@click.option("--steps", "every", is_flag=True, help=_("A line for each step, also where many are alike."))
@options
def show(video_id: str, json_: bool, every: bool) -> None:
    from tubehome.flows.steps import inside_of
    from tubehome.library import queries

    with opened() as site:
        video = queries.video(video_id)
        steps = queries.steps(video)
        facts = _facts(site, video) | {
            "channel": video.channel.name,
            "duration": video.duration,
            "source": {"name": video.source_name, "size": video.source_size, "sha256": video.source_sha256},
            "renditions": [
                {"height": r.height, "size": r.size, "bandwidth": r.bandwidth} for r in queries.renditions(video)
            ],
            "steps": [_step(s) for s in steps],
        }
        held = inside_of(site, video)
        facts["inside"] = asdict(held) if held else None
        if json_:
            click.echo(json.dumps(facts, ensure_ascii=False, indent=1))
            return
        click.echo(f"{video.title}\n{facts['url']}")
        state, length = facts["removed"] or video.processing, i18n.duration(video.duration, LANGUAGE)
        click.echo(f"{video.channel.name} · {video.visibility} · {state} · {length}")
        click.echo(f"{video.source_name} · {i18n.size(video.source_size, LANGUAGE)} · {video.source_sha256}")
        for line in _inside(held) if held else ():
            click.echo(line)
        for line in _steps(steps, every):
            click.echo(line)


def _inside(held: Inside) -> Iterator[str]:
    if held.chapters:
        yield _("Chapters in the file: {n}", n=len(held.chapters))
    for track in held.tracks:
        name = " ".join(filter(None, (track.language, track.title))) or str(track.number + 1)
        if track.file:
            yield _("Subtitles in the file: {name}", name=name)
        else:
            why = i18n.translate(LANGUAGE, track.refusal)
            yield _("Subtitles in the file: {name}, left out: {why}", name=name, why=why)


def _steps(steps: Sequence[Step], every: bool) -> Iterator[str]:
    """A line for each; without `every`, those of a kind that have nothing to say share one."""
    alike = Counter((step.state, step.kind, step.height) for step in steps if not step.error)
    for step in steps:
        many = alike.pop((step.state, step.kind, step.height), 0) if not (step.error or every) else 1
        if many:
            said = _said(step) or (f"× {many}" if many > 1 else "")
            yield f"  {step.state:<8} {step.kind:<12} {step.height or '':<5} {said}".rstrip()
            yield from (f"           | {line}" for line in (step.detail or "").splitlines())


def _said(step: Step) -> str:
    return step.error.sentence(LANGUAGE) if step.error else ""


def _step(step: Step) -> dict[str, Any]:
    return {
        "kind": step.kind,
        "height": step.height,
        "state": step.state,
        "progress": step.progress,
        "attempts": step.attempts,
        "error": _said(step) or None,
        "detail": step.detail,
    }


@command.command("retry", help=_("Try a failed preparation again."))
@click.argument("video_id", metavar="ID")
@options
def retry(video_id: str) -> None:
    from tubehome.flows import retry as flow
    from tubehome.library import queries

    with opened() as site:
        flow.retry(site, queries.video(video_id))
    say(_("It will be tried again."))


@command.command("skip", help=_("Go on without the damaged parts of a video: black stands in their place."))
@click.argument("video_id", metavar="ID")
@options
def skip(video_id: str) -> None:
    from tubehome.flows import skip as flow
    from tubehome.library import queries

    with opened() as site:
        flow.skip(site, queries.video(video_id))
    say(_("The preparation goes on without what is damaged."))


@command.command("delete", help=_("Put a video in the bin: gone at once for everybody, kept for 30 days."))
@click.argument("video_id", metavar="ID")
@click.option("--now", is_flag=True, help=_("Erase it for good instead."))
@options
def delete(video_id: str, now: bool) -> None:
    from tubehome.flows.discard import discard
    from tubehome.flows.erase import erase
    from tubehome.library import queries

    with opened() as site:
        video = queries.video(video_id)
        if now:
            erase(site, video)
        else:
            discard(site, video)
        title = video.title
    say(
        _("« {title} » is erased.", title=title)
        if now
        else _("« {title} » is in the bin; « tubehome videos undelete » takes it back.", title=title)
    )


@command.command("undelete", help=_("Take a video back out of the bin."))
@click.argument("video_id", metavar="ID")
@options
def undelete(video_id: str) -> None:
    from tubehome.flows.undelete import undelete as flow
    from tubehome.library import queries

    with opened() as site:
        video = queries.video(video_id)
        flow(site, video)
        title = video.title
    say(_("« {title} » is back.", title=title))
