"""POST /users with an Idempotency-Key: the same request again is the same account, and says nothing to anybody else."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import update

from auth_service.domain.accounts import KEYS_KEPT
from auth_service.domain.models import User
from auth_service.settings import AuthSettings
from shared.clock import utc_now
from tests.fixtures.accounts import ADA, accounts_database, add_admin, bearer, disable, running

KEY = {"Idempotency-Key": "first try"}
ROOT = "root@example.com"
REPLAYED = "Idempotency-Replayed"


def kind(answer: Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def age(settings: AuthSettings, by: timedelta) -> None:
    with accounts_database(settings) as database:
        older = update(User).values(created_at=utc_now() - by)
        database.write(lambda connection: connection.execute(older), repeat_lost=False)


def test_the_same_request_again_is_the_same_account(client: TestClient) -> None:
    first, again = (client.post("/users", json=ADA, headers=KEY) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again.headers["Location"]) == (first.json(), first.headers["Location"])
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")


def test_quoted_or_not_it_is_the_same_key(client: TestClient) -> None:
    client.post("/users", json=ADA, headers=KEY)
    assert client.post("/users", json=ADA, headers={"Idempotency-Key": '"first try"'}).headers[REPLAYED] == "true"


@pytest.mark.parametrize(
    "change",
    [
        {"password": "incorrect horse"},
        {"name": "Ida"},
        {"role": "public"},
        {"email": "ADA@example.com"},  # the same mailbox, and another address to show
        {"password": "correct horse battery "},
    ],
)
def test_another_request_with_the_key_is_refused(client: TestClient, change: dict[str, str]) -> None:
    client.post("/users", json=ADA, headers=KEY)
    refused = client.post("/users", json=ADA | change, headers=KEY)
    assert (refused.status_code, kind(refused)) == (422, "idempotency-key-reused")
    assert REPLAYED not in refused.headers


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "second try"}, {"Idempotency-Key": "FIRST TRY"}])
def test_without_the_key_an_address_that_is_taken_is_taken(client: TestClient, headers: dict[str, str]) -> None:
    client.post("/users", json=ADA, headers=KEY)
    # Whatever else is right or wrong in it: the answer tells no more than that.
    answers = [client.post("/users", json=ADA | {"password": p}, headers=headers) for p in (ADA["password"], "x" * 9)]
    assert [(answer.status_code, kind(answer)) for answer in answers] == [(409, "email-taken")] * 2
    assert answers[0].json() == answers[1].json()


def test_an_account_made_without_a_key_is_repeated_by_none(client: TestClient) -> None:
    client.post("/users", json=ADA)
    refused = client.post("/users", json=ADA, headers=KEY)
    assert (refused.status_code, kind(refused)) == (409, "email-taken")


def test_a_key_means_something_together_with_the_mailbox_only(client: TestClient) -> None:
    client.post("/users", json=ADA, headers=KEY)
    other = client.post("/users", json=ADA | {"email": "bob@example.com"}, headers=KEY)
    assert (other.status_code, other.json()["email"], REPLAYED in other.headers) == (201, "bob@example.com", False)


@pytest.mark.parametrize(("passed", "status"), [(timedelta(hours=24), 201), (KEYS_KEPT + timedelta(seconds=1), 409)])
def test_a_key_is_kept_for_a_day_and_more_but_not_for_ever(
    client: TestClient, settings: AuthSettings, passed: timedelta, status: int
) -> None:
    client.post("/users", json=ADA, headers=KEY)
    age(settings, passed)
    assert client.post("/users", json=ADA, headers=KEY).status_code == status


def test_a_disabled_account_is_taken_and_no_more(client: TestClient, settings: AuthSettings) -> None:
    client.post("/users", json=ADA, headers=KEY)
    disable(settings, ADA["email"])
    for password in (ADA["password"], "incorrect horse"):
        refused = client.post("/users", json=ADA | {"password": password}, headers=KEY)
        assert (refused.status_code, kind(refused)) == (409, "email-taken")


def test_an_admin_is_shown_again_to_an_admin_alone(client: TestClient, settings: AuthSettings) -> None:
    add_admin(settings, ROOT)
    new, root = ADA | {"role": "admin"}, bearer(client, ROOT)
    first = client.post("/users", json=new, headers=root | KEY)
    assert first.status_code == 201
    assert client.post("/users", json=new, headers=KEY).status_code == 403
    again = client.post("/users", json=new, headers=root | KEY)
    assert (again.json(), again.headers[REPLAYED]) == (first.json(), "true")
    disable(settings, ROOT)
    assert client.post("/users", json=new, headers=root | KEY).status_code == 401


def test_of_the_same_request_many_times_at_once_there_is_one_account(client: TestClient) -> None:
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.post("/users", json=ADA, headers=KEY), range(8)))
    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert Counter(REPLAYED in answer.headers for answer in answers) == {False: 1, True: 7}


@pytest.mark.parametrize("key", ["", "x" * 256, "k,k", "a\tb", '""'])
def test_a_key_that_is_none_is_pointed_at_and_makes_nothing(client: TestClient, key: str) -> None:
    refused = client.post("/users", json=ADA, headers={"Idempotency-Key": key})
    assert refused.status_code == 422
    assert [error["pointer"] for error in refused.json()["errors"]] == ["#/header/Idempotency-Key"]
    assert client.post("/users", json=ADA).status_code == 201


class NoHasher:
    """Counts what is asked of it: hashing and verifying cost the same."""

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


def test_each_answer_costs_one_hash_whatever_it_is(settings: AuthSettings) -> None:
    hasher = NoHasher()
    with running(settings, hasher) as client:
        hasher.calls.clear()  # the decoy's
        for body, headers in (
            (ADA, KEY),  # made
            (ADA, KEY),  # repeated
            (ADA | {"password": "incorrect horse"}, KEY),  # another request
            (ADA, {"Idempotency-Key": "second try"}),  # taken
            (ADA, {}),  # taken
        ):
            client.post("/users", json=body, headers=headers)
    assert hasher.calls == ["hash", "verify", "verify", "hash", "hash"]
