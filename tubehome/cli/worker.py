"""tubehome worker: the worker alone, for those who run two units."""

from __future__ import annotations

import click

from tubehome.cli.frame import _, options, where


@click.command("worker", help=_("Run the worker alone."))
@options
def command() -> int:
    from tubehome import boot, worker
    from tubehome.cli import journal, libc
    from tubehome.cli.serve import debugging

    libc.few_arenas()
    journal.to_stderr(debugging())
    site, held = boot.open_site(where(), may_migrate=True)
    with held:
        return worker.run(site, patience=1.0)
