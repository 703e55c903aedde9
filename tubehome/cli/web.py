"""tubehome web: the web part alone, for those who run two units."""

from __future__ import annotations

import click

from tubehome.cli.frame import _, options
from tubehome.cli.serve import at_address, at_the_door, debugging, greeting, tell_address


@click.command("web", help=_("Run the web part alone."))
@at_address
@options
def command(host: str | None, port: int | None) -> int:
    """gunicorn watches its own serving process; this process is gunicorn's parent of it."""
    from tubehome import wsgi
    from tubehome.cli import libc

    with at_the_door(host, port) as (site, listener, _alone):
        tell_address(site, listener)
        lines = greeting(site, listener, announce=False)

        def ready() -> None:
            while lines:  # once: a restarted serving process says nothing
                click.echo(lines.pop(0))

        return wsgi.run(site, listener, after_fork=libc.die_with, ready=ready, debug=debugging())
