"""The languages that people are addressed in, and which of them somebody wants."""

import re
from typing import Final

DEFAULT: Final = "en"
LANGUAGES: Final = (DEFAULT, "de", "es", "fr", "zh")
TAG_LENGTH_MAX: Final = 35  # characters (RFC 5646, section 4.4.1)
RANGES_MAX: Final = 50  # of a header; nobody means more
# A language range and its weight (RFC 9110, sections 12.4.2 and 12.5.4).
RANGE: Final = re.compile(r"([a-z]{1,8}(?:-[a-z0-9]{1,8})*|\*)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?")


def negotiated(accept_language: str) -> str:
    """Return the language of LANGUAGES that an `Accept-Language` likes best; DEFAULT when it likes none of them.

    Of what it likes as much, the first. Only the language of a range counts (RFC 4647, section 3.4): `de-CH` is served
    in German. What is no range is passed over.
    """
    best, liking = DEFAULT, 0.0
    refused: set[str] = set()
    for tag, weight in _ranges(accept_language):
        if weight == 0:
            refused.add(tag)
        language = next((known for known in LANGUAGES if known not in refused), DEFAULT) if tag == "*" else tag
        if language in LANGUAGES and language not in refused and weight > liking:
            best, liking = language, weight
    return best


def spoken(locale: str | None, accept_language: str) -> str:
    """Return the language of somebody's ``locale`` (BCP 47) if it is one of LANGUAGES, else the one negotiated."""
    language = (locale or "").partition("-")[0].lower()
    return language if language in LANGUAGES else negotiated(accept_language)


def _ranges(accept_language: str) -> list[tuple[str, float]]:
    parts = accept_language.lower().split(",", RANGES_MAX)[:RANGES_MAX]
    matches = filter(None, (RANGE.fullmatch(part.strip(" \t")) for part in parts))
    return [(match[1].partition("-")[0], 1.0 if match[2] is None else float(match[2])) for match in matches]
