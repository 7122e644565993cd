"""POST /users."""

import pytest
from fastapi.testclient import TestClient

from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, PASSWORD, add_admin, bearer, disable, log_in

ROOT = "root@example.com"


def test_a_new_user_is_answered_without_the_password_or_its_hash(client: TestClient) -> None:
    answer = client.post("/users", json=ADA)

    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "name", "email", "role", "created_at", "email_verified"}
    assert answer.json()["role"] == "user"
    assert answer.json()["created_at"].endswith("Z")


def test_location_leads_to_the_new_user(client: TestClient) -> None:
    created = client.post("/users", json=ADA)

    assert client.get(created.headers["Location"], headers=bearer(client)).json() == created.json()


def test_nobody_else_sees_a_user_but_an_admin(client: TestClient, settings: AuthSettings) -> None:
    address = client.post("/users", json=ADA).headers["Location"]
    client.post("/users", json={**ADA, "email": "eve@example.com"})
    add_admin(settings, ROOT)

    assert client.get(address).status_code == 401
    assert client.get(address, headers=bearer(client, "eve@example.com")).status_code == 404
    assert client.get(address, headers=bearer(client, ROOT)).status_code == 200
    assert client.get("/users/999", headers=bearer(client, ROOT)).status_code == 404


@pytest.mark.parametrize("user_id", ["0", "-1", "+1", "1_000", "1" * 19, "9" * 5_000, "one", "%E0"])
def test_an_address_that_is_no_id_is_never_a_server_error(client: TestClient, user_id: str) -> None:
    client.post("/users", json=ADA)

    assert client.get(f"/users/{user_id}", headers=bearer(client)).status_code in {404, 422}


@pytest.mark.parametrize("email", ["ada@example.com", "ADA@EXAMPLE.COM", " Ada@Example.com ", "\uff41da@example.com"])
def test_a_taken_email_in_other_letter_case_is_refused(client: TestClient, email: str) -> None:
    client.post("/users", json=ADA)

    answer = client.post("/users", json={**ADA, "email": email})

    assert answer.status_code == 409
    assert answer.json()["type"].endswith(":email-taken")


def test_accents_make_another_address_and_sharp_s_does_not(client: TestClient) -> None:
    emails = ["jose@example.com", "josé@example.com", "strasse@example.com", "straße@example.com"]

    answers = [client.post("/users", json={**ADA, "email": email}).status_code for email in emails]

    assert answers == [201, 201, 201, 409]


def test_the_email_is_kept_as_given(client: TestClient) -> None:
    assert client.post("/users", json={**ADA, "email": " Ada@Example.com "}).json()["email"] == "Ada@Example.com"


@pytest.mark.parametrize("role", ["user", "public"])
def test_anyone_may_register_with_an_open_role(client: TestClient, role: str) -> None:
    assert client.post("/users", json={**ADA, "role": role}).json()["role"] == role


def test_without_a_token_nobody_registers_as_admin(client: TestClient) -> None:
    answer = client.post("/users", json={**ADA, "role": "admin"})

    assert answer.status_code == 403
    assert answer.json()["type"].endswith(":role-not-allowed")


def test_a_user_makes_no_admin(client: TestClient) -> None:
    client.post("/users", json=ADA)

    answer = client.post("/users", json={**ADA, "email": "b@example.com", "role": "admin"}, headers=bearer(client))

    assert answer.status_code == 403


def test_an_admin_makes_an_admin(client: TestClient, settings: AuthSettings) -> None:
    add_admin(settings, ROOT)

    answer = client.post("/users", json={**ADA, "role": "admin"}, headers=bearer(client, ROOT))

    assert answer.status_code == 201
    assert answer.json()["role"] == "admin"


def test_an_admin_who_was_disabled_makes_no_more_admins(client: TestClient, settings: AuthSettings) -> None:
    add_admin(settings, ROOT)
    headers = bearer(client, ROOT)
    disable(settings, ROOT)

    assert client.post("/users", json={**ADA, "role": "admin"}, headers=headers).status_code == 401


def test_a_bad_token_is_refused_even_where_none_is_needed(client: TestClient) -> None:
    assert client.post("/users", json=ADA, headers={"Authorization": "Bearer x"}).status_code == 401


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "not an address"),
        ("email", "a@b@c.com"),
        ("email", "Ada <ada@example.com>"),
        ("email", "a\x00@example.com"),
        ("email", "a" * 250 + "@example.com"),
        ("email", "ﷺ" * 20 + "@example.com"),
        ("email", ""),
        ("email", None),
        ("name", ""),
        ("name", "   "),
        ("name", "a\x00b"),
        ("name", "a\x1b[31mb"),
        ("name", "n" * 201),
        ("name", 7),
        ("password", ""),
        ("password", "seven77"),
        ("password", "p" * 73),
        ("password", "correct\x00horse"),
        ("password", ["correct horse battery"]),
        ("role", "root"),
        ("role", None),
    ],
)
def test_invalid_input_is_pointed_at(client: TestClient, field: str, value: object) -> None:
    answer = client.post("/users", json={**ADA, field: value})

    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [f"#/{field}"]


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_a_missing_field_is_pointed_at(client: TestClient, field: str) -> None:
    answer = client.post("/users", json={name: value for name, value in ADA.items() if name != field})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == f"#/{field}"


@pytest.mark.parametrize(
    "email", ["u@booking.local", "u@a.test", "u@localhost", "ü@exämple.com", "o'neil+1@example.com"]
)
def test_addresses_of_test_networks_and_of_the_world_are_accepted(client: TestClient, email: str) -> None:
    assert client.post("/users", json={**ADA, "email": email}).status_code == 201


@pytest.mark.parametrize("password", ["p" * 72, "пароль-дня", "😀" * 72])
def test_a_password_is_taken_as_received(client: TestClient, password: str) -> None:
    assert client.post("/users", json={**ADA, "password": password}).status_code == 201
    assert bearer(client, password=password)


def test_spaces_around_a_password_count(client: TestClient) -> None:
    client.post("/users", json={**ADA, "password": " eight or more "})

    assert log_in(client, password="eight or more").status_code == 401


def test_unknown_fields_are_ignored(client: TestClient) -> None:
    assert client.post("/users", json={**ADA, "id": 1, "newsletter": True}).status_code == 201


def test_the_least_password_length_is_configurable(client: TestClient) -> None:
    answer = client.post("/users", json={**ADA, "password": PASSWORD[:7]})

    assert answer.json()["errors"] == [{"detail": "Use at least 8 characters.", "pointer": "#/password"}]
