"""The owner's session, and nobody else's: readers get no cookie, whatever they press.

A permanent signed cookie of 30 days (flask-login's own "remember me" is broken on new Pythons), renewed in the
owner's rooms and never set, changed or renewed by a public page. It carries the key of a session's row, and ends with
it. A second cookie, as long as browsers allow, says that this browser was logged in once; it opens nothing. Owner
forms carry a CSRF token (Flask-WTF), checked on every POST.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from flask import Flask, Request, Response, current_app, g, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionMixin
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf.csrf import CSRFProtect, generate_csrf

from tubehome.library.access import OWNER, STRANGER, Viewer
from tubehome.owner import devices
from tubehome.owner import sessions as rows
from tubehome.site import Site

DAYS = 30
_DEVICE_SECONDS = 400 * 86_400  # browsers keep none for longer
# blueprints (without their language, and what follows « studio- ») whose answers may set the cookie
ROOMS = frozenset({"login", "setup", "studio"})


class LoggedIn:
    """The owner as flask-login wants a user: by the key of the session."""

    is_authenticated = is_active = True
    is_anonymous = False

    def __init__(self, key: str) -> None:
        self.key = key

    def get_id(self) -> str:
        return self.key


class _OwnersCookie(SecureCookieSessionInterface):
    """Flask's signed cookie, opened only when there is one, saved only in the owner's rooms."""

    digest_method = staticmethod(hashlib.sha256)

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        if self.get_cookie_name(app) not in request.environ.get("HTTP_COOKIE", ""):
            return self.session_class()
        return super().open_session(app, request)

    def should_set_cookie(self, app: Flask, session: SessionMixin) -> bool:
        """Nothing is renewed that has ended: a page that asks whether somebody is logged in again (an upload does)
        would be answered with the old cookie in the same moment as the login with the new one, and log its owner out.
        """
        if not session.modified and "_user_id" in session and rows.find(session["_user_id"]) is None:
            return False
        return super().should_set_cookie(app, session)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        if in_owners_room():
            super().save_session(app, session, response)


def in_owners_room() -> bool:
    return (request.blueprint or "").partition("_")[0].partition("-")[0] in ROOMS


def install(app: Flask, site: Site) -> CSRFProtect:
    """The checker of forms, for blueprints that check by themselves."""
    secure = site.config.server.url.startswith("https:")
    app.secret_key = site.files.secret.read_bytes().strip()
    app.config.update(
        # cookies do not know ports: two instances on one machine must not log each other out
        SESSION_COOKIE_NAME=f"{'__Host-' if secure else ''}tubehome-{_instance(site)}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_PATH="/",
        PERMANENT_SESSION_LIFETIME=timedelta(days=DAYS),
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
        WTF_CSRF_SSL_STRICT=False,  # wants a Referer, which the set-up page does not send
    )
    app.session_interface = _OwnersCookie()
    manager = LoginManager()
    manager.session_protection = None  # it would hash addresses; a phone changes its own on every train
    manager.init_app(app, add_context_processor=False)
    manager.user_loader(_load)
    app.after_request(_remember)
    return CSRFProtect(app)


def _instance(site: Site) -> str:
    return hashlib.sha256(site.files.instance.read_bytes()).hexdigest()[:8]


def _load(stored: str) -> LoggedIn | None:
    """The owner, if the session of this key has not ended."""
    return LoggedIn(stored) if rows.find(stored) else None


def viewer() -> Viewer:
    """Who looks at this page; a request without the owner's cookie costs nothing."""
    if "_user_id" not in session:
        return STRANGER
    return OWNER if current_user.is_authenticated else STRANGER


def visiting() -> bool:
    """Does the owner want this page as visitors get it (`?as=visitor`)?"""
    return request.args.get("as") == "visitor" and request.method in ("GET", "HEAD") and viewer().owner


def seen_as() -> Viewer:
    """For whom a public page is made."""
    return STRANGER if visiting() else viewer()


def is_owner() -> bool:
    return viewer().owner


def key() -> str:
    """The key of the session that asks; "" for strangers."""
    return current_user.key if is_owner() else ""


def begin() -> None:
    """Logs the owner in with a session that shares nothing with the one before (nobody can have planted it)."""
    if "_user_id" in session:
        rows.end(session["_user_id"])
    session.clear()
    session.permanent = True
    login_user(LoggedIn(rows.begin(devices.describe(request.user_agent.string))))
    generate_csrf()  # now, as public pages that show the owner a form set no cookie
    g.device = devices.remember(device())


def end() -> None:
    if is_owner():
        rows.end(key())
    logout_user()
    session.clear()


def device() -> str:
    """The key by which this browser is known, or ""."""
    return request.cookies.get(_device_cookie(), "")


def _device_cookie() -> str:
    return str(current_app.config["SESSION_COOKIE_NAME"]) + "-device"


def _remember(response: Response) -> Response:
    """After the door has opened: the browser is known from now on."""
    known = g.pop("device", None)
    if known:
        secure = bool(current_app.config["SESSION_COOKIE_SECURE"])
        response.set_cookie(
            _device_cookie(), known, max_age=_DEVICE_SECONDS, httponly=True, samesite="Lax", secure=secure, path="/"
        )
    return response
