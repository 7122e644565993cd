"""The keys of the table as a process holds them: what cannot be opened cannot sign, and is checked all the same."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from jose import jwt

from auth_service.domain.errors import NoSigningKey
from auth_service.domain.held_keys import HeldKeys, KeyMaker
from auth_service.domain.key_schedule import ALWAYS, KeyRecord
from auth_service.domain.sealing import Sealer
from auth_service.domain.signing import SigningKey
from auth_service.domain.stored_keys import of_the_configuration
from shared.clock import utc_now
from shared.identity.jwk import ES256, RS256
from shared.identity.tokens import TokenRules
from tests.fixtures.keys import ENCRYPTION_SECRET, OTHER_SECRET, pair, record

RULES = TokenRules(RS256, "https://issuer.example", "seats")
NOW = utc_now()


def hold(*records: KeyRecord, secret: str | None = ENCRYPTION_SECRET, configured: SigningKey | None = None) -> HeldKeys:
    return KeyMaker(RULES, 600, configured, None if secret is None else Sealer(secret)).hold(records, NOW)


@pytest.mark.parametrize("algorithm", [RS256, ES256])
def test_a_stored_key_signs_with_its_own_algorithm_whatever_is_configured(algorithm: str) -> None:
    stored = record("a", algorithm=algorithm)
    token = hold(stored).signer(NOW).sign(1, "a@example.com", "user")
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "typ": "at+jwt", "kid": stored.key_id}


def test_the_configured_key_signs_until_it_is_replaced() -> None:
    configured = pair("a")
    held = hold(of_the_configuration(configured), configured=configured, secret=None)
    token = held.signer(NOW).sign(1, "a@example.com", "user")
    assert jwt.get_unverified_header(token)["kid"] == configured.key_id


@pytest.mark.parametrize(
    ("stored", "secret", "words"),
    [
        (record("a"), None, "KEY_ENCRYPTION_SECRET_FILE .* must be set"),
        (record("a"), OTHER_SECRET, "KEY_ENCRYPTION_SECRET_FILE: does not open"),
        (of_the_configuration(pair("a")), ENCRYPTION_SECRET, "JWT_PRIVATE_KEY_FILE: is not key"),
    ],
)
def test_a_key_that_cannot_sign_is_checked_all_the_same_and_the_reason_names_the_variable(
    stored: KeyRecord, secret: str | None, words: str
) -> None:
    held = hold(stored, secret=secret)
    with pytest.raises(NoSigningKey):
        held.signer(NOW)
    assert held.find(stored.key_id, NOW) is not None
    (complaint,) = held.complaints.values()
    assert re.search(words, complaint)


def test_without_any_key_nobody_signs() -> None:
    with pytest.raises(NoSigningKey):
        hold().signer(NOW)


def test_a_key_that_only_checks_need_not_be_opened() -> None:
    old = replace(record("a", OTHER_SECRET), retires_at=NOW + timedelta(hours=1))
    new = replace(record("b"), number=2, signs_from=NOW)
    assert hold(old, new).complaints == {}


def test_a_key_is_believed_while_it_is_published_and_no_longer() -> None:
    stored = replace(record("a"), retires_at=NOW)
    held = hold(stored, replace(record("b"), number=2, signs_from=ALWAYS))
    before = NOW - timedelta(seconds=1)
    assert held.find(stored.key_id, before) is not None
    assert stored.key_id in held.published(before)
    assert held.find(stored.key_id, NOW) is None
    assert stored.key_id not in held.published(NOW)
    assert held.find(None, before) is None
