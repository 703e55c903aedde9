"""The owner, who lost the password, sets a new one by a one-time link."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.owner import login, setup
from tubehome.owner.models import Owner
from tubehome.site import Site


def new_password(site: Site, *, token: str, password: str) -> Owner:
    """Uses the link up and ends every session; the owner. Refused or Gone when it cannot be."""
    login.check_new_password(password)
    with site.db.atomic():
        setup.use_link(token)
        owner = login.the_owner()
        if owner is None:
            raise Refused("This site has no owner yet.")
        login.set_password(owner, password)
        return Owner.get_by_id(owner.id)
