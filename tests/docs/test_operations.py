"""docs/operations.md says what the code does: every key, command, option, address, folder and number, and no other.

`python tests/docs/test_operations.py` writes the table of the configuration anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click

from tubehome.base import config
from tubehome.cli import COMMANDS, group
from tubehome.site import Site
from tubehome.store.files import Files
from tubehome.web import create_app, statics
from tubehome.web.health import _family

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/operations.md"
BEGIN, END = "<!-- keys: begin -->\n", "<!-- keys: end -->\n"
EVERYWHERE = {"--data", "--config", "--debug", "--help", "--version"}  # said once, before the commands
KINDS = {
    "str": "text",
    "int": "number",
    "bool": "true or false",
    "tuple[str, ...]": "list of texts",
    "tuple[int, ...]": "list of numbers",
}


def page() -> str:
    return PAGE.read_text("utf-8")


def section(heading: str) -> str:
    """What stands under a heading, up to the next one of its rank or a higher one."""
    rank = heading.partition(" ")[0]
    found = re.search(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(rank)}}} |\Z)", page(), re.MULTILINE | re.DOTALL)
    assert found, f"docs/operations.md has no heading « {heading} »"
    return found[1]


def keys_table() -> str:
    lines = ["| key | type | default | what it is for |", "|---|---|---|---|"]
    for name, item, value in config.rows(config.Config()):
        about = item.metadata["help"].replace("|", r"\|")
        lines.append(f"| `{name}.{item.name}` | {KINDS[str(item.type)]} | `{config.toml_value(value)}` | {about} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_keys_is_the_code_s() -> None:
    written = page().partition(BEGIN)[2].partition(END)[0]
    assert written == keys_table(), "run: python tests/docs/test_operations.py"


def commands() -> Iterator[tuple[str, click.Command]]:
    for name, (module, _) in COMMANDS.items():
        command = import_module(f"tubehome.cli.{module}").command
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", found) for inner, found in command.commands.items())


def options_of(command: click.Command) -> set[str]:
    found = {name for one in command.params if isinstance(one, click.Option) for name in one.opts}
    return found - EVERYWHERE


def test_every_command_has_its_paragraph_and_no_other_does() -> None:
    told = re.findall(r"^### `tubehome ([^`]+)`$", page(), re.MULTILINE)
    assert told == [name for name, _ in commands()]


def test_every_option_of_a_command_is_told_and_no_other() -> None:
    for name, command in commands():
        text = section(f"### `tubehome {name}`")
        told = set(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE))
        assert told == options_of(command), name


def test_options_that_every_command_has_are_told_once() -> None:
    own = {name for one in group.params for name in one.opts} | {"--help"}
    assert own == EVERYWHERE
    assert set(re.findall(r"^\| `(--[a-z-]+)", section("## Commands").partition("\n### ")[0], re.MULTILINE)) == own


def addresses(site: Site) -> set[tuple[str, str]]:
    """(method, rule) of every address, without the copies under a language; one for each word of `any(…)`."""
    found = set()
    for rule in create_app(site).url_map.iter_rules():
        if rule.rule.startswith(("/en/", "/fr/")):
            continue
        methods = (rule.methods or set()) - {"HEAD", "OPTIONS"} or {"OPTIONS"}
        words = re.search(r"<any\(([^)]*)\):\w+>", rule.rule)
        spelled = [rule.rule.replace(words[0], word.strip()) for word in words[1].split(",")] if words else [rule.rule]
        found |= {(method, one) for method in methods for one in spelled}
    return found


def test_every_address_is_told_and_every_told_address_answers(site: Site) -> None:
    told = set(re.findall(r"^\| ([A-Z]+) \| `(/[^`]*)`", section("## Addresses"), re.MULTILINE))
    assert told == addresses(site) | {("GET", f"{statics.PREFIX}<file>")}


def test_every_number_of_the_metrics_is_told() -> None:
    source = (ROOT / "tubehome/web/health.py").read_text("utf-8")
    given = {_family(name, "", {}).split()[2] for name in re.findall(r'_family\("(\w+)"', source)}
    assert set(re.findall(r"`(tubehome_\w+)`", section("### Watching it"))) == given


def test_every_place_of_the_data_folder_is_told() -> None:
    made = Files(Path("/data"))
    own = [getattr(made, name) for name, kind in vars(Files).items() if isinstance(kind, property)]
    folders = {path.relative_to("/data").parts[0] for path in [*own, made.videos()]} | {"before-upgrade"}
    told = {
        name.partition("/")[0]
        for name in re.findall(r"^\| `([\w./<>-]+)`", section("## The data folder"), re.MULTILINE)
    }
    assert told == folders


def test_script_unit_and_page_name_the_same_places() -> None:
    unit = (ROOT / "systemd/tubehome.service").read_text("utf-8")
    script = (ROOT / "install.sh").read_text("utf-8")
    text = section("### As a service of the system")
    for place in ("/opt/tubehome", "/etc/tubehome/config.toml", "/var/lib/tubehome"):
        assert place in script, place
        assert place in text, place
    assert "/opt/tubehome/.venv/bin/tubehome serve --config /etc/tubehome/config.toml" in unit


if __name__ == "__main__":
    before, _, rest = page().partition(BEGIN)
    PAGE.write_text(before + BEGIN + keys_table() + END + rest.partition(END)[2], "utf-8")
