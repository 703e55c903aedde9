"""Words that are chosen from a list: licences, languages. Keys are stored; names are said in the visitor's language."""

from __future__ import annotations

from dataclasses import dataclass

from tubehome.base.i18n import mark


@dataclass(frozen=True)
class Licence:
    name: str  # a sentence of the catalogue
    url: str  # its text, "" when there is none
    peertube: int | None  # PeerTube's number for it


# What becomes of the files that were given, once everything is made of them; "" is what the machine's config says.
ORIGINALS = ("", "keep", "erase")
LICENCES: dict[str, Licence] = {
    "cc-by": Licence(mark("Creative Commons: attribution"), "https://creativecommons.org/licenses/by/4.0/", 1),
    "cc-by-sa": Licence(
        mark("Creative Commons: attribution, same conditions"), "https://creativecommons.org/licenses/by-sa/4.0/", 2
    ),
    "cc-by-nd": Licence(
        mark("Creative Commons: attribution, no changes"), "https://creativecommons.org/licenses/by-nd/4.0/", 3
    ),
    "cc-by-nc": Licence(
        mark("Creative Commons: attribution, not for sale"), "https://creativecommons.org/licenses/by-nc/4.0/", 4
    ),
    "cc-by-nc-sa": Licence(
        mark("Creative Commons: attribution, not for sale, same conditions"),
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        5,
    ),
    "cc-by-nc-nd": Licence(
        mark("Creative Commons: attribution, not for sale, no changes"),
        "https://creativecommons.org/licenses/by-nc-nd/4.0/",
        6,
    ),
    "public-domain": Licence(mark("Public domain"), "https://creativecommons.org/publicdomain/zero/1.0/", 7),
    "etalab-2.0": Licence(
        mark("Licence Ouverte 2.0 (French public bodies)"),
        "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
        None,
    ),
}

# what a form offers; others can be typed where a language is a text (BCP 47)
LANGUAGES: dict[str, str] = {
    "fr": mark("French"),
    "en": mark("English"),
    "ar": mark("Arabic"),
    "br": mark("Breton"),
    "ca": mark("Catalan"),
    "co": mark("Corsican"),
    "de": mark("German"),
    "es": mark("Spanish"),
    "eu": mark("Basque"),
    "gsw": mark("Alsatian"),
    "it": mark("Italian"),
    "nl": mark("Dutch"),
    "oc": mark("Occitan"),
    "pl": mark("Polish"),
    "pt": mark("Portuguese"),
    "rcf": mark("Réunion Creole"),
    "ru": mark("Russian"),
    "tr": mark("Turkish"),
    "uk": mark("Ukrainian"),
}
