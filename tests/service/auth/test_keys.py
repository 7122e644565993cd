"""What is published under /.well-known/, and which keys are refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fastapi.testclient import TestClient
from jose import jwt

from auth_service.domain.signing import UnusableKeyError
from auth_service.main import create_app
from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, auth_settings, log_in, private_key_pem


def test_a_token_is_checked_with_the_published_key_that_it_names(client: TestClient) -> None:
    client.post("/users", json=ADA)
    token = log_in(client).json()["access_token"]
    keys = {key["kid"]: key for key in client.get("/.well-known/jwks.json").json()["keys"]}

    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, keys[header["kid"]], algorithms=["RS256"], audience="event-booking")

    assert header["typ"] == "at+jwt"
    assert claims["sub"] == ADA["email"]
    assert {"iss", "aud", "exp", "iat", "jti", "client_id", "uid", "role", "scope"} <= set(claims)


def test_nothing_private_is_published(client: TestClient) -> None:
    (key,) = client.get("/.well-known/jwks.json").json()["keys"]

    assert set(key) == {"kid", "kty", "use", "alg", "n", "e"}


def test_published_keys_may_be_cached_for_a_while(client: TestClient) -> None:
    assert "max-age" in client.get("/.well-known/jwks.json").headers["Cache-Control"]


def test_the_issuers_metadata_names_the_issuer_of_the_tokens_and_its_keys(client: TestClient) -> None:
    metadata = client.get("/.well-known/oauth-authorization-server").json()

    assert metadata["issuer"] == "http://localhost:8001"
    assert metadata["jwks_uri"] == "http://localhost:8001/.well-known/jwks.json"
    assert metadata["response_types_supported"] == []


def test_keys_that_are_too_weak_or_not_rsa_are_refused(settings: AuthSettings) -> None:
    elliptic = generate_private_key(SECP256R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for pem in (private_key_pem(1024), elliptic.decode(), "not a key"):
        with pytest.raises(UnusableKeyError, match="JWT_PRIVATE_KEY_FILE"):
            create_app(auth_settings(settings.database_url.get_secret_value(), jwt_private_key=pem))
