"""The configuration: layers, types, the nearest key, the example file, secrets."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tubehome.base import config
from tubehome.base.errors import Misconfigured

ROOT = Path(__file__).parents[2]
WRONG_URLS = [
    "video.example.org",
    "https://",
    "https://a b",
    "https://a/tube",
    "https://a?x",
    "http://[::1",
    "ftp://a",
    "https://u@a",
    "https://a:x",
]


def test_layers_lie_over_one_another_key_by_key() -> None:
    own = ("own", '[server]\nurl = "https://a.example"\nport = 9000\n')
    machine = ("machine", '[server]\nport = 9001\nproxies = ["127.0.0.1"]\n')
    made = config.parse(own, machine)
    assert (made.server.url, made.server.port, made.server.proxies) == ("https://a.example", 9001, ("127.0.0.1",))


def test_without_a_file_every_key_has_its_default() -> None:
    assert config.parse() == config.Config()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[server]\nprot = 1\n", ["server.prot", "port"]),
        ("[sever]\nport = 1\n", ["[sever]", "server"]),
        ("[server]\nzzzzzz = 1\n", ["server.zzzzzz", "url, host, port"]),
        ('[server]\nport = "8000"\n', ["server.port", "whole number"]),
        ("[server]\nport = true\n", ["server.port", "whole number"]),
        ("[server]\nport = 70000\n", ["server.port", "65535"]),
        ('[media]\nheights = ["720"]\n', ["media.heights", "list of whole numbers"]),
        ("[media]\nheights = []\n", ["media.heights"]),
        *((f'[server]\nurl = "{url}"\n', ["server.url", "https://"]) for url in WRONG_URLS),
        ('[server]\nproxies = ["nonsense"]\n', ["server.proxies", "nonsense"]),
        ("[limits]\nreserve_bytes = -1\n", ["limits.reserve_bytes", "zero"]),
        ("server = 3\n", ["[server]", "table"]),
        ("[server\n", ["conf", "not valid TOML"]),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(text: str, words: list[str]) -> None:
    with pytest.raises(Misconfigured) as refused:
        config.parse(("conf", text))
    for language in ("en", "fr"):
        assert words[0] in refused.value.sentence(language)
    assert all(word in refused.value.sentence("en") for word in words)


def test_the_example_file_is_the_generated_one_and_names_every_key() -> None:
    example = (ROOT / "config.example.toml").read_text()
    assert example == config.example(), "run: tubehome config --example > config.example.toml"
    uncommented = "\n".join(line.removeprefix("# ") if " = " in line else line for line in example.splitlines())
    assert config.parse(("example", uncommented)) == config.Config()


def test_a_secret_is_hidden_and_what_is_printed_is_toml() -> None:
    printed = config.effective(config.parse(("a", '[server]\nmetrics_token = "hush"\n')))
    assert "hush" not in printed
    assert tomllib.loads(printed)["server"]["metrics_token"] == "(hidden)"


@pytest.mark.parametrize("before", ["", "[limits]\nreserve_bytes = 1\n", '[server]\nport = 1\nurl = "http://old"\n'])
def test_init_writes_the_url_and_keeps_the_rest(before: str) -> None:
    made = config.parse(("a", config.with_url(before, "https://x.example/")))
    assert made.server.url == "https://x.example/"
    assert made.limits.reserve_bytes == (1 if "limits" in before else config.Config().limits.reserve_bytes)
