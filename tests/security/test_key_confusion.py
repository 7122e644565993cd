"""One key, one algorithm (RFC 8725, sections 2.1 and 3.1), at both services with published keys of both kinds.

The auth service is a real process, so that the booking service fetches what it publishes.
"""

import hmac
import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from jose.backends.base import Key

from auth_service.settings import AuthSettings
from lab.ports import free_port
from shared.identity.jwk import ES256, RS256, elliptic_key, public_jwk, rsa_key
from tests.fixtures.accounts import ADA, accounts_database, private_key_pem
from tests.fixtures.box_office import NOWHERE, migrated_sqlite
from tests.fixtures.keys import ENCRYPTION_SECRET, pem_of, rotate_in, rotating_settings
from tests.fixtures.processes import System
from tests.fixtures.servers import wait_until
from tests.fixtures.tokens import base64

RSA_PEM, ELLIPTIC_PEM = private_key_pem(), pem_of("elliptic")
RSA, ELLIPTIC = rsa_key(RSA_PEM), elliptic_key(ELLIPTIC_PEM)
RSA_ID, ELLIPTIC_ID = public_jwk(RSA)["kid"], public_jwk(ELLIPTIC)["kid"]
FOREIGN_RSA, FOREIGN_ELLIPTIC = rsa_key(private_key_pem(3072)), elliptic_key(pem_of("foreign"))
Sign = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Doors:
    """Both services, and what each asks a token for."""

    system: System

    def statuses(self, token: str) -> list[int]:
        headers, http = {"Authorization": f"Bearer {token}"}, self.system.http
        answers = [
            http.get(f"{self.system.auth_url}/users/me", headers=headers),
            http.get(f"{self.system.booking_url}/bookings", headers=headers),
        ]
        challenges = {answer.headers.get("WWW-Authenticate") for answer in answers if answer.status_code == 401}
        assert challenges <= {'Bearer error="invalid_token"'}
        return [answer.status_code for answer in answers]


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    folder = tmp_path_factory.mktemp("keys")
    settings = rotating_settings(f"sqlite:///{folder}/auth.db")
    with accounts_database(settings):
        rotate_in(settings, "elliptic")
    system = System(folder, os.environ | _environment(folder, settings))
    try:
        system.start_auth()
        system.start_booking()
        system.http.post(f"{system.auth_url}/users", json=ADA)
        found = Doors(system)
        for key_id, algorithm, sign in ((RSA_ID, RS256, RSA.sign), (ELLIPTIC_ID, ES256, ELLIPTIC.sign)):
            good = token(key_id, algorithm, sign)
            wait_until(lambda good=good: found.statuses(good) == [200, 200], "good tokens are good")  # type: ignore[misc]
        yield found
    finally:
        system.stop()


def _environment(folder: Path, settings: AuthSettings) -> dict[str, str]:
    port = str(free_port())
    return {
        "AUTH_DATABASE_URL": settings.database_url.get_secret_value(),
        "BOOKING_DATABASE_URL": migrated_sqlite(folder),
        "REDIS_URL": NOWHERE,
        "JWT_PRIVATE_KEY": RSA_PEM,
        "KEY_ENCRYPTION_SECRET": ENCRYPTION_SECRET,
        "AUTH_PORT": port,
        "BOOKING_PORT": str(free_port()),
        "JWKS_URL": f"http://127.0.0.1:{port}/.well-known/jwks.json",
    }


def token(key_id: str, algorithm: str, sign: Sign, **header: object) -> str:
    now = int(time.time())
    claims = {"iss": "http://localhost:8001", "aud": "event-booking", "sub": ADA["email"], "exp": now + 600}
    claims |= {"iat": now, "jti": "1", "client_id": "event-booking", "uid": 1, "scope": "bookings:read"}
    header = {"alg": algorithm, "typ": "at+jwt", "kid": key_id, **header}
    message = f"{base64(json.dumps(header).encode())}.{base64(json.dumps(claims).encode())}"
    return f"{message}.{base64(sign(message.encode()))}"


