"""The web engine's tests: an application over a real data folder, seeded without encoding."""

from __future__ import annotations

import base64
import importlib.util
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tubehome.owner import login, tokens
from tubehome.site import Site
from tubehome.web import create_app

PASSWORD = "correct horse battery"


def _load_seed() -> ModuleType:
    """`seed.py` beside this file: tests are not a package."""
    spec = importlib.util.spec_from_file_location("tubehome_seed", Path(__file__).with_name("seed.py"))
    assert spec
    assert spec.loader
    module = sys.modules.setdefault(spec.name, importlib.util.module_from_spec(spec))
    spec.loader.exec_module(module)
    return module


seeds = _load_seed()


@pytest.fixture
def seeded(site: Site):  # type: ignore[no-untyped-def]
    """Six public videos, and one of each kind that strangers must not find."""
    return seeds.seed(site)


@pytest.fixture
def configured(bare_site: Site) -> Callable[..., Site]:
    """`configured(site, url=…, proxies=…)`: the same site under another `[server]`."""

    def make(site: Site | None = None, **server: object) -> Site:
        site = site or bare_site
        return replace(site, config=replace(site.config, server=replace(site.config.server, **server)))  # type: ignore[arg-type]

    return make


@pytest.fixture
def app(site: Site) -> Flask:
    return create_app(site)


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    return app.test_client()


def _token_of(page: TestResponse) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert found, page.text
    return found[1]


def _log_in(client: FlaskClient, password: str = PASSWORD, path: str = "/login", **options: object) -> TestResponse:
    token = _token_of(client.get("/login", **options))  # type: ignore[arg-type]
    return client.post(path, data={"password": password, "csrf_token": token}, **options)  # type: ignore[arg-type]


@pytest.fixture
def token_of() -> Callable[[TestResponse], str]:
    """The CSRF token of a page's form."""
    return _token_of


@pytest.fixture
def log_in() -> Callable[..., TestResponse]:
    """`log_in(client, password)`: fills the form in and sends it."""
    return _log_in


@pytest.fixture
def password(site: Site) -> str:
    """The site's owner has this password."""
    known = login.the_owner()
    assert known
    login.set_password(known, PASSWORD)
    return PASSWORD


@pytest.fixture
def owner(app: Flask, password: str) -> FlaskClient:
    """A browser in which the owner is logged in."""
    client = app.test_client()
    assert _log_in(client, password).status_code == 303
    return client


# --- uploads over tus, as a program with a token

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}
UPLOADS = "/studio/uploads"


@pytest.fixture
def bearer(site: Site) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.create('camera')}"}


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def begin(client: FlaskClient, bearer: dict[str, str]) -> Any:
    def make(length: int, **fields: str) -> TestResponse:
        told = {"filename": "film.mp4", **fields}
        words = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
        headers = {**TUS, **bearer, "Upload-Length": str(length), "Upload-Metadata": words}
        return client.post(UPLOADS, headers=headers)

    return make


@pytest.fixture
def send(client: FlaskClient, bearer: dict[str, str]) -> Any:
    def patch(path: str, offset: int, data: bytes, **headers: str) -> TestResponse:
        more = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.patch(path, data=data, headers={**PIECE, **bearer, "Upload-Offset": str(offset), **more})

    return patch


@pytest.fixture
def ask(client: FlaskClient, bearer: dict[str, str]) -> Any:
    return lambda path: client.head(path, headers={**TUS, **bearer})


@pytest.fixture
def studio(owner: FlaskClient) -> Any:
    """`studio(method, path, json)`: as the studio's scripts ask."""
    mark = re.search(r'name="csrf-token" content="([^"]+)"', owner.get("/studio/").text)
    assert mark

    def ask(method: str, path: str, **more: Any) -> TestResponse:
        headers = {
            "X-CSRFToken": mark[1],
            "Accept": "application/json",
            "Accept-Language": "fr",
            **more.pop("headers", {}),
        }
        return owner.open(path, method=method, headers=headers, **more)

    return ask
