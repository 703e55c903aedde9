"""Where the site answers: the socket, its address, and the addresses of this machine in the local network."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tubehome.base.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from tubehome.boot import Where

BACKLOG = 1024
EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 - what is written when all addresses are meant
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SIOCGIFADDR = 0x8915
_INSIDE = ("lo", "docker", "br-", "veth", "virbr", "lxc", "cni")  # interfaces that no other machine is behind


def chosen(where: Where, host: str | None, port: int | None) -> Where:
    """The configuration with the command's own host and port laid over it."""
    server = where.config.server
    server = replace(server, host=server.host if host is None else host, port=server.port if port is None else port)
    return replace(where, config=replace(where.config, server=server))


def listen(host: str, port: int, patience: float) -> socket.socket:
    """A listening socket; port 0 takes any free one.

    `patience`: seconds to wait for a port whose last user is just ending. Unavailable when it stays taken.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise Misconfigured("{host} is not an address of this machine.", host=host) from error
    family, _, _, _, address = found[0]
    deadline = time.monotonic() + patience
    while True:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            _bind(sock, family, address)
            return sock
        except OSError as error:
            sock.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise _reason(error, host, port) from error
        time.sleep(0.05)


def _bind(sock: socket.socket, family: int, address: object) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(address)  # type: ignore[arg-type]
    sock.listen(BACKLOG)


def _reason(error: OSError, host: str, port: int) -> Misconfigured | Unavailable:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            "Port {port} is used by another program: stop it, or choose another port with --port.", port=str(port)
        )
    if error.errno == errno.EACCES:
        return Unavailable("Port {port} is reserved to root: choose one above 1023 with --port.", port=str(port))
    return Misconfigured("{host} is not an address of this machine.", host=host)


def address(sock: socket.socket, host: str) -> str:
    """What a browser on this machine is given: http://localhost:8000, or the configured host."""
    name = "localhost" if host in EVERYWHERE + _LOOPBACK else host
    return f"http://{f'[{name}]' if ':' in name else name}:{sock.getsockname()[1]}"


def local_network(sock: socket.socket, host: str) -> list[str]:
    """Addresses for other machines of the local network, when we listen on all; IPv4, the one of the way out first."""
    if host not in EVERYWHERE:
        return []
    port, out = sock.getsockname()[1], _way_out()
    found = sorted(_interfaces(), key=lambda ip: ip != out)
    return [f"http://{ip}:{port}" for ip in found]


def _way_out() -> str:
    """Our address on the way to anywhere; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


def _interfaces() -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        for _, name in socket.if_nameindex():
            if name.startswith(_INSIDE):
                continue
            try:
                answer = fcntl.ioctl(asker, _SIOCGIFADDR, struct.pack("256s", os.fsencode(name)[:15]))
            except OSError:  # no IPv4 address
                continue
            yield socket.inet_ntoa(answer[20:24])
