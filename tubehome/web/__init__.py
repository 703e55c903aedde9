"""The web: Flask, one blueprint a file. Handlers read parse → ask → answer.

Rules: a handler asks a page (`pages`), a room or a flow and answers; it decides nothing about content. Strangers
get no cookie. What a stranger may not see is 404. Errors become answers in `errors` and nowhere else.
"""

from __future__ import annotations

from flask import Flask

from tubehome.site import Site
from tubehome.web import (
    about,
    account,
    add,
    bodies,
    channel,
    channels,
    connection,
    errors,
    feeds,
    gate,
    health,
    home,
    languages,
    login,
    media,
    pictures,
    queue,
    security,
    sessions,
    settings,
    setup,
    small,
    statics,
    studio,
    templating,
    uploads,
    videos,
    visitor,
    watch,
    welcome,
)
from tubehome.web.attempts import Attempts
from tubehome.web.cache import PageCache
from tubehome.web.engine import KEY, Engine
from tubehome.web.express import Express
from tubehome.web.moment import Moments

FORM_BYTES = 64 * 1024  # the largest body of a form; uploads have their own way
PAGES = (
    home.blueprint,
    watch.blueprint,
    channel.blueprint,
    login.blueprint,
    setup.blueprint,
    studio.blueprint,
    about.blueprint,
    account.blueprint,
    channels.blueprint,
    settings.blueprint,
    welcome.blueprint,
    queue.blueprint,
    videos.blueprint,
    add.blueprint,
)
PLAIN = (feeds.blueprint, health.blueprint, media.blueprint, pictures.blueprint, small.blueprint, uploads.blueprint)


def create_app(site: Site) -> Flask:
    """The application of one site. Opens no connection and starts no thread: it may be made before a fork."""
    app = Flask("tubehome.web", static_folder=None)
    app.config.update(MAX_CONTENT_LENGTH=FORM_BYTES, MAX_FORM_MEMORY_SIZE=FORM_BYTES, MAX_FORM_PARTS=50)
    catalogue = statics.prepare(site.files.cache)
    made = app.extensions[KEY] = Engine(site, catalogue, PageCache(catalogue.fingerprint), Moments(site.db), Attempts())
    errors.install(app)
    connection.install(app)  # the order of hooks: connection, gate, then the login's and CSRF's own
    gate.install(app)
    bodies.install(app)
    csrf = sessions.install(app, site)
    csrf.exempt(uploads.blueprint)  # checks by header, and takes tokens
    csrf.exempt(add.arrive)  # checks its token when it comes to it, before the file
    templating.install(app)
    app.after_request(security.finish)
    for blueprint in PAGES:
        languages.register(app, blueprint)
    for blueprint in PLAIN:
        app.register_blueprint(blueprint)
    _wrap(app, made)
    return app


def _wrap(app: Flask, made: Engine) -> None:
    """From the outside in: who asks, for which host, a static file, a page in memory, or else the application."""
    config = made.site.config
    express = Express(app.wsgi_app, made.pages, made.moments, app.config["SESSION_COOKIE_NAME"])
    hosts = security.Hosts(statics.serve(express, made.statics), config, made.moments)
    app.wsgi_app = visitor.Proxies(hosts, visitor.networks(config.server.proxies))  # type: ignore[method-assign]
