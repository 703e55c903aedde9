"""tubehome token: keys for programs that upload."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

import click

from tubehome.base import clock
from tubehome.base.errors import Refused
from tubehome.cli.frame import _, opened, options, say


@click.group("token", help=_("Tokens: keys for programs that upload."))
@options
def command() -> None:
    """A group: create, list, revoke."""


@command.command("create", help=_("Make a token and print it, alone; it is shown only now."))
@click.argument("name")
@click.option(
    "--expires", metavar="D", help=_("The day after which it is refused (2027-01-31), or after so long (30d).")
)
@options
def create(name: str, expires: str | None) -> None:
    from tubehome.owner import tokens

    until = None if expires is None else moment(expires)
    with opened():
        click.echo(tokens.create(name, until))


@command.command("list", help=_("List the tokens: name, expiry, last use."))
@click.option("--json", "json_", is_flag=True, help=_("Print JSON."))
@options
def list_(json_: bool) -> None:
    from tubehome.owner import tokens

    with opened():
        found = tokens.tokens()
        if json_:
            click.echo(
                json.dumps(
                    [
                        {
                            "name": t.name,
                            "created": _iso(t.created_at),
                            "expires": _iso(t.expires_at),
                            "seen": _iso(t.seen_at),
                        }
                        for t in found
                    ],
                    ensure_ascii=False,
                )
            )
            return
        for token in found:
            never = _("never")
            expiry = _("expires: {day}").format(day=_day(token.expires_at) or never)
            used = _("last use: {day}").format(day=_day(token.seen_at) or never)
            click.echo(f"{token.name}\t{expiry}\t{used}")
        if not found:
            say(_("There is no token."))


@command.command("revoke", help=_("End a token: it is refused from now on."))
@click.argument("name")
@options
def revoke(name: str) -> None:
    from tubehome.owner import tokens

    with opened():
        tokens.revoke(name)
    say(_("The token is revoked."))


def moment(said: str) -> float:
    """Seconds since 1970: « 30d » from now, or the end of a day (2027-01-31) by this machine's clock."""
    days = re.fullmatch(r"([1-9][0-9]{0,4})d", said)
    if days:
        return clock.timestamp() + int(days[1]) * 86_400
    try:
        day = datetime.strptime(said, "%Y-%m-%d").astimezone()
    except ValueError as error:
        raise Refused("{said} is not a day: write it like 2027-01-31, or like 30d.", said=said[:40]) from error
    return (day + timedelta(days=1)).timestamp()


def _iso(at: float | None) -> str | None:
    return None if at is None else clock.from_timestamp(at).strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(at: float | None) -> str:
    return "" if at is None else clock.from_timestamp(at).astimezone().strftime("%Y-%m-%d")
