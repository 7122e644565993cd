"""Headers with a grammar: what means something is understood, the rest is refused or left alone, nothing crashes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_service.api.headers import parse_idempotency_key, parse_wait_seconds
from booking_service.domain.models import IDEMPOTENCY_KEY_LENGTH_MAX
from shared.errors import InvalidInput

EXAMPLES = settings(max_examples=300, deadline=None)
WAIT_MAX = 30

printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=300)


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (None, None), ("k", "k"), (" k\t", "k"), ('"k"', "k"), ('"a b"', "a b"), ("a b", "a b"), (r'"a\"b"', 'a"b'),
        (r'"a\\b"', r"a\b"), ('"', '"'), ('"a', '"a'), ('a"b"', 'a"b"'), ("x" * 255, "x" * 255),
        ('"' + "x" * 255 + '"', "x" * 255),
        ('"k";a=1', '"k";a=1'), ("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324"),
        ("k,k", "k,k"),
    ],
)  # fmt: skip
def test_a_key_is_what_stands_between_the_quotes_if_any(header: str | None, key: str | None) -> None:
    assert parse_idempotency_key(header) == key


@pytest.mark.parametrize(
    "header", ["", " ", '""', '" "', "é", "\x00", "a\x7fb", "a\nb", "x" * 256, '"' + "x" * 256 + '"', "a\u2028"]
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
    # But for spaces at its ends, which HTTP drops, and a key that has the form of a quoted one itself.
    key = text.strip()
    if not 1 <= len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX or key.startswith('"'):
        return
    escaped = key.replace("\\", "\\\\").replace('"', '\\"')
    assert parse_idempotency_key(f'"{escaped}"') == key == parse_idempotency_key(key)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("wait=5", 5), ("WAIT=5", 5), ("wait = 5", 5), ('wait="5"', 5), ("wait=5;x=1", 5),
        ("respond-async, wait=5", 5), ("respond-async,wait=5,x", 5), ("wait=5, wait=7", 5), ("wait=0", 0),
        ("wait=30", 30),
        ("wait=31", 30), ("wait=999999999", 30), ("wait=007", 7), ("wait", None), ("wait=", None),
        ("wait=-1", None), ("wait=+1", None),
        ("wait=1.5", None), ("wait=x", None), ("wait=1_0", None), ("await=5", None), ("wait=5x", None),
        ("wait=\uff15", None),
        ("wait:5", None), ("wait=" + "9" * 5_000, None), (",;,;=", None),
    ],
)  # fmt: skip
def test_a_wait_is_understood_and_capped_or_left_alone(header: str | None, seconds: int | None) -> None:
    assert parse_wait_seconds(header, WAIT_MAX) == seconds


@EXAMPLES
@given(st.text(max_size=200), st.integers(0, 120))
def test_any_text_is_a_bounded_wait_or_none(header: str, wait_max: int) -> None:
    seconds = parse_wait_seconds(header, wait_max)
    assert seconds is None or 0 <= seconds <= wait_max


@EXAMPLES
@given(
    st.integers(0, 10**9 - 1), st.lists(st.sampled_from(["respond-async", "handling=lenient", "x;y=z", ""]), max_size=3)
)
def test_a_wait_among_other_preferences_is_found(wanted: int, others: list[str]) -> None:
    assert parse_wait_seconds(", ".join([*others, f"wait={wanted}"]), WAIT_MAX) == min(wanted, WAIT_MAX)
