"""What surrounds every page, as templates read it: the site, the languages, who looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from flask import g, request

from tubehome.base import text, urls
from tubehome.web import languages, security, sessions
from tubehome.web.engine import engine

RSS, ATOM = "application/rss+xml", "application/atom+xml"


@dataclass(frozen=True)
class Feed:
    """A feed that belongs to this page, for readers to find by themselves."""

    type: str
    title: str
    path: str


@dataclass(frozen=True)
class Chrome:
    name: str
    description: str
    accent: str
    about: bool  # is there a page about the site?
    footer_html: str  # safe
    support: str
    language: str
    main_language: str
    other_language: str
    other_path: str | None  # this page in the other language; None where there is no such page
    here: str  # this page's path without its language
    owner: bool
    visiting: bool  # the owner looks at it as visitors do
    nonce: str
    canonical: str  # this page's one address
    site_url: str  # without a slash at the end
    theme: str  # the owner's style sheet, under an address that changes with it
    feeds: tuple[Feed, ...]


def site_url() -> str:
    """As configured; else as this visitor reached us."""
    configured = engine().site.config.server.url
    return configured.rstrip("/") if configured else request.host_url.rstrip("/")


def chrome() -> Chrome:
    """For the page that is being answered; works without a database (with what was last known)."""
    chosen = engine().moments.last.settings
    spoken, main = languages.language(), chosen.language
    other = languages.other_language(spoken)
    found = request.url_rule is not None and not g.get("failed")
    here = languages.bare(request.path) if found else urls.HOME
    query = f"?page={g.page}" if g.get("page", 1) > 1 else ""
    path = urls.localised(here, spoken, main) + query
    return Chrome(
        name=chosen.site_name,
        description=chosen.description,
        accent=chosen.accent,
        about=bool(chosen.about),
        footer_html=_footer(chosen.footer),
        support=chosen.support,
        language=spoken,
        main_language=main,
        other_language=other,
        other_path=urls.localised(here, other, main) + query if found else None,
        here=here,
        owner=_owner() and not sessions.visiting(),
        visiting=_owner() and sessions.visiting(),
        nonce=security.NONCE,
        canonical=urls.absolute(site_url(), path),
        site_url=site_url(),
        theme=theme_address(),
        feeds=_feeds(),
    )


@lru_cache(maxsize=8)
def _footer(source: str) -> str:
    return text.render_markdown(source) if source else ""


def _owner() -> bool:
    return False if g.get("crashed") else sessions.is_owner()


def theme_address() -> str:
    chosen = engine().moments.last.settings
    return f"{urls.THEME}?v={chosen.accent.lstrip('#')}-{chosen.corner}"


def _feeds() -> tuple[Feed, ...]:
    name = engine().moments.last.settings.site_name
    made = [Feed(RSS, f"{name} (RSS)", urls.feed("xml")), Feed(ATOM, f"{name} (Atom)", urls.feed("atom"))]
    channel = g.get("channel")
    if channel is not None:
        made += [Feed(RSS, f"{channel.title} (RSS)", urls.feed("xml", channel.name)),
                 Feed(ATOM, f"{channel.title} (Atom)", urls.feed("atom", channel.name))]  # fmt: skip
    return tuple(made)
