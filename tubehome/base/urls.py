"""The table of addresses, once. Paths only; `absolute` puts the site's own address before one.

Names follow PeerTube's addresses where it has one, so that existing bookmarks and apps work.
"""

from __future__ import annotations

from urllib.parse import quote

from tubehome.base import ids

HOME = "/"
LOGIN = "/login"
LOGOUT = "/logout"
RECOVER = "/login/recover"
SUBSCRIBE = "/subscribe"
ABOUT = "/about"
STUDIO = "/studio/"
STUDIO_VIDEOS = "/studio/videos"
STUDIO_ADD = "/studio/add"
STUDIO_UPLOADS = "/studio/uploads"  # tus 1.0
STUDIO_QUEUE = "/studio/queue"
STUDIO_CHANNELS = "/studio/channels"
STUDIO_SETTINGS = "/studio/settings"
STUDIO_ACCOUNT = "/studio/account"
HEALTH = "/healthz"
THEME = "/theme.css"


def watch(uuid: str) -> str:
    return f"/w/{ids.shorten(uuid)}"


def watch_state(uuid: str) -> str:
    """What the watch page asks while a video is being prepared (JSON)."""
    return f"/w/{ids.shorten(uuid)}/state"


def channel(name: str) -> str:
    return f"/c/{quote(name)}"


def subscribe(name: str) -> str:
    """How to follow one channel."""
    return f"{SUBSCRIBE}/{quote(name)}"


def picture(name: str) -> str:
    """A picture of a channel, by its file's name."""
    return f"/pictures/{name}"


def feed(kind: str, channel_name: str | None = None) -> str:
    """`kind` is xml (RSS) or atom; of the whole site, or of one channel."""
    return f"/c/{quote(channel_name)}/feed.{kind}" if channel_name else f"/feed.{kind}"


def media(uuid: str, filename: str) -> str:
    return f"/media/{uuid}/{quote(filename)}"


def master(uuid: str) -> str:
    return media(uuid, "master.m3u8")


def studio_video(uuid: str) -> str:
    """Where the owner edits a video."""
    return f"{STUDIO_VIDEOS}/{ids.shorten(uuid)}"


def studio_upload(uuid: str) -> str:
    return f"{STUDIO_UPLOADS}/{uuid}"


def studio_channel(name: str) -> str:
    return f"{STUDIO_CHANNELS}/{quote(name)}"


def setup(token: str) -> str:
    return f"/setup/{token}"


def absolute(site_url: str, path: str) -> str:
    return site_url.rstrip("/") + path


def localised(path: str, language: str, main: str) -> str:
    """A page's path in a language: the site's main language has no prefix."""
    return path if language == main else f"/{language}{path}"
