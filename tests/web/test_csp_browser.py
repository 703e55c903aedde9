"""The policy in a real browser: our scripts run by their nonce, modules and what they import too; nothing else does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask, Response
from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from tubehome.base import urls
from tubehome.store.db import db
from tubehome.web import security
from tubehome.web.engine import engine_of

pytestmark = pytest.mark.browser

PROBE = """<!DOCTYPE html><title>probe</title>
<script type="importmap" nonce="{nonce}">{{"imports": {{"bare": "{plyr}"}}}}</script>
<script type="module" nonce="{nonce}">
import Plyr from "bare";
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
import * as whole from "{plyr}";
const hls = await import("{hls}");
window.worker = new Worker("{worker}");  // as hls.js starts it, from our own file
await new Promise((done) => setTimeout(done, 300));
window.modules = [typeof Plyr, typeof whole.default, typeof hls.default];
</script>
<script nonce="{nonce}">window.classic = true</script>
<script nonce="wrong">window.wrong = true</script>
<script>window.bare = true</script>
<script src="/uploaded.js"></script>
<img src="data:," onerror="window.handler = true">
<base href="https://evil.example/">
"""


@pytest.fixture
def served(app: Flask, seeded) -> Iterator[str]:
    address = engine_of(app).statics.address

    @app.get("/probe")
    def probe() -> str:
        return PROBE.format(
            nonce=security.NONCE,
            plyr=address("vendor/plyr/plyr.min.mjs"),
            worker=address("vendor/hls.js/hls.worker.js"),
            hls=address("vendor/hls.js/hls.light.min.mjs"),
        )

    @app.get("/uploaded.js")
    def uploaded() -> Response:
        return Response("window.uploaded = true", mimetype="text/javascript")

    db.close()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.set_default_timeout(90_000)  # a busy machine
        yield page
        browser.close()


@pytest.mark.breaks_policy
def test_modules_hand_their_nonce_on_and_nothing_else_runs(
    served: str, page: Page, no_rule_is_broken: list[str]
) -> None:
    page.goto(f"{served}/probe")
    deadline = time.monotonic() + 60
    while not page.evaluate("window.modules") and time.monotonic() < deadline:  # (waiting in the page needs eval)
        page.wait_for_timeout(100)
    assert page.evaluate("window.modules") == ["function"] * 3
    assert page.evaluate("window.classic") is True
    ran = page.evaluate("['wrong', 'bare', 'uploaded', 'handler'].filter(name => window[name])")
    assert ran == []
    assert no_rule_is_broken, "and what is refused is told, here and in any other test"
    assert "worker-src" not in page.evaluate("window.refused")
    assert page.evaluate("document.baseURI").startswith(served)


def test_our_pages_break_no_rule_also_when_they_come_back(served: str, page: Page, seeded) -> None:
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in (
        "/",
        urls.watch(seeded.public[0].uuid),
        "/c/conseil",
        urls.watch(seeded.preparing.uuid),
        "/login",
        "/nothing",
    ):
        for _ in range(2):  # the second time by 304: the stored page with its stored policy
            page.goto(served + path)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.classList.contains('js')"), path
    assert said == []
