"""Other people's accounts over HTTP: found, given a role, kept out; and nobody raises themselves."""

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, add_admin, bearer, log_in
from tests.fixtures.box_office import assert_problem

ROOT, OTHER = "root@example.com", "other@example.com"
PEOPLE = ["ada@example.com", "adam@example.com", "a_b@example.com", "eve@example.com"]


@pytest.fixture(autouse=True)
def _people(client: TestClient, settings: AuthSettings) -> None:
    add_admin(settings, ROOT)
    for email in PEOPLE:
        client.post("/users", json={**ADA, "email": email})


@pytest.fixture
def root(client: TestClient, _people: None) -> dict[str, str]:
    return bearer(client, ROOT)


def change(client: TestClient, proof: dict[str, str], user: int, **patch: object) -> Response:
    answer: Response = client.patch(f"/users/{user}", json=patch, headers=proof)
    return answer


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [1, 2, 3, 4, 5]),
        ("?email=ada", [2, 3]),
        ("?email=ADA@", [2]),
        ("?email=a_", [4]),
        ("?email=%25", []),
        ("?role=admin", [1]),
        ("?ids=3,1,99", [1, 3]),
        ("?disabled=true", []),
        ("?disabled=false&ids=5", [5]),
    ],
)
def test_users_are_found(client: TestClient, root: dict[str, str], query: str, ids: list[int]) -> None:
    answer = client.get(f"/users{query}", headers=root)
    assert [user["id"] for user in answer.json()] == ids
    assert answer.headers["Cache-Control"] == "no-store"


def test_pages_lead_through_all_once(client: TestClient, root: dict[str, str]) -> None:
    url, found = "/users?limit=2", []
    for _ in range(3):
        page = client.get(url, headers=root)
        found += [user["id"] for user in page.json()]
        url = page.links.get("next", {}).get("url", "")
    assert (found, url) == ([1, 2, 3, 4, 5], "")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?ids=x", "#/query/ids"),
        ("?ids=", "#/query/ids"),
        (f"?ids={','.join(['1'] * 101)}", "#/query/ids"),
        (f"?ids={2**63}", "#/query/ids"),
        ("?role=king", "#/query/role"),
        ("?disabled=maybe", "#/query/disabled"),
        ("?cursor=x", "#/query/cursor"),
    ],
)
def test_what_nobody_answers_to_is_pointed_at(
    client: TestClient, root: dict[str, str], query: str, pointer: str
) -> None:
    assert_problem(client.get(f"/users{query}", headers=root), 422, pointer)


def test_who_is_kept_out_is_out_at_once_and_may_come_back(client: TestClient, root: dict[str, str]) -> None:
    ada, tokens = bearer(client), log_in(client).json()
    answer = change(client, root, 2, disabled=True)
    assert answer.status_code == 200
    assert answer.json()["disabled_at"] is not None
    assert client.get("/users/me", headers=ada).status_code == 401
    assert client.post("/token/refresh", json={"refresh_token": tokens["refresh_token"]}).status_code == 401
    assert log_in(client).status_code == 401
    assert change(client, root, 2, disabled=True).json()["disabled_at"] == answer.json()["disabled_at"]
    assert change(client, root, 2, disabled=False).json()["disabled_at"] is None
    # Tokens of before stay revoked.
    assert client.get("/users/me", headers=ada).status_code == 401
    assert log_in(client).status_code == 200


def test_with_another_role_tokens_are_revoked_and_the_session_goes_on_with_new_ones(
    client: TestClient, root: dict[str, str]
) -> None:
    tokens = log_in(client).json()
    old = {"Authorization": f"Bearer {tokens['access_token']}"}
    promoted = change(client, root, 2, role="admin")
    assert (promoted.status_code, promoted.text.count("admin")) == (200, 1)
    assert client.get("/users/me", headers=old).status_code == 401
    new = client.post("/token/refresh", json={"refresh_token": tokens["refresh_token"]}).json()["access_token"]
    assert client.get("/users", headers={"Authorization": f"Bearer {new}"}).status_code == 200
    assert change(client, root, 2, role="user").status_code == 200
    assert client.get("/users", headers={"Authorization": f"Bearer {new}"}).status_code == 401


@pytest.mark.parametrize("role", ["organizer", "public", "admin"])
def test_an_admin_gives_and_takes_every_role(client: TestClient, root: dict[str, str], role: str) -> None:
    assert change(client, root, 2, role=role).json()["role"] == role
    assert change(client, root, 2, role="user").json()["role"] == "user"
    new = {**ADA, "email": "new@example.com", "role": role}
    assert client.post("/users", json=new, headers=root).status_code == 201
    if role != "public":
        assert client.post("/users", json={**new, "email": "other@example.com"}).status_code == 403


def test_nobody_changes_their_own_rights(client: TestClient, root: dict[str, str]) -> None:
    for patch in ({"role": "user"}, {"disabled": True}, {"role": "admin"}):
        answer = change(client, root, 1, **patch)
        assert_problem(answer, 403)
        assert answer.json()["type"].endswith(":not-yourself")
    assert client.get("/users/me", headers=root).json()["role"] == "admin"


@pytest.mark.parametrize("patch", [{}, {"role": None}, {"role": "king"}, {"disabled": 1}, {"disabled": "true"},
    {"role": "user", "id": 7}, {"email": "x@example.com"}, []])  # fmt: skip
def test_what_cannot_be_changed_is_refused(client: TestClient, root: dict[str, str], patch: object) -> None:
    assert client.patch("/users/2", json=patch, headers=root).status_code == 422
    (ada,) = client.get("/users?ids=2", headers=root).json()
    assert (ada["role"], ada["disabled_at"], ada["email"]) == ("user", None, PEOPLE[0])


def test_somebody_who_is_not_there_is_404(client: TestClient, root: dict[str, str]) -> None:
    assert change(client, root, 99, disabled=True).status_code == 404
    assert client.get("/users/99/sessions", headers=root).status_code == 404


def test_sessions_of_somebody_are_shown_to_who_manages_them(client: TestClient, root: dict[str, str]) -> None:
    client.post("/login", json=ADA, headers={"User-Agent": "a browser"})
    (session,) = client.get("/users/2/sessions", headers=root).json()
    assert (session["user_agent"], session["current"]) == ("a browser", False)


def test_nobody_else_does_any_of_it(client: TestClient) -> None:
    for proof, status in (({}, 401), (bearer(client), 403)):
        for method, path in (("GET", "/users"), ("PATCH", "/users/3"), ("GET", "/users/3/sessions")):
            body = {"disabled": True} if method == "PATCH" else None
            assert client.request(method, path, json=body, headers=proof).status_code == status


def test_an_admin_who_was_disabled_with_a_token_in_hand_does_nothing_more(
    client: TestClient, root: dict[str, str], settings: AuthSettings
) -> None:
    add_admin(settings, OTHER)
    other = bearer(client, OTHER)
    assert change(client, root, 6, disabled=True).status_code == 200
    assert change(client, other, 1, disabled=True).status_code == 401


def test_what_was_done_stands_in_the_audit_trail(client: TestClient, root: dict[str, str]) -> None:
    change(client, root, 2, role="admin", disabled=True)
    entries = client.get("/audit-log?actor_id=1&account_id=2", headers=root).json()
    assert [(entry["act"], entry["details"]) for entry in entries] == [
        ("sessions.ended", {"reason": "account_disabled", "count": 0}),
        ("user.disabled", {}),
        ("user.role_changed", {"was": "user", "role": "admin"}),
    ]
