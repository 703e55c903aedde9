"""The sentences that click itself says, in our catalogue: it asks the process's own gettext domain for them."""

from __future__ import annotations

import gettext
import os
from pathlib import Path

from tubehome.base.i18n import mark

WORDS = (
    mark("Usage:"),
    mark("Options"),
    mark("Positional arguments"),
    mark("Show this message and exit."),
    mark("Missing command."),
    mark("Missing argument"),
    mark("Missing option"),
    mark("Missing parameter"),
    mark("No such option {name!r}."),
    mark("No such command {name!r}."),
    mark("Option {name!r} does not take a value."),
    mark("Invalid value: {message}"),
    mark("Invalid value for {param_hint}: {message}"),
    mark("{value!r} is not a valid {number_type}."),
    mark("{value} is not in the range {range}."),
    mark("Error: The two entered values do not match."),
    mark("Error: {message}"),
)


def speak(language: str) -> None:
    """From here on click speaks this language; what is not in the catalogue stays English."""
    os.environ["LANGUAGE"] = language
    gettext.bindtextdomain("tubehome", str(Path(__file__).parent.parent / "web" / "locale"))
    gettext.textdomain("tubehome")
