"""The owner appears: name, password, site name and a first channel, at once or not at all."""

from __future__ import annotations

from tubehome import settings
from tubehome.base import clock, text
from tubehome.base.errors import Refused
from tubehome.library.models import Channel
from tubehome.owner import login, setup
from tubehome.owner.models import Owner
from tubehome.site import Site


def set_up(
    site: Site,
    *,
    name: str,
    password: str | None,
    token: str | None = None,
    site_name: str | None = None,
    channel: str | None = None,
    language: str | None = None,
) -> Owner:
    """Makes the owner, by a set-up link (`token`) or by `tubehome init` (no token).

    `channel` is the first channel's name as typed; left out it is `<owner>_channel`. Raises Refused with the
    sentence for what is wrong; then nothing was made and the link is still good.
    """
    if password is not None:
        login.check_new_password(password)
    hashed = None if password is None else login.hash_password(password)  # slow: not inside the transaction
    with site.db.atomic():
        if token is not None:
            setup.use_link(token)
        owner = setup.create(name, hashed)
        _first_channel(owner, channel)
        chosen = {"site_name": text.clean_line(site_name or ""), "language": language}
        settings.change(**{k: v for k, v in chosen.items() if v})
    return owner


def _first_channel(owner: Owner, typed: str | None) -> None:
    title = text.clean_line(typed or "") or owner.name
    name = text.handle(typed or "") or f"{owner.name}_channel"
    setup.check_name(name)
    if name == owner.name:
        raise Refused(
            "The channel needs another name than the owner, {name}: they share one space of names.", name=name
        )
    Channel.create(name=name, title=title, created_at=clock.timestamp())
