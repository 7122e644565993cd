"""Which language somebody is written in."""

import pytest

from shared.languages import LANGUAGES, RANGES_MAX, negotiated, spoken


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-ch", "de"),
        ("zh-Hant-TW", "zh"),
        ("it, fr;q=0.5", "fr"),
        ("fr;q=0.5, de;q=0.8", "de"),
        ("es;q=0.5,fr;q=0.5", "es"),
        ("de;q=0, es;q=0.1", "es"),
        ("fr ; q=0.3 , de\t;\tq=0.301", "de"),
        ("it", "en"),
        ("*", "en"),
        ("it, *;q=0.1", "en"),
        ("en;q=0, *", "de"),
        ("de;q=2, fr;q=0.1", "fr"),
        ("de;q=0.1234, fr;q=0.1", "fr"),
        ("de_DE, fr;q=0.1", "fr"),
        (",,de,,", "de"),
        ("\u1e9ee, de\r\nX: y", "en"),
    ],
)
def test_the_best_liked_language_is_taken(header: str, language: str) -> None:
    assert negotiated(header) == language


def test_no_header_takes_long_to_read() -> None:
    assert negotiated("xx, " * RANGES_MAX + "de") == "en"
    assert negotiated("a-" * 8_000) == "en"


@pytest.mark.parametrize(
    ("locale", "language"),
    [(None, "fr"), ("de", "de"), ("de-AT", "de"), ("ZH-Hans", "zh"), ("it-IT", "fr"), ("", "fr")],
)
def test_the_locale_of_the_account_goes_before_what_the_request_asks_for(locale: str | None, language: str) -> None:
    assert spoken(locale, "fr") == language


def test_english_is_the_first_language() -> None:
    assert LANGUAGES == ("en", "de", "es", "fr", "zh")
