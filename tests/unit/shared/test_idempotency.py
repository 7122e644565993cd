"""Idempotency-Key: what is a key is understood, the rest is refused, nothing crashes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.database.types import IDEMPOTENCY_KEY_LENGTH_MAX
from shared.errors import InvalidInput
from shared.http.idempotency import parse_idempotency_key

EXAMPLES = settings(max_examples=300, deadline=None)

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=300)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (None, None), ("k", "k"), (" k\t", "k"), ('"k"', "k"), ('"a b"', "a b"), ("a b", "a b"), (r'"a\"b"', 'a"b'),
        (r'"a\\b"', r"a\b"), ('"', '"'), ('"a', '"a'), ('a"b"', 'a"b"'), ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
        ('"k";a=1', '"k";a=1'), ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ('"k,k"', "k,k"),
    ],
)  # fmt: skip
def test_a_key_is_what_stands_between_the_quotes_if_any(header: str | None, key: str | None) -> None:
    assert parse_idempotency_key(header) == key


@pytest.mark.parametrize(
    "header",
    [
        "",
        " ",
        '""',
        '" "',
        "é",
        "\x00",
        "a\x7fb",
        "a\nb",
        "x" * 256,
        '"' + "x" * 256 + '"',
        "a\u2028",
        "k,k",
        ",",
        '"k", "k"',
        '"k",',
    ],
)
def test_what_is_no_key_is_pointed_at(header: str) -> None:
    with pytest.raises(InvalidInput) as problem:
        parse_idempotency_key(header)
    assert [error.pointer for error in problem.value.errors] == ["#/header/Idempotency-Key"]


@EXAMPLES
@given(st.text(max_size=300))
def test_any_text_is_a_key_that_fits_or_is_refused(header: str) -> None:
    try:
        key = parse_idempotency_key(header)
    except InvalidInput:
        return
    assert key is not None
    assert 1 <= len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX
    assert key.isascii()
    assert key.isprintable()


@EXAMPLES
@given(printable)
def test_a_key_means_the_same_quoted_and_unquoted(text: str) -> None:
    # But for spaces at its ends, which HTTP drops, commas, which want quotes, and a key that has the form of a quoted
    # one itself.
    key = text.strip()
    if not 1 <= len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX or key.startswith('"'):
        return
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_idempotency_key(f'"{escaped}"') == key
    assert "," in key or parse_idempotency_key(key) == key