def public(pem: str, encoding: Encoding) -> bytes:
    key = load_pem_private_key(pem.encode(), password=None).public_key()
    return key.public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def hmac_of(secret: bytes) -> Sign:
    return lambda message: hmac.digest(secret, message, "sha256")


def jwk_text(key: Key) -> bytes:
    return json.dumps(public_jwk(key)).encode()


FORGERIES: dict[str, Callable[[], str]] = {
    "an ES256 header with the id of the RSA key": lambda: token(RSA_ID, ES256, ELLIPTIC.sign),
    "an ES256 header over an RSA signature": lambda: token(RSA_ID, ES256, RSA.sign),
    "an RS256 header with the id of the elliptic key": lambda: token(ELLIPTIC_ID, RS256, RSA.sign),
    "an RS256 header over an elliptic signature": lambda: token(ELLIPTIC_ID, RS256, ELLIPTIC.sign),
    "HS256 with the RSA key as PEM": lambda: token(RSA_ID, "HS256", hmac_of(public(RSA_PEM, Encoding.PEM))),
    "HS256 with the RSA key as DER": lambda: token(RSA_ID, "HS256", hmac_of(public(RSA_PEM, Encoding.DER))),
    "HS256 with the elliptic key as PEM": lambda: token(
        ELLIPTIC_ID, "HS256", hmac_of(public(ELLIPTIC_PEM, Encoding.PEM))
    ),
    "HS256 with the elliptic key as DER": lambda: token(
        ELLIPTIC_ID, "HS256", hmac_of(public(ELLIPTIC_PEM, Encoding.DER))
    ),
    "HS256 with the published JWK": lambda: token(ELLIPTIC_ID, "HS256", hmac_of(jwk_text(ELLIPTIC))),
    "HS256 with the modulus": lambda: token(RSA_ID, "HS256", hmac_of(public_jwk(RSA)["n"].encode())),
    "RS256 as HMAC": lambda: token(RSA_ID, RS256, hmac_of(public(RSA_PEM, Encoding.PEM))),
    "RS512": lambda: token(RSA_ID, "RS512", RSA.sign),
    "PS256": lambda: token(RSA_ID, "PS256", RSA.sign),
    "ES384": lambda: token(ELLIPTIC_ID, "ES384", ELLIPTIC.sign),
    "none": lambda: token(ELLIPTIC_ID, "none", lambda _: b"x"),
    "another RSA key": lambda: token(RSA_ID, RS256, FOREIGN_RSA.sign),
    "another elliptic key": lambda: token(ELLIPTIC_ID, ES256, FOREIGN_ELLIPTIC.sign),
    "another key, embedded": lambda: token(ELLIPTIC_ID, ES256, FOREIGN_ELLIPTIC.sign, jwk=public_jwk(FOREIGN_ELLIPTIC)),
    "another key under its own id": lambda: token(public_jwk(FOREIGN_ELLIPTIC)["kid"], ES256, FOREIGN_ELLIPTIC.sign),
    "a signature of zeros (CVE-2022-21449)": lambda: token(ELLIPTIC_ID, ES256, lambda _: bytes(64)),
    "half an elliptic signature": lambda: token(ELLIPTIC_ID, ES256, lambda message: ELLIPTIC.sign(message)[:32]),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_neither_service_believes_it(doors: Doors, name: str) -> None:
    assert doors.statuses(FORGERIES[name]()) == [401, 401]


def test_the_set_says_of_each_key_what_it_is_for(doors: Doors) -> None:
    keys = httpx.get(f"{doors.system.auth_url}/.well-known/jwks.json").json()["keys"]
    assert {(key["kid"], key["alg"], key["use"]) for key in keys} == {
        (RSA_ID, RS256, "sig"),
        (ELLIPTIC_ID, ES256, "sig"),
    }
