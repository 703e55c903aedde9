"""The feeds of the site and of its channels: RSS and Atom, the newest announced videos.

Rules: only what `library.queries.for_feed` gives, so nothing before OUT, nothing that is not public. A feed
depends on the content alone, never on the clock: the same content gives the same bytes. An entry's id is
the video's own and outlives a change of address. One enclosure: the progressive file, with its true length.
"""

from tubehome.feeds.write import KINDS, feed

__all__ = ["KINDS", "feed"]
