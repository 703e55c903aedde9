"""What every answer says to the browser, and which hosts we answer for.

HTML carries a strict Content-Security-Policy with a nonce of its own. Templates are rendered with a
placeholder, so that a cached page gets a fresh nonce each time it is sent. A 304 carries no policy: the
browser keeps the stored one, with the nonce of the stored page.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from flask import Response, request

from tubehome.base import urls
from tubehome.base.config import Config
from tubehome.base.errors import Refused
from tubehome.web import answers, visitor
from tubehome.web.engine import engine
from tubehome.web.moment import Moments

# What no text of a page can contain: new in each process and never sent. As long as a nonce (22 letters), so that
# the Content-Length of a page in memory holds.
NONCE = secrets.token_hex(11)
_PLACE = NONCE.encode()

# no 'self' for scripts: an uploaded file must never run as one. Modules pass their nonce on to what they import.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        f"script-src 'nonce-{NONCE}'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_NOTHING = "default-src 'none'; frame-ancestors 'none'"
_PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=(), midi=(), browsing-topics=()"
_CSP = "Content-Security-Policy"
_PAGE_HEADERS = {
    _CSP: _POLICY,
    "Permissions-Policy": _PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS = "max-age=31536000"
_DATA_TYPES = ("application/json", "application/rss+xml", "application/atom+xml", "text/plain")


def fresh_nonce() -> str:
    return secrets.token_urlsafe(16)


def fill(content: bytes, nonce: str) -> bytes:
    """A page with its nonce."""
    return content.replace(_PLACE, nonce.encode())


def fill_headers(headers: Iterable[tuple[str, str]], nonce: str) -> list[tuple[str, str]]:
    return [(name, value.replace(NONCE, nonce)) if name == _CSP else (name, value) for name, value in headers]


def finish(response: Response) -> Response:
    """The last hook of a request: policy and the other headers; then into memory, if it may; then the nonce."""
    if response.status_code == 304:
        return response
    headers = response.headers
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    is_page = response.mimetype == "text/html" and request.method != "OPTIONS"
    if is_page:
        headers.update(_PAGE_HEADERS)
    elif response.mimetype in _DATA_TYPES:
        headers.setdefault(_CSP, _NOTHING)
    if request.is_secure and engine().site.config.server.url.startswith("https:"):
        headers["Strict-Transport-Security"] = _HSTS
    answers.keep(response)
    if is_page:
        nonce = fresh_nonce()
        response.set_data(fill(response.get_data(), nonce))
        headers[_CSP] = headers[_CSP].replace(NONCE, nonce)
    return response


class Hosts:
    """WSGI: refuses requests for other hosts than ours, and Host headers that cannot be one.

    Without a configured url every host that can be one is ours. `/healthz` answers this machine under any name.
    """

    def __init__(self, application: Callable[..., Any], config: Config, moments: Moments) -> None:
        self._application, self._moments = application, moments
        self._ours = _canonical(urlsplit(config.server.url).netloc, urlsplit(config.server.url).scheme)

    def __call__(self, environ: visitor.Environ, start_response: Any) -> Any:
        if self._answers(environ):
            return self._application(environ, start_response)
        status = "421 Misdirected Request" if self._ours else "400 Bad Request"
        language = self._moments.last.settings.language
        body = (_refusal(self._ours).sentence(language) + "\n").encode()
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body))),
                   ("Content-Language", language), ("Cache-Control", "no-store"),
                   ("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", _NOTHING)]  # fmt: skip
        start_response(status, headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answers(self, environ: visitor.Environ) -> bool:
        host = environ.get("HTTP_HOST", "")
        if environ.get("PATH_INFO") == urls.HEALTH and visitor.is_loopback(environ[visitor.PEER]):
            return True
        if not self._ours:
            return not host or visitor.is_host(host)  # HTTP/1.0 names none
        return _canonical(host, environ["wsgi.url_scheme"]) == self._ours


def _canonical(host: str, scheme: str) -> str:
    """In small letters and without the port that the scheme has anyway."""
    host = host.lower()
    return host.removesuffix(":443" if scheme == "https" else ":80")


def _refusal(ours: str) -> Refused:
    if ours:
        return Refused("This server answers for {host} only: the address of this request names another one.", host=ours)
    return Refused("The address of this request names no host that could exist.")
