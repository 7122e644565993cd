"""Which key signs and which are published, at each moment of their lives."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auth_service.domain.key_schedule import (
    ALWAYS,
    KeyRecord,
    KeyState,
    KeyTerms,
    published,
    signing,
    state_of,
    waiting,
)
from shared.identity.tokens import CLOCK_SKEW_SECONDS

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TERMS = KeyTerms(published=timedelta(seconds=300), token_life=timedelta(seconds=1_800))


def key(
    number: int, signs_from: datetime = ALWAYS, retires_at: datetime | None = None, published_from: datetime = ALWAYS
) -> KeyRecord:
    return KeyRecord(number, f"key {number}", "RS256", {}, None, published_from, signs_from, retires_at)


def rotated(now: datetime = NOW) -> list[KeyRecord]:
    """Two keys, the second of which was rotated in at ``now``."""
    signs_from = TERMS.signs_from(now)
    return [key(1, retires_at=TERMS.retires_at(signs_from)), key(2, signs_from, published_from=now)]


def states(keys: list[KeyRecord], now: datetime) -> list[KeyState]:
    return [state_of(key, keys, now) for key in keys]


def test_the_only_key_signs() -> None:
    assert states([key(1)], NOW) == [KeyState.SIGNING]
    assert signing([], NOW) is None


@pytest.mark.parametrize(
    ("after_seconds", "expected"),
    [
        (0, [KeyState.SIGNING, KeyState.NEXT]),
        (299, [KeyState.SIGNING, KeyState.NEXT]),
        (300, [KeyState.RETIRING, KeyState.SIGNING]),
        (300 + 1_800 + CLOCK_SKEW_SECONDS - 1, [KeyState.RETIRING, KeyState.SIGNING]),
        (300 + 1_800 + CLOCK_SKEW_SECONDS, [KeyState.RETIRED, KeyState.SIGNING]),
    ],
)
def test_a_new_key_is_published_before_it_signs_and_the_old_one_until_its_last_token_has_ended(
    after_seconds: int, expected: list[KeyState]
) -> None:
    assert states(rotated(), NOW + timedelta(seconds=after_seconds)) == expected


def test_a_key_that_waits_is_told_until_it_signs() -> None:
    keys = rotated()
    assert waiting(keys, NOW) == keys[1]
    assert waiting(keys, TERMS.signs_from(NOW)) is None


def test_by_a_clock_that_is_behind_somebody_signs_all_the_same() -> None:
    keys = [key(1, signs_from=NOW, retires_at=NOW + timedelta(hours=1)), key(2, NOW + timedelta(minutes=5))]
    assert signing(keys, NOW - timedelta(seconds=3)) == keys[0]


def test_of_two_keys_that_sign_from_the_same_moment_the_newer_one_does() -> None:
    assert signing([key(1, NOW), key(2, NOW)], NOW) == key(2, NOW)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(300, 5_000), min_size=1, max_size=6), st.integers(0, 30_000))
def test_at_any_moment_of_many_rotations_one_published_key_signs_and_no_token_outlives_its_key(
    gaps: list[int], at_seconds: int
) -> None:
    keys, began_at = [key(1)], NOW
    for number, gap in enumerate(gaps, start=2):
        began_at += timedelta(seconds=gap)
        signs_from = TERMS.signs_from(began_at)
        keys[-1] = replace(keys[-1], retires_at=TERMS.retires_at(signs_from))
        keys.append(key(number, signs_from, published_from=began_at))

    now = NOW + timedelta(seconds=at_seconds)
    signer = signing(keys, now)
    assert signer is not None
    assert [state_of(k, keys, now) for k in keys].count(KeyState.SIGNING) == 1
    # A token that is signed now is checked with a key that is published for as long as it lives.
    assert signer in published(keys, now + TERMS.token_life)
    # Whoever looked at the keys when this one was published knew it before it signed.
    assert all(later.signs_from - later.published_from == TERMS.published for _, later in pairwise(keys))
