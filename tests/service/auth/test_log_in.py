"""POST /login and GET /users/me."""

import sqlite3
import threading
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import closing

import pytest
from fastapi.testclient import TestClient

from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, auth_settings, bearer, disable, log_in, running, stored_hash

BOOKS = (
    "ada@b\u00fccher.example",
    "ADA@B\u00dcCHER.EXAMPLE",
    "ada@xn--bcher-kva.example",
    "ada@bu\u0308cher\u3002\uff45xample",
    "\uff41da@XN--BCHER-KVA\uff0eexample",
)
# No addresses, but it is plain whose they are meant to be.
FOR_LOGIN_ONLY = ("ada@b\u00fccher.example.", "ada\uff20b\u00fccher.example", " ada@b\u00fccher.example\u3000")


class CountingHasher:
    """Counts the slow calls; its hash is the password itself."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def hash(self, secret: str) -> str:
        self.calls.append("hash")
        return f"hash of {secret}"

    def verify(self, secret: str, hash: str) -> bool:  # noqa: A002  passlib's own name
        self.calls.append("verify")
        return hash == f"hash of {secret}"

    def needs_update(self, hash: str) -> bool:  # noqa: A002, ARG002  as above
        return False


class SlowHasher(CountingHasher):
    """Verifies only after it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def verify(self, secret: str, hash: str) -> bool:  # noqa: A002  passlib's own name
        self.go_on.wait()
        return super().verify(secret, hash)


class LockingHasher(CountingHasher):
    """Finds each hash outdated, and has somebody else write to the database just then."""

    def __init__(self, other: sqlite3.Connection) -> None:
        super().__init__()
        self._other = other

    def needs_update(self, hash: str) -> bool:  # noqa: A002, ARG002  as above
        self._other.execute("BEGIN IMMEDIATE")
        return True


def test_a_login_gives_a_bearer_token_that_is_not_cached(client: TestClient) -> None:
    client.post("/users", json=ADA)

    answer = log_in(client)

    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert answer.json()["token_type"] == "bearer"
    assert answer.json()["expires_in"] == 1800
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_letter_case_of_the_email_does_not_matter(client: TestClient) -> None:
    client.post("/users", json=ADA)

    assert log_in(client, " ADA@example.COM ").status_code == 200


@pytest.mark.parametrize("registered", [0, 1, 2, -1])
def test_every_spelling_of_the_mailbox_logs_in(client: TestClient, registered: int) -> None:
    assert client.post("/users", json={**ADA, "email": BOOKS[registered]}).json()["email"] == BOOKS[registered]

    assert [log_in(client, spelling).status_code for spelling in (*BOOKS, *FOR_LOGIN_ONLY)] == [200] * 8
    assert [client.post("/users", json={**ADA, "email": spelling}).status_code for spelling in BOOKS] == [409] * 5


def test_the_letter_case_of_the_password_does(client: TestClient) -> None:
    client.post("/users", json=ADA)

    assert log_in(client, password=ADA["password"].upper()).status_code == 401


def test_every_refusal_is_the_same(client: TestClient, settings: AuthSettings) -> None:
    client.post("/users", json=ADA)
    client.post("/users", json={**ADA, "email": "gone@example.com"})
    disable(settings, "gone@example.com")

    answers = [
        log_in(client, password="wrong password"),
        log_in(client, "nobody@example.com"),
        log_in(client, "no address at all"),
        log_in(client, "gone@example.com"),
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}


def test_every_refusal_costs_the_same_work(settings: AuthSettings) -> None:
    hasher = CountingHasher()
    with running(settings, hasher) as client:
        client.post("/users", json=ADA)
        client.post("/users", json={**ADA, "email": "gone@example.com"})
        disable(settings, "gone@example.com")
        work = {}
        for email in ("ada@example.com", "nobody@example.com", "gone@example.com"):
            hasher.calls.clear()
            assert log_in(client, email, "wrong password").status_code == 401
            work[email] = list(hasher.calls)

    assert set(map(tuple, work.values())) == {("verify",)}


