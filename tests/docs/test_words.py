"""The documentation: links lead somewhere, commands exist, quoted sentences are said, both guides agree."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import click
import pytest
from babel.messages.pofile import read_po

from tubehome.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "bench/README.md", *ROOT.glob("docs/*.md")])
GUIDES = {"fr": ROOT / "docs/guide.fr.md", "en": ROOT / "docs/guide.en.md"}
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text("utf-8"))


def headings(path: Path) -> list[tuple[int, str]]:
    found = re.findall(r"^(#{1,6}) (.+)$", prose(path), re.MULTILINE)
    return [(len(marks), text) for marks, text in found]


def anchors(path: Path) -> set[str]:
    """As the usual forges make them: small letters, no punctuation, a hyphen for each space."""
    bare = (re.sub(r"[^\w\s-]", "", text.lower()) for _, text in headings(path))
    return {re.sub(r"\s", "-", text.strip()) for text in bare}


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(path: Path) -> None:
    lost = []
    for target in LINK.findall(re.sub(r"`[^`]*`", "", prose(path))):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        if not there.exists() or (anchor and anchor not in anchors(there)):
            lost.append(target)
    assert lost == []


def lines_of_code(path: Path) -> list[str]:
    """Every line of the code blocks, and every piece of code inside a sentence."""
    text = path.read_text("utf-8")
    blocks = [line for _, block in FENCE.findall(text) for line in block.splitlines()]
    return blocks + re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def mistake(words: list[str]) -> str:
    """What is wrong with the words after `tubehome`; "" when a command understands them."""
    if not words or words[0].startswith(("-", "…", "<")):
        return ""
    if words[0] not in COMMANDS:
        return f"no command {words[0]}"
    command: click.Command = import_module(f"tubehome.cli.{COMMANDS[words[0]][0]}").command
    rest = words[1:]
    if isinstance(command, click.Group) and rest and not rest[0].startswith(("-", ">", "|")):
        inner = command.commands.get(rest[0])
        if inner is None:
            return f"no command {words[0]} {rest[0]}"
        command, rest = inner, rest[1:]
    known = {name for one in command.params for name in one.opts} | {"--help"}
    wrong = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
    return f"no option {wrong} of {command.name}" if wrong else ""


def test_a_mistake_is_noticed() -> None:
    assert mistake(["publish", "FILE", "--wait"]) == ""
    assert mistake(["videos", "delete", "ID", "--now"]) == ""
    assert mistake(["publish", "FILE", "--now"])
    assert mistake(["videos", "erase", "ID"])
    assert mistake(["nothing"])


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_command_that_is_shown_exists(path: Path) -> None:
    wrong = {}
    for line in lines_of_code(path):
        found = re.search(r"(?:^|/bin/|[\s(])tubehome ([a-z-][^)|;]*)", line)
        if found:
            said = mistake(found[1].partition(" #")[0].split())
            if said:
                wrong[line] = said
    assert wrong == {}


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_verb_of_the_installer_that_is_shown_exists(path: Path) -> None:
    script = (ROOT / "install.sh").read_text("utf-8")
    shown = {m[1] for line in lines_of_code(path) if (m := re.search(r"\./install\.sh ([a-z]+)", line))}
    assert [verb for verb in shown if not re.search(rf"^    {verb}\) ", script, re.MULTILINE)] == []


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_every_script_and_file_that_is_named_exists(path: Path) -> None:
    tops = r"(?:tubehome|tests|docs|bench|systemd|\.ci)"
    said = {m[0] for line in lines_of_code(path) if (m := re.fullmatch(rf"{tops}/[\w./-]+", line))}
    assert [name for name in sorted(said) if not (ROOT / name).exists()] == []


def test_the_first_screen_of_the_readme_runs_tests_and_publishes() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    first = "\n".join(text.splitlines()[:45])
    for needed in ("docs/img/home.webp", "./install.sh run", "./install.sh test", ".venv/bin/tubehome publish"):
        assert needed in first


def test_the_changelog_tells_what_is_not_released_yet() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    unreleased = re.search(r"^## Unreleased\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert unreleased
    assert len(re.findall(r"^- ", unreleased[1], re.MULTILINE)) >= 10


def shape(path: Path) -> list[str]:
    """Headings by rank, blocks of code by kind and length, tables by rows: what both languages must share."""
    text, made = path.read_text("utf-8"), []
    for found in re.finditer(rf"{FENCE.pattern}|^(#{{1,6}}) |^(\|)|^(\d+\.|-) ", text, re.MULTILINE | re.DOTALL):
        kind, block, rank, row, item = found.groups()
        made.append(f"code {kind} {block.count(chr(10))}" if block is not None else rank or row or item)
    return made


def test_both_guides_are_built_alike() -> None:
    assert shape(GUIDES["fr"]) == shape(GUIDES["en"])


def test_both_guides_show_the_same_commands() -> None:
    def typed(path: Path) -> list[str]:
        blocks = [block for _, block in FENCE.findall(path.read_text("utf-8"))]
        return [re.sub(r'"[^"]*"|\S+\.mp4|http\S+', "…", line) for block in blocks for line in block.splitlines()]

    assert typed(GUIDES["fr"]) == typed(GUIDES["en"])


def sayings(language: str) -> list[re.Pattern[str]]:
    """Every sentence of the program in a language, its values open."""
    with (ROOT / "tubehome/web/locale/fr/LC_MESSAGES/tubehome.po").open("rb") as file:
        catalogue = read_po(file, locale="fr")
    said = [message.string if language == "fr" else message.id for message in catalogue if message.id]
    single = [flat(text) for text in said if isinstance(text, str)]
    return [re.compile(re.sub(r"\\\{\w+\\\}|%\\\(\w+\\\)s", ".+", re.escape(text))) for text in single]


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("language", GUIDES)
def test_the_sentences_that_a_guide_explains_are_the_program_s(language: str) -> None:
    known = sayings(language)
    rows = re.findall(
        r"^\| “(.+?)” \||^\| « (.+?) » \|", re.sub(r"\u00a0", " ", GUIDES[language].read_text("utf-8")), re.MULTILINE
    )
    quoted = [flat(one or other) for one, other in rows]
    assert len(quoted) >= 12
    assert [text for text in quoted if not any(pattern.fullmatch(text) for pattern in known)] == []
