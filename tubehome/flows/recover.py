"""The password is lost, and a printed code is at hand: the code is used up and a new password set, both or neither."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.owner import devices, login, recovery
from tubehome.site import Site


def recover(site: Site, code: str, password: str, device: str = "") -> None:
    """Ends every session. Refused for a wrong code or password; TooMany in a pause, as at the door."""
    login.check_new_password(password)
    owner = login.the_owner()
    if owner is None:
        raise Refused("This site has no owner yet.")
    counted = devices.find(device) or owner
    login.count_attempt(counted)
    with site.db.atomic():
        recovery.use(code)
        login.set_password(owner, password)
    login.forgive(counted)