@pytest.mark.parametrize("body", [{}, {"email": "ada@example.com"}, {"email": "a\x00", "password": "x" * 8}, [], None])
def test_an_incomplete_login_is_invalid(client: TestClient, body: object) -> None:
    assert client.post("/login", json=body).status_code == 422


def test_a_password_over_72_characters_is_invalid(client: TestClient) -> None:
    assert log_in(client, password="p" * 73).status_code == 422


def test_a_form_is_not_a_login(client: TestClient) -> None:
    client.post("/users", json=ADA)

    assert client.post("/login", data={"email": ADA["email"], "password": ADA["password"]}).status_code == 415


@pytest.mark.parametrize("change", [{"argon2_time_cost": 3}, {"argon2_memory_kib": 20_000}, {"argon2_parallelism": 2}])
def test_a_login_renews_a_hash_of_former_parameters(
    client: TestClient, settings: AuthSettings, change: dict[str, int]
) -> None:
    client.post("/users", json=ADA)
    before = stored_hash(settings, ADA["email"])
    stronger = auth_settings(settings.database_url.get_secret_value(), **change)

    with running(stronger) as later:
        assert log_in(later, password="wrong password").status_code == 401
        assert stored_hash(settings, ADA["email"]) == before
        assert log_in(later).status_code == 200
        renewed = stored_hash(settings, ADA["email"])
        assert log_in(later).status_code == 200

    assert renewed.split("$")[3] != before.split("$")[3]
    assert stored_hash(settings, ADA["email"]) == renewed


def test_a_login_is_good_although_its_hash_stays_outdated_and_the_log_says_why(
    settings: AuthSettings, caplog: pytest.LogCaptureFixture
) -> None:
    path = settings.database_url.get_secret_value()
    impatient = auth_settings(path, database_lock_timeout_seconds=1)
    with closing(sqlite3.connect(path.removeprefix("sqlite:///"), check_same_thread=False)) as other:
        hasher = LockingHasher(other)
        with running(impatient, hasher) as client:
            client.post("/users", json=ADA)
            assert log_in(client).status_code == 200
    assert "the password hash of user 1 stays outdated: database is locked" in caplog.text


def test_more_logins_than_may_wait_are_sent_away(settings: AuthSettings) -> None:
    hasher = SlowHasher()
    narrow = auth_settings(settings.database_url.get_secret_value(), argon2_threads=1, argon2_queue_max=1)

    with running(narrow, hasher) as client, ThreadPoolExecutor(3) as threads:
        logins = [threads.submit(log_in, client) for _ in range(3)]
        first, rest = wait(logins, return_when=FIRST_COMPLETED)
        hasher.go_on.set()

    (refused,) = [login.result() for login in first]
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert [login.result().status_code for login in rest] == [401, 401]


def test_me_is_the_bearer_of_the_token(client: TestClient) -> None:
    created = client.post("/users", json=ADA).json()

    answer = client.get("/users/me", headers=bearer(client))

    assert answer.status_code == 200
    assert answer.json() == {**created, "message": "Welcome, Ada!"}


def test_a_user_who_was_disabled_is_nobody(client: TestClient, settings: AuthSettings) -> None:
    client.post("/users", json=ADA)
    headers = bearer(client)
    disable(settings, ADA["email"])

    answer = client.get("/users/me", headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_a_token_of_a_shared_secret_works_too(settings: AuthSettings) -> None:
    symmetric = auth_settings(
        settings.database_url.get_secret_value(), algorithm="HS256", secret_key="s" * 32, jwt_private_key=None
    )

    with running(symmetric) as client:
        client.post("/users", json=ADA)
        assert client.get("/users/me", headers=bearer(client)).status_code == 200
        assert client.get("/.well-known/jwks.json").json() == {"keys": []}
