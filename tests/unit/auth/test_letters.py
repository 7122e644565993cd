"""The letters: every text in every language, and nothing in them that somebody could have put there."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from auth_service.domain.outbox import PASSWORD_CHANGED, PASSWORD_RESET, VERIFICATION, Letter
from auth_service.letters import writing
from auth_service.letters.texts import TEXTS
from auth_service.letters.writing import CATALOGUES, FOLDER, write
from shared.languages import DEFAULT, LANGUAGES

TRANSLATED = [language for language in LANGUAGES if language != DEFAULT]
BASE, TOKEN = "https://tickets.example", "u1sZq0v3T7m4pX9cB2nJ6kL8wE5rY0aDfGhQiOtUvxM"
HOUR, DAY = 60, 24 * 60


def letter(kind: str = VERIFICATION, language: str = DEFAULT, minutes: int = DAY) -> Letter:
    return Letter(kind, "ada@example.com", language, None, minutes)


def file_of(language: str) -> Path:
    return CATALOGUES / language / "LC_MESSAGES" / "letters.po"


def catalogue(language: str) -> Catalog:
    with file_of(language).open("rb") as file:
        return read_po(file, locale=language)


def messages(language: str) -> Iterator[Message]:
    return (message for message in catalogue(language) if message.id)


def singular(identifier: object) -> str:
    return str(identifier[0] if isinstance(identifier, tuple | list) else identifier)


def texts_in_the_code() -> set[str]:
    found = extract_from_dir(FOLDER, [("**.py", "python")], keywords={"_": None, "ngettext": (1, 2)})
    return {singular(identifier) for _, _, identifier, _, _ in found}


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text)} - {None}


def test_the_texts_are_really_found() -> None:
    assert "Set a new password" in texts_in_the_code()


def test_each_language_has_a_catalogue_and_each_catalogue_a_language() -> None:
    assert sorted(folder.name for folder in CATALOGUES.iterdir()) == sorted(TRANSLATED)


@pytest.mark.parametrize("language", TRANSLATED)
def test_each_text_is_translated_and_none_is_left_over(language: str) -> None:
    assert {singular(message.id) for message in messages(language)} == texts_in_the_code(), "make catalogues"


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_translation_is_empty_a_guess_or_the_english_text(language: str) -> None:
    for message in messages(language):
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        assert all(strings), message.id
        assert not message.fuzzy, message.id
        assert singular(message.id) not in strings, message.id
        expected = catalogue(language).num_plurals if isinstance(message.id, tuple | list) else 1
        assert len(strings) == expected, message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_has_the_placeholders_of_its_text(language: str) -> None:
    for message in messages(language):
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        for string in strings:
            assert placeholders(str(string)) == placeholders(singular(message.id)), message.id


@pytest.mark.parametrize("language", TRANSLATED)
def test_what_is_read_was_compiled_of_what_translators_write(language: str) -> None:
    compiled = BytesIO()
    write_mo(compiled, catalogue(language))
    assert file_of(language).with_suffix(".mo").read_bytes() == compiled.getvalue(), "make catalogues"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_each_letter_can_be_written_in_each_language(kind: str, language: str) -> None:
    written = write(letter(kind, language), BASE, TOKEN)
    assert written.subject
    assert written.language == language
    assert f'<html lang="{language}">' in written.html
    assert "\n" not in written.subject
    assert "{" not in written.text


@pytest.mark.parametrize(("kind", "page"), [(VERIFICATION, "verify-email"), (PASSWORD_RESET, "password-reset")])
def test_the_token_is_behind_the_hash_which_no_server_gets_to_see(kind: str, page: str) -> None:
    link = f"{BASE}/{page}#token={TOKEN}"
    written = write(letter(kind), f"{BASE}/", TOKEN)
    assert written.link == link
    assert link in written.text.splitlines()
    assert re.findall(r'href="([^"]*)"', written.html) == [link, link]


def test_a_notice_has_no_link_that_somebody_could_be_lured_with() -> None:
    written = write(letter(PASSWORD_CHANGED), BASE, None)
    assert written.link is None
    assert "http" not in written.text
    assert "href" not in written.html


def test_what_would_be_markup_is_text() -> None:
    written = write(letter(), 'https://x.example/"><script>alert(1)</script>', TOKEN)
    assert "<script>" not in written.html
    assert "&lt;script&gt;" in written.html


def test_nothing_outside_is_loaded_by_a_letter() -> None:
    assert re.findall(r"(?:src=|url\(|<link|<img|@import)", write(letter(), BASE, TOKEN).html) == []


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "1 minute."),
        (30, "30 minutes."),
        (HOUR, "60 minutes."),
        (90, "90 minutes."),
        (2 * HOUR, "2 hours."),
        (DAY, "24 hours."),
    ],
)
def test_how_long_a_link_is_good_is_said(minutes: int, words: str) -> None:
    assert words in write(letter(minutes=minutes), BASE, TOKEN).text


@pytest.mark.parametrize(("language", "words"), [("de", "1 Minute lang"), ("fr", "1 minute"), ("zh", "1 分钟")])
def test_one_is_counted_as_the_language_does(language: str, words: str) -> None:
    assert words in write(letter(language=language, minutes=1), BASE, TOKEN).text


def test_an_unknown_letter_is_no_letter() -> None:
    with pytest.raises(LookupError):
        write(letter("advertisement"), BASE, TOKEN)


def test_a_language_without_a_catalogue_is_told_and_not_passed_over() -> None:
    with pytest.raises(OSError, match="translation"):
        writing.translations_of("tlh")
