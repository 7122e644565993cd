"""Writes letters: a text and a page for each, in the reader's language."""

import gettext
from dataclasses import dataclass
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from auth_service.domain.outbox import Letter
from auth_service.letters import texts
from shared.languages import DEFAULT

FOLDER: Final = Path(__file__).parent
CATALOGUES: Final = FOLDER / "catalogues"
CATALOGUE: Final = "letters"


@dataclass(frozen=True, slots=True)
class Written:
    """A letter as it is read. ``link`` is the one in it, None where there is none."""

    language: str
    subject: str
    text: str
    html: str
    link: str | None


def write(letter: Letter, link_base: str, token: str | None) -> Written:
    """Write ``letter``, whose link leads to a page below ``link_base``. Raises LookupError for an unknown kind.

    The token stands behind the `#`: browsers send that to no server, so it comes into no log and no `Referer`.
    """
    translations = translations_of(letter.language)
    text = texts.text_of(letter.kind, translations, letter.lifetime_minutes)
    link = f"{link_base.rstrip('/')}/{text.page}#token={token}" if text.page else None
    values = {
        "language": letter.language,
        "text": text,
        "link": link,
        "greeting": texts.greeting(translations),
        "closing": texts.closing(translations),
    }
    layout = _layout()
    return Written(
        language=letter.language,
        subject=text.subject,
        text=layout.get_template("letter.txt").render(values),
        html=layout.get_template("letter.html").render(values),
        link=link,
    )


@cache
def translations_of(language: str) -> NullTranslations:
    """Read a catalogue, once. The texts are in English, so that has none. Raises OSError for a language without one."""
    if language == DEFAULT:
        return NullTranslations()
    return gettext.translation(CATALOGUE, CATALOGUES, [language])


@cache
def _layout() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
