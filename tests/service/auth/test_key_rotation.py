"""A running auth service follows its table of keys: what it publishes, what it signs with, what it believes."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from jose import jwt

from auth_service.domain.signing import configured_key
from auth_service.settings import AuthSettings
from shared.identity.jwk import ES256, RS256
from tests.fixtures.accounts import ADA, accounts_database, auth_settings, bearer, log_in, running
from tests.fixtures.keys import OTHER_SECRET, retire_now, rotate_in, rotating_settings
from tests.fixtures.servers import wait_until

JWKS = "/.well-known/jwks.json"


@pytest.fixture
def settings(tmp_path: Path) -> AuthSettings:
    found = rotating_settings(f"sqlite:///{tmp_path}/auth.db")
    with accounts_database(found):
        return found


@pytest.fixture
def client(settings: AuthSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        client.post("/users", json=ADA)
        yield client


def published(client: TestClient) -> list[str]:
    return [key["kid"] for key in client.get(JWKS).json()["keys"]]


def header(client: TestClient) -> dict[str, str]:
    found: dict[str, str] = jwt.get_unverified_header(log_in(client).json()["access_token"])
    return found


def wait(condition: Callable[[], bool], what: str) -> None:
    wait_until(condition, what, seconds_max=20)


@pytest.mark.parametrize("algorithm", [RS256, ES256])
def test_a_key_that_is_rotated_in_is_published_and_signs_without_a_restart(
    client: TestClient, settings: AuthSettings, algorithm: str
) -> None:
    (old,) = published(client)
    new = rotate_in(settings, "a", algorithm=algorithm)
    wait(lambda: published(client) == [old, new], "both are published")
    assert header(client) == {"alg": algorithm, "typ": "at+jwt", "kid": new}


def test_a_key_does_not_sign_while_it_only_waits(client: TestClient, settings: AuthSettings) -> None:
    (old,) = published(client)
    new = rotate_in(settings, "a", published_seconds=300)
    wait(lambda: published(client) == [old, new], "both are published")
    assert header(client)["kid"] == old


def test_tokens_of_both_keys_are_believed_until_the_old_one_is_retired(
    client: TestClient, settings: AuthSettings
) -> None:
    (old,) = published(client)
    of_the_old = bearer(client)
    rotate_in(settings, "a")
    wait(lambda: len(published(client)) == 2, "both are published")
    of_the_new = bearer(client)
    for headers in (of_the_old, of_the_new):
        assert client.get("/users/me", headers=headers).status_code == 200  # and it is remembered by now

    retire_now(settings, old)

    wait(lambda: client.get("/users/me", headers=of_the_old).status_code == 401, "the old token is refused")
    assert old not in published(client)
    assert client.get("/users/me", headers=of_the_new).status_code == 200


def test_who_has_the_keys_is_not_sent_them_again_until_they_change(client: TestClient, settings: AuthSettings) -> None:
    first = client.get(JWKS)
    etag = first.headers["ETag"]
    assert etag.startswith('"')
    again = client.get(JWKS, headers={"If-None-Match": f'"x", W/{etag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    assert again.headers["Cache-Control"] == first.headers["Cache-Control"]

    rotate_in(settings, "a")

    wait(lambda: client.get(JWKS, headers={"If-None-Match": etag}).status_code == 200, "the keys have another tag")
    assert client.get(JWKS).headers["ETag"] != etag


def test_no_cache_keeps_the_keys_longer_than_a_new_one_waits(tmp_path: Path) -> None:
    settings = rotating_settings(f"sqlite:///{tmp_path}/auth.db", key_published_seconds=7)
    with accounts_database(settings), running(settings) as client:
        assert client.get(JWKS).headers["Cache-Control"] == "public, max-age=7"


def test_only_public_halves_of_both_kinds_are_published(client: TestClient, settings: AuthSettings) -> None:
    rotate_in(settings, "a", algorithm=ES256)
    wait(lambda: len(published(client)) == 2, "both are published")
    rsa, elliptic = client.get(JWKS).json()["keys"]
    assert set(rsa) == {"kid", "kty", "use", "alg", "n", "e"}
    assert set(elliptic) == {"kid", "kty", "use", "alg", "crv", "x", "y"}


def test_a_service_that_starts_later_knows_the_keys_of_the_table(settings: AuthSettings) -> None:
    new = rotate_in(settings, "a")
    with running(settings) as client:
        client.post("/users", json=ADA)
        assert header(client)["kid"] == new


def test_once_keys_were_rotated_the_configured_one_is_not_needed(settings: AuthSettings) -> None:
    new = rotate_in(settings, "a")
    without = rotating_settings(settings.database_url.get_secret_value(), jwt_private_key=None)
    with running(without) as client:
        client.post("/users", json=ADA)
        assert header(client)["kid"] == new
        assert len(published(client)) == 2


@pytest.mark.parametrize("secret", [None, OTHER_SECRET])
def test_with_a_wrong_secret_or_none_nobody_logs_in_and_the_log_names_the_variable(
    settings: AuthSettings, secret: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    url = settings.database_url.get_secret_value()
    with running(settings) as client:
        client.post("/users", json=ADA)
        before = bearer(client)
        new = rotate_in(settings, "a")
        wait(lambda: new in published(client), "the new key is published")

    with running(auth_settings(url, key_encryption_secret=secret)) as client:
        refused = log_in(client)
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:problem-type:event-booking:no-signing-key")
        assert refused.headers["Retry-After"]
        assert client.get("/health/ready").json()["dependencies"]["keys"] == "unusable"
        # What was signed is checked all the same.
        assert client.get("/users/me", headers=before).status_code == 200
        assert new in published(client)
    assert "KEY_ENCRYPTION_SECRET_FILE" in caplog.text


def test_while_nobody_can_sign_no_session_begins_and_no_refresh_token_is_used_up(settings: AuthSettings) -> None:
    url = settings.database_url.get_secret_value()
    with running(settings) as client:
        client.post("/users", json=ADA)
        began = log_in(client).json()
    refresh, headers = {"refresh_token": began["refresh_token"]}, {"Authorization": f"Bearer {began['access_token']}"}
    rotate_in(settings, "a")

    with running(auth_settings(url, key_encryption_secret=OTHER_SECRET)) as client:
        assert client.post("/token/refresh", json=refresh).status_code == 503
        assert log_in(client).status_code == 503
        assert len(client.get("/users/me/sessions", headers=headers).json()) == 1
    # A used one that comes again would end the session: here there is no grace.
    with running(rotating_settings(url, refresh_grace_seconds=0)) as client:
        assert client.post("/token/refresh", json=refresh).status_code == 200


def test_without_any_key_a_service_is_not_ready_until_one_is_made(tmp_path: Path) -> None:
    settings = rotating_settings(f"sqlite:///{tmp_path}/auth.db", jwt_private_key=None)
    assert configured_key(settings) is None
    with accounts_database(settings), running(settings) as client:
        client.post("/users", json=ADA)
        assert log_in(client).status_code == 503
        assert client.get("/health/ready").status_code == 503
        assert client.get(JWKS).json() == {"keys": []}
        rotate_in(settings, "a")
        wait(lambda: client.get("/health/ready").status_code == 200, "it is ready")
        assert log_in(client).status_code == 200


def test_while_the_keys_were_never_read_none_are_published_and_no_token_is_judged() -> None:
    with running(rotating_settings("mysql+pymysql://root@127.0.0.1:1/nowhere")) as client:
        assert client.get(JWKS).status_code == 503
        assert client.get("/users/me", headers={"Authorization": "Bearer a.b.c"}).status_code == 401
        assert client.get("/health/ready").json()["dependencies"]["keys"] == "unknown"


def test_who_never_rotates_publishes_the_configured_key_though_the_database_is_away() -> None:
    with running(auth_settings("mysql+pymysql://root@127.0.0.1:1/nowhere")) as client:
        assert len(published(client)) == 1
        assert client.get("/health/ready").json()["dependencies"]["keys"] == "ok"
