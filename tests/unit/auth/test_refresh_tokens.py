"""Refresh tokens as text, and how one follows from another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth_service.domain.sessions.refresh_tokens import SALT_BYTES, RefreshToken, hashed

SECRETS = st.builds(RefreshToken, st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32))
SALTS = st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)


@given(SECRETS)
def test_a_token_is_read_as_it_was_written(token: RefreshToken) -> None:
    assert RefreshToken.read(token.text()) == token


@given(st.text(max_size=80))
def test_any_other_text_is_none(text: str) -> None:
    found = RefreshToken.read(text)
    assert found is None or found.text() == text


@pytest.mark.parametrize(
    "spoil",
    [
        str.upper,
        lambda text: text[:-1],
        lambda text: f"{text}=",
        lambda text: f"{text}\n",
        lambda text: f" {text}",
        lambda text: text.removeprefix("ebr_"),
        lambda text: text[:-1] + "+",
        lambda text: text[:-1] + "\u0661",
    ],
)
def test_a_token_has_one_text(spoil: object) -> None:
    assert RefreshToken.read(spoil(RefreshToken.new().text())) is None  # type: ignore[operator]  # a function of text


@given(SECRETS, SALTS)
def test_the_same_successor_follows_again_and_another_from_another_salt(token: RefreshToken, salt: bytes) -> None:
    successor = token.successor(salt)
    assert successor == token.successor(salt)
    assert successor.family == token.family
    assert successor.once != token.once
    assert successor != token.successor(hashed(salt))


def test_no_two_tokens_are_alike() -> None:
    tokens = [RefreshToken.new() for _ in range(100)]
    assert len({token.family for token in tokens}) == len({token.once for token in tokens}) == 100
