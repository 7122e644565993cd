"""Bodies that must not break the auth service."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from tests.fixtures.accounts import ADA, accounts_database, auth_settings, running

JSON = {"Content-Type": "application/json"}
ADDRESSES = ["/users", "/login"]
BODY_BYTES_MAX = 65_536


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = auth_settings(f"sqlite:///{tmp_path_factory.mktemp('auth')}/auth.db")
    with accounts_database(settings), running(settings) as client:
        yield client


def somebody() -> dict[str, str]:
    return {**ADA, "email": f"{uuid4().hex}@example.com"}


def body_with(field: str, literal: str) -> str:
    return json.dumps({**somebody(), field: "PLACE"}).replace('"PLACE"', literal)


def assert_problem(answer: Response, status: int) -> None:
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"]
    assert answer.json()["status"] == status


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("field", ["email", "password"])
@pytest.mark.parametrize(
    "literal",
    [
        "NaN", "Infinity", "-Infinity", "1e400", "1", "true", "null", "[]", "{}", '"\\ud800"', '"\\udc00abc@x.com"',
        '"\\u0000"', '"abcdefgh\\u0000"', '"abcdefgh\\u001b"', '"abcd\\u0085efgh"',
    ],
)  # fmt: skip
def test_values_that_json_cannot_mean_are_invalid(client: TestClient, address: str, field: str, literal: str) -> None:
    answer = client.post(address, content=body_with(field, literal), headers=JSON)

    assert_problem(answer, 422)
    assert answer.json()["errors"][0]["pointer"] == f"#/{field}"


@pytest.mark.parametrize("literal", ['"\\ud800"', '"a\\u0000b"', "NaN"])
def test_a_name_of_such_values_is_invalid(client: TestClient, literal: str) -> None:
    assert_problem(client.post("/users", content=body_with("name", literal), headers=JSON), 422)


@pytest.mark.parametrize("literal", ['"\\ud800"', "NaN", "1e400"])
def test_unknown_fields_are_ignored_whatever_they_hold(client: TestClient, literal: str) -> None:
    answer = client.post("/users", content=body_with("unknown", literal), headers=JSON)

    assert answer.status_code == 201


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize(
    "body",
    [
        b"", b"x", b"{", b'{"email"', b"null", b"[]", b'"text"', b"1", b"NaN", b"\xff\xfe", b"\xef\xbb\xbf{}",
        b'{"email": "\xff"}', b"[" * 30_000, b'{"a":' * 10_000, b"1" * 10_000, b"\x00",
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_invalid(client: TestClient, address: str, body: bytes) -> None:
    assert_problem(client.post(address, content=body, headers=JSON), 422)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_body_over_the_bound_is_too_large(client: TestClient, address: str) -> None:
    body = json.dumps({**ADA, "padding": "x" * BODY_BYTES_MAX}).encode()

    assert_problem(client.post(address, content=body, headers=JSON), 413)


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_body_over_the_bound_is_too_large_in_chunks_too(client: TestClient, address: str) -> None:
    body = json.dumps({**ADA, "padding": "x" * BODY_BYTES_MAX}).encode()
    chunks = (body[start : start + 1_000] for start in range(0, len(body), 1_000))

    assert_problem(client.post(address, content=chunks, headers=JSON), 413)


def test_a_body_at_the_bound_is_read(client: TestClient) -> None:
    new = somebody()
    padding = BODY_BYTES_MAX - len(json.dumps({**new, "padding": ""}))
    body = json.dumps({**new, "padding": "x" * padding})

    assert len(body) == BODY_BYTES_MAX
    assert client.post("/users", content=body, headers=JSON).status_code == 201


def test_the_password_is_never_repeated(client: TestClient) -> None:
    secret = "s3cret" * 20

    for answer in (client.post(address, json={**ADA, "password": secret}) for address in ADDRESSES):
        assert_problem(answer, 422)
        assert "s3cret" not in answer.text


@pytest.mark.parametrize(("method", "address", "status"), [("GET", "/nowhere", 404), ("PUT", "/users", 405)])
def test_every_error_is_a_problem_with_a_request_id(client: TestClient, method: str, address: str, status: int) -> None:
    assert_problem(client.request(method, address), status)
