"""tubehome config: the effective configuration."""

from __future__ import annotations

import click

from tubehome.base import config
from tubehome.cli.frame import _, options, where


@click.command("config", help=_("Print the configuration in force, secrets hidden."))
@click.option("--example", is_flag=True, help=_("Print every key with its help and its default instead."))
@options
def command(example: bool) -> None:
    """TOML on stdout."""
    if example:
        click.echo(config.example(), nl=False)
        return
    place = where()
    click.echo("# " + _("Data folder: {folder}", folder=str(place.files.root)))
    click.echo(config.effective(place.config), nl=False)
