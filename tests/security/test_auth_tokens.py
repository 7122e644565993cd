"""Tokens that must not be believed: each is 401 with a challenge, and never anything worse."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from fastapi.testclient import TestClient
from jose.backends.base import Key

from shared.identity.jwk import public_jwk, rsa_key
from tests.fixtures.accounts import ADA, accounts_database, auth_settings, bearer, private_key_pem, running

Sign = Callable[[bytes], bytes]

# RFC 6750, section 3.1: which of the two it was, the caller is told.
NO_TOKEN = "Bearer"
INVALID_TOKEN = 'Bearer error="invalid_token"'


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = auth_settings(f"sqlite:///{tmp_path_factory.mktemp('auth')}/auth.db")
    with accounts_database(settings), running(settings) as client:
        client.post("/users", json=ADA)
        yield client


def our_key() -> Key:
    return rsa_key(private_key_pem())


@cache
def foreign_key() -> Key:
    return rsa_key(private_key_pem(3072))


def our_signature(message: bytes) -> bytes:
    signature: bytes = our_key().sign(message)
    return signature


def foreign_signature(message: bytes) -> bytes:
    signature: bytes = foreign_key().sign(message)
    return signature


def hmac_of(secret: bytes) -> Sign:
    return lambda message: hmac.digest(secret, message, "sha256")


def public_key(encoding: Encoding) -> bytes:
    key = load_pem_private_key(private_key_pem().encode(), password=None).public_key()
    return key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def good_header() -> dict[str, Any]:
    return {"alg": "RS256", "typ": "at+jwt", "kid": public_jwk(our_key())["kid"]}


def good_claims() -> dict[str, Any]:
    now = int(time.time())
    claims = {"iss": "http://localhost:8001", "aud": "event-booking", "sub": ADA["email"], "exp": now + 600}
    return {**claims, "iat": now, "jti": "1", "client_id": "event-booking", "uid": 1, "role": "user", "scope": ""}


def base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def assemble(header: bytes, claims: bytes, sign: Sign = our_signature) -> str:
    message = f"{base64(header)}.{base64(claims)}"
    return f"{message}.{base64(sign(message.encode()))}"


def with_header(sign: Sign = our_signature, **changes: object) -> str:
    return assemble(json.dumps({**good_header(), **changes}).encode(), json.dumps(good_claims()).encode(), sign)


def with_claims(**changes: object) -> str:
    claims = {name: value for name, value in {**good_claims(), **changes}.items() if value is not ...}
    return assemble(json.dumps(good_header()).encode(), json.dumps(claims).encode())


def without_kid() -> str:
    header = {name: value for name, value in good_header().items() if name != "kid"}
    return assemble(json.dumps(header).encode(), json.dumps(good_claims()).encode())


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "one word": lambda: "x",
    "three empty parts": lambda: "..",
    "not base64": lambda: "ä.b.c",
    "8 KB": lambda: with_claims(padding="x" * 6_000),
    "8 KB of dots": lambda: "." * 8_192,
    "alg none": lambda: with_header(lambda _: b"", alg="none"),
    "alg None": lambda: with_header(lambda _: b"", alg="None"),
    "no signature": lambda: with_header(lambda _: b""),
    "HS256 with the public key as PEM": lambda: with_header(hmac_of(public_key(Encoding.PEM)), alg="HS256"),
    "HS256 with the public key as DER": lambda: with_header(hmac_of(public_key(Encoding.DER)), alg="HS256"),
    "RS512": lambda: with_header(alg="RS512"),
    "another key": lambda: with_header(foreign_signature),
    "another key under its own kid": lambda: with_header(foreign_signature, kid=public_jwk(foreign_key())["kid"]),
    "another key, embedded": lambda: with_header(foreign_signature, jwk=public_jwk(foreign_key())),
    "an unknown kid": lambda: with_header(kid="unknown"),
    "a kid that is a path": lambda: with_header(kid="../../dev/null"),
    "a kid that is a list": lambda: with_header(kid=["a"]),
    "no kid": without_kid,
    "typ JWT": lambda: with_header(typ="JWT"),
    "no typ": lambda: with_header(typ=None),
    "crit": lambda: with_header(crit=["exp"]),
    "a header of a thousand brackets": lambda: assemble(b"[" * 1_000, b"{}"),
    "claims of a thousand brackets": lambda: assemble(json.dumps(good_header()).encode(), b"[" * 1_000),
    "a header that is a list": lambda: assemble(b"[]", b"{}"),
    "a header that is not UTF-8": lambda: assemble(b"\xff\xfe", b"{}"),
    "claims that are a list": lambda: assemble(json.dumps(good_header()).encode(), b"[]"),
    "expired": lambda: with_claims(exp=int(time.time()) - 60),
    "no exp": lambda: with_claims(exp=...),
    "exp Infinity": lambda: with_claims(exp=float("inf")),
    "exp NaN": lambda: with_claims(exp=float("nan")),
    "exp 1e400": lambda: assemble(
        json.dumps(good_header()).encode(), json.dumps({**good_claims(), "exp": 0}).replace(": 0", ": 1e400").encode()
    ),
    "exp as text": lambda: with_claims(exp="9999999999"),
    "exp true": lambda: with_claims(exp=True),
    "not valid yet": lambda: with_claims(nbf=int(time.time()) + 600),
    "another audience": lambda: with_claims(aud="another"),
    "no aud": lambda: with_claims(aud=...),
    "another issuer": lambda: with_claims(iss="https://evil.example"),
    "no iss": lambda: with_claims(iss=...),
    "no jti": lambda: with_claims(jti=...),
    "no iat": lambda: with_claims(iat=...),
    "no sub": lambda: with_claims(sub=...),
    "an unknown role and no scope": lambda: with_claims(role="root", scope=...),
    "neither a role nor a scope": lambda: with_claims(role=..., scope=...),
    "a role that is a list, and no scope": lambda: with_claims(role=["admin"], scope=...),
    "a scope that is a list": lambda: with_claims(scope=["users:manage"]),
    "no uid": lambda: with_claims(uid=...),
    "uid true": lambda: with_claims(uid=True),
    "uid as text": lambda: with_claims(uid="1"),
    "uid 0": lambda: with_claims(uid=0),
    "uid 1e30": lambda: with_claims(uid=10**30),
}


def assert_challenged(
    client: TestClient, headers: list[tuple[str, str | bytes]], challenge: str = INVALID_TOKEN
) -> None:
    answer = client.get("/users/me", headers=[(name.encode(), _bytes(value)) for name, value in headers])

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == challenge
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"]


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def test_the_forger_of_these_tests_can_make_a_good_token(client: TestClient) -> None:
    assert client.get("/users/me", headers={"Authorization": f"Bearer {with_claims()}"}).status_code == 200


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_challenged(client: TestClient, name: str) -> None:
    assert_challenged(client, [("Authorization", f"Bearer {BAD_TOKENS[name]()}")])


def test_a_changed_claim_breaks_the_signature(client: TestClient) -> None:
    header, _, signature = bearer(client)["Authorization"].split(".")
    claims = base64(json.dumps({**good_claims(), "role": "admin"}).encode())

    assert_challenged(client, [("Authorization", f"{header}.{claims}.{signature}")])


def test_no_authorization_is_challenged(client: TestClient) -> None:
    assert_challenged(client, [], NO_TOKEN)


def test_two_authorizations_are_challenged_even_when_both_are_good(client: TestClient) -> None:
    good = bearer(client)["Authorization"]

    assert_challenged(client, [("Authorization", good), ("authorization", good)], NO_TOKEN)


@pytest.mark.parametrize("scheme", ["Basic", "Token", "Bearer2", ""])
def test_another_scheme_is_challenged(client: TestClient, scheme: str) -> None:
    assert_challenged(client, [("Authorization", f"{scheme} {with_claims()}")], NO_TOKEN)


@pytest.mark.parametrize(
    ("value", "challenge"),
    [
        (b"[" * 1_000, NO_TOKEN),
        (b"Bearer " + b"[" * 1_000, INVALID_TOKEN),
        (b"Bearer \xff\xfe", INVALID_TOKEN),
        (b"Bearer", NO_TOKEN),
        (b"Bearer ", NO_TOKEN),
        (b"\x80", NO_TOKEN),
    ],
)
def test_an_authorization_that_is_no_token_is_challenged(client: TestClient, value: bytes, challenge: str) -> None:
    assert_challenged(client, [("Authorization", value)], challenge)


@pytest.mark.parametrize("before", [" ", "  ", " " * 20])
@pytest.mark.parametrize("after", ["", " ", "\t", " \t "])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_spaces_around_a_token_do_not_count(client: TestClient, scheme: str, before: str, after: str) -> None:
    # RFC 9110, section 11.4: one or more spaces; section 5.5: what surrounds a field's value is not of it.
    header = f"{scheme}{before}{with_claims()}{after}"
    assert client.get("/users/me", headers={"Authorization": header}).status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        "Bearer\t{}", "Bearer \t{}", "Bearer\xa0{}", "Bearer \xa0{}", "Bearer \x85{}", "Bearer {}\xa0", "Bearer {},",
        "Bearer {} {}", "Bearer {}, Bearer {}", "Bearer {},{}", "Bearer Bearer {}", "Bearer, {}", 'Bearer "{}"',
        "Bearer token={}", "Bearer {}=", "Bearer {};", "Bearer{}", "{}",
    ],
)  # fmt: skip
def test_anything_else_around_a_token_is_challenged(client: TestClient, form: str) -> None:
    good = with_claims()
    client.get("/users/me", headers={"Authorization": f"Bearer {good}"})  # remembered by now
    # Without the scheme and its blank there is no token for all that we can tell.
    challenge = INVALID_TOKEN if form.startswith("Bearer ") else NO_TOKEN
    assert_challenged(client, [("Authorization", form.replace("{}", good).encode("latin-1"))], challenge)


def test_a_token_that_is_remembered_is_so_in_its_one_text_only(client: TestClient) -> None:
    good = with_claims()
    assert client.get("/users/me", headers={"Authorization": f"Bearer {good}"}).status_code == 200
    for other in (f"{good}=", f"{good}!", good[:-2] + "," + good[-2:], good.replace(".", ". ")):
        assert_challenged(client, [("Authorization", f"Bearer {other}")])
