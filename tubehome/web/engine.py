"""What one running web application is made of, in one frozen value that views and hooks ask for."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app

from tubehome.site import Site
from tubehome.web.attempts import Attempts
from tubehome.web.cache import PageCache
from tubehome.web.moment import Moments
from tubehome.web.statics import Catalogue

KEY = "tubehome"


@dataclass(frozen=True)
class Engine:
    site: Site
    statics: Catalogue
    pages: PageCache
    moments: Moments
    attempts: Attempts


def engine_of(app: Flask) -> Engine:
    made: Engine = app.extensions[KEY]
    return made


def engine() -> Engine:
    """The engine of the application that answers this request."""
    return engine_of(current_app)
