"""An upload is announced: what is said of it is checked now, not after hours of sending."""

from __future__ import annotations

from tubehome.base.errors import Refused
from tubehome.flows import edit
from tubehome.library import queries
from tubehome.site import Site
from tubehome.uploads import desk
from tubehome.uploads.models import Upload

CHECKED = ("title", "description", "channel", "visibility", "language")  # what may be said of an upload


def announce(site: Site, said: desk.Said) -> Upload:
    """The new upload. Invalid names what cannot be kept; Refused, TooLarge, NoRoom as the desk says."""
    edit.check({name: getattr(said, name) for name in CHECKED if getattr(said, name)})
    if not queries.channels():
        raise Refused(
            "This site is not set up yet: use the link that the server printed, or « tubehome init --owner NAME »."
        )
    return desk.announce(site, said)
