"""One's own account over HTTP: another name or password, all that is stored, and its end."""

import json

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, PASSWORD, add_admin, bearer, log_in
from tests.fixtures.box_office import assert_problem

TRIES = 15
NEW = "battery staple correct"


@pytest.fixture(autouse=True)
def _ada(client: TestClient) -> None:
    client.post("/users", json=ADA)


def change(client: TestClient, proof: dict[str, str], current: str, new: str) -> Response:
    body = {"current_password": current, "new_password": new}
    answer: Response = client.post("/users/me/password", json=body, headers=proof)
    return answer


def erase(client: TestClient, proof: dict[str, str], password: str = PASSWORD) -> Response:
    answer: Response = client.request("DELETE", "/users/me", json={"password": password}, headers=proof)
    return answer


def test_another_name_is_shown_at_once(client: TestClient) -> None:
    ada = bearer(client)
    answer = client.patch("/users/me", json={"name": " Ada King "}, headers=ada)
    assert (answer.status_code, answer.json()["name"]) == (200, "Ada King")
    assert client.get("/users/me", headers=ada).json()["message"] == "Welcome, Ada King!"


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": None}, {"name": "A", "role": "admin"}, {"id": 1}, []])
def test_nothing_else_can_be_changed(client: TestClient, body: object) -> None:
    ada = bearer(client)
    assert client.patch("/users/me", json=body, headers=ada).status_code == 422
    me = client.get("/users/me", headers=ada).json()
    assert (me["name"], me["role"], me["id"]) == ("Ada", "user", 1)


def test_with_another_password_this_session_goes_on_and_all_others_end(client: TestClient) -> None:
    here, there = bearer(client), bearer(client)
    refreshable = log_in(client).json()["refresh_token"]
    assert change(client, here, PASSWORD, NEW).status_code == 204
    assert client.get("/users/me", headers=here).status_code == 200
    assert client.get("/users/me", headers=there).status_code == 401
    assert client.post("/token/refresh", json={"refresh_token": refreshable}).status_code == 401
    assert log_in(client).status_code == 401
    assert log_in(client, password=NEW).status_code == 200


def test_who_does_not_know_the_current_password_changes_nothing(client: TestClient) -> None:
    ada = bearer(client)
    answer = change(client, ada, "wrong password", NEW)
    assert_problem(answer, 403)
    assert answer.json()["type"].endswith(":wrong-password")
    assert log_in(client).status_code == 200


@pytest.mark.parametrize("what", ["change", "erase"])
def test_wrong_passwords_cost_as_much_time_as_they_do_at_a_login(client: TestClient, what: str) -> None:
    ada, act = bearer(client), {"change": lambda proof: change(client, proof, "wrong password", NEW)}
    act["erase"] = lambda proof: erase(client, proof, "wrong password")
    answers = [act[what](ada) for _ in range(TRIES)]
    statuses = [answer.status_code for answer in answers]
    assert (statuses[0], set(statuses)) == (403, {403, 429})
    assert int(answers[statuses.index(429)].headers["Retry-After"]) > 0
    assert log_in(client, password="another wrong one").status_code == 429


@pytest.mark.parametrize("new", ["short", "p" * 73, "12345678", "Password1", "a\x00bcdefgh", ""])
def test_a_bad_password_is_pointed_at(client: TestClient, new: str) -> None:
    assert_problem(change(client, bearer(client), PASSWORD, new), 422, "#/new_password")
    assert log_in(client).status_code == 200


@pytest.mark.parametrize("common", ["password", "PassWord", "12345678", "qwertyuiop", "iloveyou", "trustno1"])
def test_a_common_password_is_refused_when_registering(client: TestClient, common: str) -> None:
    new = {**ADA, "email": "eve@example.com", "password": common}
    assert_problem(client.post("/users", json=new), 422, "#/password")


@pytest.mark.parametrize(
    "good", ["correct horse", "\U0001f40e\U0001f50b\U0001f4ce\u2714 good", "        x", "12345678 9"]
)
def test_nothing_else_is_asked_of_a_password(client: TestClient, good: str) -> None:
    assert client.post("/users", json={**ADA, "email": "eve@example.com", "password": good}).status_code == 201
    assert log_in(client, "eve@example.com", good).status_code == 200


def test_an_account_that_is_erased_leaves_its_id_and_nothing_personal(
    client: TestClient, settings: AuthSettings
) -> None:
    add_admin(settings, "root@example.com")
    ada, root = bearer(client), bearer(client, "root@example.com")
    refreshable = log_in(client).json()["refresh_token"]
    assert_problem(erase(client, ada, "wrong password"), 403)
    assert erase(client, ada).status_code == 204
    assert client.get("/users/me", headers=ada).status_code == 401
    assert client.post("/token/refresh", json={"refresh_token": refreshable}).status_code == 401
    assert log_in(client).status_code == 401
    assert client.get("/users/1", headers=root).status_code == 404
    assert [user["id"] for user in client.get("/users", headers=root).json()] == [2]
    path = settings.database_url.get_secret_value().removeprefix("sqlite:///")
    stored = json.dumps(_everything(path))
    assert "Ada" not in stored
    assert "ada@" not in stored
    # The address is free for somebody else, who is another user.
    assert client.post("/users", json=ADA).json()["id"] == 3


def _everything(path: str) -> list[object]:
    import sqlite3  # noqa: PLC0415  here alone
    from contextlib import closing  # noqa: PLC0415  as above

    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        return [str(row) for table in tables for row in connection.execute(f"SELECT * FROM {table}")]  # noqa: S608  our own tables


def test_the_only_admin_stays(client: TestClient, settings: AuthSettings) -> None:
    add_admin(settings, "root@example.com")
    answer = erase(client, bearer(client, "root@example.com"))
    assert_problem(answer, 409)
    assert answer.json()["type"].endswith(":last-admin")
    add_admin(settings, "other@example.com")
    assert erase(client, bearer(client, "root@example.com")).status_code == 204
    assert erase(client, bearer(client, "other@example.com")).status_code == 409


def test_everything_that_is_stored_of_me_is_mine_to_see_but_for_secrets(client: TestClient) -> None:
    client.post("/users", json={**ADA, "email": "eve@example.com"})
    log_in(client, "eve@example.com")
    login = client.post("/login", json=ADA, headers={"User-Agent": "a browser"}).json()
    answer = client.get("/users/me/export", headers={"Authorization": f"Bearer {login['access_token']}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    found = answer.json()
    assert found["account"]["email"] == ADA["email"]
    assert [session["user_agent"] for session in found["sessions"]] == ["a browser"]
    assert [entry["act"] for entry in found["audit_log"]] == ["session.began", "user.registered"]
    for secret in ("hash", "argon2", "eve@", login["refresh_token"]):
        assert secret not in answer.text
