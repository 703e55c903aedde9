"""The site speaks French and English: nothing is left untranslated, half translated, or said outside the catalogue."""

from __future__ import annotations

import ast
import gettext
import re
from html.parser import HTMLParser
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[3]
TEMPLATES = sorted((ROOT / "tubehome/web/templates").rglob("*.html"))
SPOKEN = {"title", "alt", "aria-label", "placeholder", "aria-description", "label"}
# words that are the same in every language: what is typed at a terminal, our own name, HTTP
SAME = {"tubehome", "code", "pre"}


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    """.ci/locale, as a module."""
    loader = SourceFileLoader("locale_tool", str(ROOT / ".ci/locale"))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    made = module_from_spec(spec)
    loader.exec_module(made)
    return made


def test_the_french_catalogue_is_complete_and_compiled(tool: ModuleType) -> None:
    """Nothing missing, guessed, obsolete or stale; the same placeholders as in English; French spacing."""
    assert tool.problems() == []


def test_the_compiled_catalogue_speaks(tool: ModuleType) -> None:
    with tool.MO.open("rb") as file:
        french = gettext.GNUTranslations(file)
    assert french.gettext("Videos") == "Vidéos"
    # zero is singular in French
    assert [french.ngettext("%(n)s video", "%(n)s videos", n) for n in (0, 1, 2)] == [
        "%(n)s vidéo",
        "%(n)s vidéo",
        "%(n)s vidéos",
    ]


@pytest.mark.parametrize(
    ("string", "said"),
    [
        ("{a} : {c}", "other placeholders"),
        ("{a}, {b} et {b}", "other placeholders"),
        ("{a} : {b} ?", "French spacing"),
        ("« {a} »{b}", "French spacing"),
        ("l'{a} {b}", "straight apostrophe"),
        ("", "not translated"),
    ],
)
def test_the_check_sees_what_is_wrong(
    tool: ModuleType, string: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tool.Catalog(locale="fr")
    wrong.add("{a} and {b}", string)
    found = tool.Catalog()
    found.add("{a} and {b}")
    monkeypatch.setattr(tool, "known", lambda: wrong)
    monkeypatch.setattr(tool, "found", lambda: found)
    assert any(said in problem for problem in tool.problems())


class Bare(HTMLParser):
    """The words of a template that a reader would see and no catalogue knows."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("img", "input", "link", "meta", "source", "br", "path", "use"):
            self._inside.append(tag)
        self.found += [f'{name}="{value}"' for name, value in attrs if name in SPOKEN and value and is_words(value)]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            while self._inside.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if not {"code", "pre", "script"} & set(self._inside) and is_words(data):
            self.found.append(data.strip())


def is_words(text: str) -> bool:
    left = [word for word in re.findall(r"[^\W\d_]{2,}", text) if word not in SAME]
    return bool(left)


def bare_words(source: str) -> list[str]:
    """Jinja's expressions and statements taken out first: what they say comes from `_()` or from the site."""
    parser = Bare()
    parser.feed(re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", source, flags=re.DOTALL))
    parser.close()
    return parser.found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_anything_outside_the_catalogue(template: Path) -> None:
    assert bare_words(template.read_text()) == []


def test_the_scan_sees_bare_words() -> None:
    assert bare_words('<p title="{{ x }} hello">Bare {{ _("known") }}</p><code>ls</code>') == [
        'title="  hello"',
        "Bare",
    ]


def test_templates_hand_whole_sentences_to_the_catalogue() -> None:
    """`_(a) ~ b` or `_(a) + b` would build sentences that no other language can order."""
    for template in TEMPLATES:
        assert not re.search(r"\b(_|ngettext)\([^)]*\)\s*[~+]", template.read_text()), template.name


def test_no_sentence_hides_in_an_f_string() -> None:
    """Before Python 3.12 the extraction does not look inside one: the sentence would never reach the catalogue."""
    package = Path(__file__).parents[3] / "tubehome"
    hidden = []
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                calls = [c.func.id for c in ast.walk(node) if isinstance(c, ast.Call) and isinstance(c.func, ast.Name)]
                if {"_", "gettext", "ngettext", "mark"} & set(calls):
                    hidden.append(f"{path.relative_to(package)}:{node.lineno}")
    assert hidden == []
