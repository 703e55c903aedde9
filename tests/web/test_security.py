"""What is refused: other hosts, forged forwarding headers, forms without a token, hostile paths."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from flask.testing import FlaskClient

from tubehome.base import urls
from tubehome.base.errors import Misconfigured
from tubehome.site import Site
from tubehome.web import create_app, visitor

URL = "https://video.example.org"
FAR = {"REMOTE_ADDR": "203.0.113.9"}
NEAR = {"REMOTE_ADDR": "127.0.0.1"}


@pytest.fixture
def public(site: Site, configured) -> FlaskClient:
    """A site with an address, behind a proxy on this machine."""
    return create_app(configured(site, url=URL, proxies=("127.0.0.1", "10.0.0.0/8"))).test_client()


def _ask(client: FlaskClient, path: str = "/", peer: str = "127.0.0.1", **headers: str):  # type: ignore[no-untyped-def]
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.get(path, headers=named, environ_overrides={"REMOTE_ADDR": peer})


BEHIND = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "video.example.org", "X_Forwarded_For": "203.0.113.9"}


def test_every_page_carries_the_policy(stranger: FlaskClient, owner: FlaskClient, seeded) -> None:
    for client, path in (
        *(
            (stranger, p)
            for p in ("/", urls.watch(seeded.public[0].uuid), "/c/conseil", "/nothing", "/login", "/?page=x")
        ),
        *((owner, p) for p in ("/", "/studio/")),
    ):
        answer = client.get(path)
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"].startswith("'nonce-")
        assert "unsafe" not in str(policy)
        assert "'self'" not in policy["script-src"]
        assert {policy[name] for name in ("base-uri", "frame-ancestors")} == {"'none'"}
        assert policy["form-action"] == "'self'"
        assert "http" not in str(policy)  # no other origin
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "camera=()" in answer.headers["Permissions-Policy"]
        assert "style=" not in answer.text
        assert " on" not in {word[:3] for word in answer.text.split("<body")[0].split('"')}


def test_data_can_do_nothing_even_when_opened_as_a_page(stranger: FlaskClient, seeded) -> None:
    for path in ("/feed.xml", "/feed.atom", "/healthz", urls.watch_state(seeded.public[0].uuid)):
        answer = stranger.get(path)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_other_origins_may_read_feeds_and_media_but_not_pages(stranger: FlaskClient, seeded) -> None:
    for path in ("/feed.xml", "/c/conseil/feed.atom", f"/media/{seeded.public[0].uuid}/720p.mp4"):
        answer = stranger.get(path)
        answer.close()
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    for path in ("/", urls.watch_state(seeded.public[0].uuid), "/login"):
        assert "Access-Control-Allow-Origin" not in stranger.get(path).headers


def test_strict_transport_only_where_it_is_true(public: FlaskClient, stranger: FlaskClient) -> None:
    assert "Strict-Transport-Security" in _ask(public, **BEHIND).headers
    assert (
        "Strict-Transport-Security" not in _ask(public, Host="video.example.org").headers
    )  # plain http, from the machine itself
    assert "Strict-Transport-Security" not in stranger.get("/", base_url="https://localhost/").headers


@pytest.mark.parametrize(
    "host",
    ["evil.example", "video.example.org.evil.example", "evil.example#video.example.org", "video.example.org:8080",
     "video.example.org@evil.example", "", "video.example.org/", "video.example.org\t", "xn--vdeo-qqa.example.org"],
)  # fmt: skip
def test_another_host_is_refused_with_a_sentence(public: FlaskClient, host: str) -> None:
    for path in ("/", "/healthz", "/static/x", "/feed.xml", "/media/x/y"):
        answer = public.get(path, environ_overrides={"HTTP_HOST": host, **FAR})
        assert answer.status_code == 421, path
        assert answer.mimetype == "text/plain"
        assert "video.example.org" in answer.text
        assert "evil" not in answer.text
        assert "Location" not in answer.headers


def test_our_host_is_ours_however_it_is_written(public: FlaskClient) -> None:
    for scheme, host in (
        ("https", "VIDEO.example.org"),
        ("https", "video.example.org:443"),
        ("http", "video.example.org:80"),
    ):
        environ = {"HTTP_HOST": host, "wsgi.url_scheme": scheme}
        assert public.get("/", environ_overrides=environ).status_code == 200, host


def test_this_machine_may_ask_for_its_health_under_any_name(public: FlaskClient) -> None:
    local = {"HTTP_HOST": "127.0.0.1:8000"}
    assert public.get("/healthz", environ_overrides={**local, **NEAR}).text == "ok\n"
    assert public.get("/healthz", environ_overrides={**local, "REMOTE_ADDR": "::ffff:127.0.0.1"}).status_code == 200
    assert public.get("/healthz", environ_overrides={**local, **FAR}).status_code == 421
    assert public.get("/", environ_overrides={**local, **NEAR}).status_code == 421


@pytest.mark.parametrize(
    "host", ["a b", "x<script>", 'x"y', "x\r\nSet-Cookie: a=b", "é.example", "x" * 300, "a:b:c", "x:999999", "[::1"]
)
def test_without_an_address_any_host_but_an_impossible_one(stranger: FlaskClient, host: str) -> None:
    answer = stranger.get("/", environ_overrides={"HTTP_HOST": host})
    assert answer.status_code == 400
    assert host not in answer.text
    for possible in ("192.168.1.7:8000", "raspberrypi.local", "[fe80::1]:8000", "localhost"):
        assert stranger.get("/", environ_overrides={"HTTP_HOST": possible}).status_code == 200


def test_forwarding_headers_of_strangers_are_not_believed(public: FlaskClient, stranger: FlaskClient) -> None:
    for client in (public, stranger):  # a peer that is no proxy; a site without proxies
        answer = client.get(
            "/",
            headers={"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"},
            environ_overrides={**FAR, "HTTP_HOST": "video.example.org"},
        )
        assert answer.status_code == 200
        assert "evil.example" not in answer.text
        assert "Strict-Transport-Security" not in answer.headers


def _seen(peer: str, trusted: tuple[str, ...] = ("127.0.0.1", "10.0.0.0/8"), **headers: str) -> dict[str, object]:
    """The environ as the application gets it."""
    seen: dict[str, object] = {}
    environ = {"REMOTE_ADDR": peer, "wsgi.url_scheme": "http", "HTTP_HOST": "h"}
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    visitor.Proxies(lambda given, _: seen.update(given), visitor.networks(trusted))(environ, None)
    return seen


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),  # what the visitor wrote stands left
        ("127.0.0.1", "203.0.113.9, 10.1.2.3", "203.0.113.9"),  # through two of ours
        ("127.0.0.1", "127.0.0.1, 203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("10.9.9.9", "2001:db8::7", "2001:db8::7"),
        ("::ffff:127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "nonsense, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", ",".join(["10.0.0.1"] * 1000), "10.0.0.1"),
        ("203.0.113.5", "127.0.0.1", "203.0.113.5"),  # not a proxy of ours
        ("", "127.0.0.1", ""),
    ],
)
def test_the_visitor_is_the_rightmost_that_is_not_ours(peer: str, forwarded: str, address: str) -> None:
    seen = _seen(peer, x_forwarded_for=forwarded)
    assert seen["REMOTE_ADDR"] == address
    assert seen[visitor.PEER] == peer
    assert seen[visitor.FORWARDED] is True
    assert "HTTP_X_FORWARDED_FOR" not in seen


def test_scheme_and_host_of_a_proxy_are_checked_too() -> None:
    seen = _seen("127.0.0.1", x_forwarded_proto="https", x_forwarded_host="video.example.org")
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("https", "video.example.org")
    seen = _seen("127.0.0.1", x_forwarded_proto="javascript", x_forwarded_host="x y")
    assert (seen["wsgi.url_scheme"], seen["HTTP_HOST"]) == ("http", "h")
    assert _seen("127.0.0.1")[visitor.FORWARDED] is False


def test_a_proxy_that_is_no_address_is_a_mistake_in_the_configuration(site: Site, configured) -> None:
    with pytest.raises(Misconfigured, match=r"server\.proxies"):
        create_app(configured(site, proxies=("nginx",)))


def test_addresses_lose_their_last_part() -> None:
    for full, kept in (("203.0.113.9", "203.0.113.0"), ("2001:db8:1:2:3::4", "2001:db8:1::"),
                       ("::ffff:203.0.113.9", "203.0.113.0"), ("fe80::1%eth0", "fe80::"),
                       ("", "-"), ("unix:", "-"), ("x" * 999, "-")):  # fmt: skip
        assert visitor.truncated(full) == kept


def test_a_form_without_its_token_is_refused(owner: FlaskClient, stranger: FlaskClient) -> None:
    for client in (owner, stranger):
        for path, data in (
            ("/login", {"password": "x"}),
            ("/logout", {}),
            ("/en/logout", {}),
            ("/login", {"csrf_token": "forged"}),
        ):
            answer = client.post(path, data=data)
            assert answer.status_code == 400, path
            assert "text/html" in answer.content_type
            assert "Traceback" not in answer.text
    assert owner.get("/studio/").status_code == 200  # nobody was logged out


def test_another_sessions_token_is_refused(owner: FlaskClient, app) -> None:
    from re import search

    other = app.test_client().get("/login").text
    found = search(r'name="csrf_token" value="([^"]+)"', other)
    assert found
    assert owner.post("/logout", data={"csrf_token": found[1]}).status_code == 400


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "//evil.example/%2e%2e", "/\\evil.example", "/%5cevil.example", "/fr//evil.example",
     "/fr/%2f%2fevil.example",
     "/fr/\\evil.example", "/%0d%0aSet-Cookie:a=b", "/w/%0d%0aX:y", "/c/%0aX", "/static/../../etc/passwd",
     "/static/%2e%2e/%2e%2e/etc/passwd",
     "/media/../../../etc/passwd", "/%00", "/%ff%fe", "/w/%f0%28%8c%28",
     "/..%2f..%2f", "/en", "/fr", "/studio", "/w/a/b/c"],
)  # fmt: skip
def test_hostile_paths_lead_nowhere(stranger: FlaskClient, path: str) -> None:
    for query in ("", "?next=//evil.example&page=1&x=%0d%0aY:z"):
        raw = {"PATH_INFO": unquote_to_bytes(path).decode("latin-1")}  # as servers hand it on: //host is no host here
        answer = stranger.get("/" + query, environ_overrides=raw)
        assert answer.status_code in (301, 303, 308, 404), answer.status
        where = answer.headers.get("Location", "/")
        assert where.startswith(("/", "http://localhost/")), where
        assert not where.startswith(("//", "/\\")), where
        assert "\n" not in str(answer.headers).replace("\r\n", "")
        assert not {"Set-Cookie", "X", "Y"} & set(answer.headers.keys())


def test_a_body_that_is_too_large_is_refused(stranger: FlaskClient) -> None:
    answer = stranger.post("/login", data={"password": "x" * 200_000})
    assert answer.status_code == 413
    assert stranger.post("/login", data={f"f{i}": "x" for i in range(5000)}).status_code in (400, 413)
