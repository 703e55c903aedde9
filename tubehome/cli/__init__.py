"""The command line: one file a command, loaded when it is called.

Rules: stdout carries results alone (addresses, JSON), progress and sentences go to stderr; exit 0 done,
1 the machine's fault, 2 refused. Commands work on the data folder directly, server running or not.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from tubehome.base.errors import Refused
from tubehome.cli.clickwords import speak
from tubehome.cli.frame import LANGUAGE, _, options, say_error

COMMANDS = {  # name: (module, short help); here, so that --help loads none of them
    "serve": ("serve", _("Run the site: web and worker together.")),
    "web": ("web", _("Run the web part alone.")),
    "worker": ("worker", _("Run the worker alone.")),
    "init": ("init", _("Prepare a data folder, without a browser.")),
    "owner": ("owner", _("The owner: set-up link, password.")),
    "publish": ("publish", _("Publish video files.")),
    "plan": ("plan", _("Say what would be made of a file.")),
    "videos": ("videos", _("List videos; show, retry, delete or undelete one.")),
    "token": ("token", _("Tokens: keys for programs that upload.")),
    "config": ("config", _("Print the configuration in force.")),
}


class Lazy(click.Group):
    """Loads a command's module when it is called, not to print the list."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"tubehome.cli.{COMMANDS[name][0]}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(_("Commands")):
            formatter.write_dl([(name, short) for name, (_module, short) in COMMANDS.items()])


@click.group(cls=Lazy, help=_("Your own video site, on a machine of your own."))
@click.version_option(
    package_name=None, version=import_module("tubehome").__version__, prog_name="tubehome", help=_("Print the version.")
)
@options
def group() -> None:
    """The top; its options may also follow the command."""


def main(arguments: list[str] | None = None) -> None:
    """Runs a command and ends the process with its exit code; no traceback reaches a person."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    speak(LANGUAGE)
    try:
        result = group.main(arguments, prog_name="tubehome", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as shown:
        click.echo(shown.format_message())
        return 0
    except click.ClickException as error:
        click.echo(error.format_message(), err=True)
        return 2
    except UnicodeEncodeError:
        return say_error(Refused("What was typed is not text (UTF-8): write it again."))
    except (click.Abort, KeyboardInterrupt):
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
    except Exception as error:  # noqa: BLE001 - the one place that turns anything into a sentence
        return say_error(error)
    return result if isinstance(result, int) else 0


__all__ = ["LANGUAGE", "main", "run"]
