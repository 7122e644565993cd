"""One key, one algorithm: what is published of a key, what is believed of a published one, and what it checks."""

import json
from collections.abc import Callable
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from jose.backends.base import Key

from shared.errors import InvalidToken
from shared.identity.jwk import (
    ES256,
    HS256,
    RS256,
    algorithm_of,
    elliptic_key,
    hmac_key,
    public_jwk,
    rsa_key,
    usable_keys,
)
from shared.identity.revocations import Revocations
from shared.identity.tokens import TokenRules, TokenSigner, TokenVerifier
from tests.fixtures.accounts import private_key_pem
from tests.fixtures.keys import pem_of
from tests.fixtures.tokens import RULES, base64, claims

ELLIPTIC_RULES = TokenRules(ES256, RULES.issuer, RULES.audience)


@cache
def elliptic() -> Key:
    return elliptic_key(pem_of("elliptic"))


@cache
def rsa() -> Key:
    return rsa_key(private_key_pem())


PRIVATE: dict[str, Callable[[], Key]] = {RS256: rsa, ES256: elliptic}


def jwk() -> dict[str, str]:
    return public_jwk(elliptic())


def test_each_key_was_made_for_one_algorithm() -> None:
    assert [algorithm_of(key) for key in (rsa(), elliptic(), hmac_key("x" * 32))] == [RS256, ES256, HS256]
    assert [algorithm_of(key.public_key()) for key in (rsa(), elliptic())] == [RS256, ES256]


def test_a_published_key_has_its_thumbprint_for_a_name_and_nothing_private() -> None:
    assert set(jwk()) == {"crv", "kty", "x", "y", "kid", "use", "alg"}
    assert jwk() == public_jwk(elliptic().public_key())
    assert len(jwk()["kid"]) == 43


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    # The key and its thumbprint of RFC 7638, section 3.1.
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
        "njhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6"
        "qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa"
        "pJzKnqDKgw"
    )
    key = rsa_key({"kty": "RSA", "n": modulus, "e": "AQAB"})
    assert public_jwk(key)["kid"] == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


@pytest.mark.parametrize(
    "said",
    [
        {"crv": "P-384"}, {"crv": "P-521"}, {"crv": "secp256k1"}, {"crv": None}, {"crv": ["P-256"]}, {"kty": "OKP"},
        {"kty": "RSA"}, {"kty": "oct", "k": "eA"}, {"alg": "RS256"}, {"alg": "HS256"}, {"alg": "ES384"},
        {"alg": "ECDH-ES"}, {"alg": None}, {"use": "enc"}, {"key_ops": ["deriveKey"]}, {"kid": None}, {"x": "AA"},
        {"y": "!"}, {"x": None}, {"x": 7},
    ],
)  # fmt: skip
def test_a_key_for_something_else_or_off_the_curve_is_not_believed(said: dict[str, object]) -> None:
    assert usable_keys([jwk() | said]) == {}


def test_keys_of_both_kinds_are_believed_in_one_set_and_of_a_pair_the_public_half_only() -> None:
    pairs = [key.to_dict() | public_jwk(key) for key in (rsa(), elliptic())]
    keys = usable_keys(pairs)
    assert [algorithm_of(key) for key in keys.values()] == [RS256, ES256]
    assert not any("d" in key.to_dict() for key in keys.values())


@pytest.mark.parametrize("algorithm", [RS256, ES256])
@pytest.mark.parametrize("rules", [RULES, ELLIPTIC_RULES])
def test_with_public_keys_tokens_of_both_algorithms_are_believed(algorithm: str, rules: TokenRules) -> None:
    key = PRIVATE[algorithm]()
    token = TokenSigner(TokenRules(algorithm, RULES.issuer, RULES.audience), key, "k", 600).sign(1, "a@b.c", "user")
    verifier = TokenVerifier(rules, cache_max=0, revocations=Revocations())
    assert verifier.key_id(token) == "k"
    assert verifier.verify(token, key.public_key()).uid == 1


@pytest.mark.parametrize(("said", "signed_with"), [(ES256, RS256), (RS256, ES256)])
def test_a_token_that_names_another_algorithm_than_that_of_its_key_is_refused_though_its_signature_is_good(
    said: str, signed_with: str
) -> None:
    key = PRIVATE[signed_with]()
    header = json.dumps({"alg": said, "typ": "at+jwt", "kid": "k"}).encode()
    message = f"{base64(header)}.{base64(json.dumps(claims()).encode())}"
    token = f"{message}.{base64(key.sign(message.encode()))}"
    verifier = TokenVerifier(RULES, cache_max=0, revocations=Revocations())
    verifier.key_id(token)
    with pytest.raises(InvalidToken):
        verifier.verify(token, key.public_key())


def test_a_shared_secret_is_no_public_key_to_those_who_expect_one() -> None:
    rules = TokenRules(HS256, RULES.issuer, RULES.audience)
    token = TokenSigner(rules, hmac_key("x" * 32), "k", 600).sign(1, "a@b.c", "user")
    with pytest.raises(InvalidToken):
        TokenVerifier(RULES, cache_max=0, revocations=Revocations()).key_id(token)


def test_tokens_of_a_key_that_is_no_longer_believed_are_forgotten_and_no_others() -> None:
    verifier = TokenVerifier(RULES, cache_max=10, revocations=Revocations())
    tokens = {
        kid: TokenSigner(rules, PRIVATE[rules.algorithm](), kid, 600).sign(1, "a@b.c", "user")
        for kid, rules in (("old", RULES), ("new", ELLIPTIC_RULES))
    }
    verifier.verify(tokens["old"], rsa().public_key())
    verifier.verify(tokens["new"], elliptic().public_key())

    verifier.forget({"old", "another"})

    assert verifier.cached(tokens["old"]) is None
    assert verifier.cached(tokens["new"]) is not None


P384 = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def test_a_curve_that_is_too_large_is_not_taken_for_ours() -> None:
    entry = {name: value for name, value in elliptic_key(P384).to_dict().items() if name != "d"}
    assert usable_keys([{**entry, "kid": "k", "alg": ES256}]) == {}
