"""What every command shares: the language, the options, opening the site, saying an error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tubehome.base import i18n

if TYPE_CHECKING:
    from tubehome.boot import Where
    from tubehome.site import Site


def _language() -> str:
    """The terminal's language, when it is one of ours; French when it does not say."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        said = os.environ.get(name, "")[:2].lower()
        if said in i18n.LANGUAGES:
            return said
    return "en" if os.environ.get("LANG", "C")[:1] not in ("C", "P", "") else i18n.LANGUAGES[0]


LANGUAGE = _language()


def _(text: str, **values: i18n.Value) -> str:
    return i18n.translate(LANGUAGE, text, values)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--data, --config and --debug: before the command or after it."""
    # callbacks, not parameters: a command's function does not see them
    for names, kind, about in (
        (("--debug",), {"is_flag": True}, _("Show the traceback of an error.")),
        (("--config",), {"type": click.Path(readable=False), "metavar": "FILE"}, _("The machine's configuration.")),
        (("--data",), {"type": click.Path(readable=False), "metavar": "DIR"}, _("The data folder.")),
    ):
        command = click.option(*names, expose_value=False, is_eager=True, callback=_remember, help=about, **kind)(
            command
        )
    return command


def _remember(context: click.Context, option: click.Parameter, value: object) -> None:
    chosen = context.find_root().ensure_object(dict)
    if value:
        chosen[option.name] = value
        if option.name == "debug":
            _Debug.on = True


class _Debug:
    on = False


def where() -> Where:
    """The data folder and configuration that the options, the environment and the files name."""
    from tubehome import boot

    chosen = click.get_current_context().find_root().ensure_object(dict)
    return boot.locate(chosen.get("data"), chosen.get("config"))


@contextmanager
def opened() -> Iterator[Site]:
    """The site, for the length of a command; its lock is held and a connection is open."""
    from tubehome import boot

    site, held = boot.open_site(where(), may_migrate=False)
    with held, site.db.connection_context():
        yield site


def say(text: str) -> None:
    """A sentence for the person, on stderr."""
    click.echo(text, err=True)


def say_error(error: Exception) -> int:
    """One sentence on stderr, and the exit code."""
    from tubehome.base.errors import TubehomeError

    if _Debug.on:
        import traceback

        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, TubehomeError):
        say(error.sentence(LANGUAGE))
        return error.exit_code
    if isinstance(error, OSError) and error.errno:
        say(
            _(
                "The machine refused: {reason}.",
                reason=f"{error.strerror}{f' ({error.filename})' if error.filename else ''}",
            )
        )
        return 1
    say(
        _(
            "Something unexpected went wrong ({kind}); run the command again with --debug to see where.",
            kind=type(error).__name__,
        )
    )
    return 1
