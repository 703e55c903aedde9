"""tubehome web: the web part alone, for those who run two units."""

from __future__ import annotations

import click

from tubehome.cli.frame import _, options, where


@click.command("web", help=_("Run the web part alone."))
@click.option("--host", metavar="HOST", help=_("The address to listen on; 0.0.0.0 for all (default: 127.0.0.1)."))
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", help=_("The port; 0: any free one (default: 8000).")
)
@options
def command(host: str | None, port: int | None) -> int:
    """gunicorn watches its own serving process; this process is gunicorn's parent of it."""
    from tubehome import boot, wsgi
    from tubehome.cli import journal, libc, listening
    from tubehome.cli.serve import debugging, greeting, take_address, tell_address

    place = listening.chosen(where(), host, port)
    boot.check_folder(place)
    libc.few_arenas()
    journal.to_stderr(debugging())
    alone, listener = take_address(place)
    try:
        site, held = boot.open_site(place, may_migrate=True)
        tell_address(site, listener)
        lines = greeting(site, listener, announce=False)

        def ready() -> None:
            while lines:  # once: a restarted serving process says nothing
                click.echo(lines.pop(0))

        with held:
            return wsgi.run(site, listener, after_fork=libc.die_with, ready=ready, debug=debugging())
    finally:
        place.files.address.unlink(missing_ok=True)
        alone.release(remove=True)
