"""An outline written by feedgen, as RSS 2.0 or Atom (RFC 4287). The one place that loads feedgen (10 MB with lxml).

feedgen 1.0.0, as found by running it: RSS `<link>` is the last `link()` call; entries are put first unless
told otherwise; every date left out is "now"; and an Atom entry's links lose `rel`, `type` and `length`, so
the enclosure of an Atom entry is written by the small extension below.
"""

from __future__ import annotations

from typing import Any

from tubehome.base import urls
from tubehome.feeds.entries import Entry, Outline, outline
from tubehome.site import Site

KINDS = {"xml": "application/rss+xml", "atom": "application/atom+xml"}


def feed(site: Site, kind: str, base: str, channel: str | None = None) -> bytes:
    """The feed of the site or of a channel. `kind` is a key of KINDS; `base` the site's address as the reader knows it.

    NotFound when there is no such channel.
    """
    told = outline(site, base, channel)
    made = _frame(told, kind, urls.absolute(base, urls.feed(kind, channel)))
    for entry in told.entries:
        _add(made, entry, kind)
    written: bytes = made.rss_str() if kind == "xml" else made.atom_str()
    return written


def _frame(told: Outline, kind: str, own: str) -> Any:
    from feedgen.feed import FeedGenerator

    made = FeedGenerator()
    made.id(told.id)
    made.title(told.title)
    made.link(href=own, rel="self", type=KINDS[kind])
    made.link(href=told.page, rel="alternate", type="text/html")  # last: RSS takes it for its own
    made.description(told.description)
    made.subtitle(told.description)
    made.language(told.language)
    made.author(name=told.title)
    made.generator("tubehome")
    made.updated(told.updated)
    made.lastBuildDate(told.updated)
    if kind == "xml":
        made.load_extension("podcast", atom=False)
    else:
        _load_enclosures(made)
    return made


def _add(made: Any, told: Entry, kind: str) -> None:
    entry = made.add_entry(order="append")
    entry.guid(told.id, permalink=False)
    entry.title(told.title)
    entry.link(href=told.address, rel="alternate")
    entry.published(told.published)
    entry.updated(told.updated)
    entry.author(name=told.author)
    if told.summary:
        entry.description(told.summary, isSummary=True)
    if told.content:
        entry.content(told.content, type="html")
    if kind == "atom":
        entry.enclosed.enclosure = told.enclosure
        return
    if told.enclosure:
        entry.enclosure(told.enclosure.address, str(told.enclosure.size), told.enclosure.kind)
    entry.podcast.itunes_duration(told.duration)
    entry.podcast.itunes_author(told.author)
    if told.picture:
        entry.podcast.itunes_image(told.picture)


def _load_enclosures(made: Any) -> None:
    from feedgen.ext.base import BaseEntryExtension, BaseExtension
    from feedgen.util import xml_elem

    class Enclosed(BaseEntryExtension):
        enclosure: Any = None

        def extend_atom(self, entry: Any) -> Any:
            if self.enclosure:
                xml_elem("link", entry, rel="enclosure", href=self.enclosure.address, type=self.enclosure.kind,
                         length=str(self.enclosure.size))  # fmt: skip
            return entry

    made.register_extension("enclosed", BaseExtension, Enclosed, atom=True, rss=False)
