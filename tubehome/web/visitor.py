"""Who asks, as far as we may know: the address behind our own proxies, the scheme and host they used.

Forwarding headers are believed only when the peer is one of `[server] proxies`. The address is kept for the
length of the request (delays, limits on transfers), never stored, and truncated before any log.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from typing import Any

from tubehome.base.errors import Misconfigured

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Environ = dict[str, Any]

PEER = "tubehome.peer"  # the address of the connection itself
FORWARDED = "tubehome.forwarded"  # did the request carry any forwarding header?
_HEADERS = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_FORWARDED",
    "HTTP_X_REAL_IP",
)
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


def is_host(text: str) -> bool:
    """Can this be a Host header? (Letters, digits, an IPv6 address in brackets, a port.)"""
    return len(text) <= 255 and _HOST.fullmatch(text) is not None


def parse(text: str) -> Address | None:
    """An address, an IPv4 one in IPv6 clothes undressed; None for anything else."""
    try:
        found = ipaddress.ip_address(text.strip().split("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return mapped or found


def truncated(text: str) -> str:
    """The address without its last part (/24, /48): what a log or a table may hold."""
    found = parse(text)
    if found is None:
        return "-"
    network = ipaddress.ip_network((found, 24 if found.version == 4 else 48), strict=False)
    return str(network.network_address)


def is_loopback(text: str) -> bool:
    found = parse(text)
    return found is not None and found.is_loopback


def networks(written: Iterable[str]) -> tuple[Network, ...]:
    """The proxies of the configuration: addresses, or networks in CIDR form."""
    out = []
    for text in written:
        try:
            out.append(ipaddress.ip_network(text, strict=False))
        except ValueError as error:
            raise Misconfigured("{key}: {written} is not an address.", key="server.proxies", written=text) from error
    return tuple(out)


class Proxies:
    """WSGI: puts the visitor's own address, scheme and host in the environ when a trusted proxy tells them."""

    def __init__(self, application: Callable[..., Any], trusted: tuple[Network, ...]) -> None:
        self._application, self._trusted = application, trusted

    def __call__(self, environ: Environ, start_response: Any) -> Any:
        peer = environ.get("REMOTE_ADDR", "")
        environ[PEER] = peer
        environ[FORWARDED] = any(name in environ for name in _HEADERS)
        if environ[FORWARDED]:
            if self._trusts(peer):
                self._believe(environ)
            for name in _HEADERS:  # nobody further in may read what is not proven
                environ.pop(name, None)
        return self._application(environ, start_response)

    def _trusts(self, text: str) -> bool:
        found = parse(text)
        return found is not None and any(found in network for network in self._trusted)

    def _believe(self, environ: Environ) -> None:
        # right to left: each entry was written by the hop after it, so the first that is not ours is the visitor
        for entry in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")[-32:]):
            found = parse(entry)
            if found is None:
                break
            environ["REMOTE_ADDR"] = str(found)
            if not self._trusts(str(found)):
                break
        scheme = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")[-1].strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme
        host = environ.get("HTTP_X_FORWARDED_HOST", "").split(",")[-1].strip()
        if is_host(host):
            environ["HTTP_HOST"] = host
