"""tubehome owner: the set-up link, the password."""

from __future__ import annotations

import sys

import click

from tubehome.base import urls
from tubehome.base.errors import Refused
from tubehome.cli.frame import _, opened, options, say


@click.group("owner", help=_("The owner: set-up link, password."))
@options
def command() -> None:
    """A group: link, password."""


@command.command(
    "link", help=_("Print a one-time link that sets the owner's password; valid for 24 hours. Earlier links are void.")
)
@options
def link() -> None:
    from tubehome.owner import setup

    with opened() as site:
        click.echo(urls.absolute(site.url, urls.setup(setup.new_link())))


@command.command("password", help=_("Set a new password; every session ends."))
@click.option("--password-stdin", is_flag=True, help=_("Read the password from the first line of the input."))
@options
def password(password_stdin: bool) -> None:
    from tubehome.owner import login

    with opened():
        owner = login.the_owner()
        if owner is None:
            raise Refused("This site has no owner yet: run « tubehome owner link ».")
        if password_stdin or not sys.stdin.isatty():
            new = sys.stdin.readline().rstrip("\r\n")
        else:
            new = click.prompt(_("New password"), hide_input=True, confirmation_prompt=_("The same again"), err=True)
        login.set_password(owner, new)
    say(_("The password is set; every session has ended."))
