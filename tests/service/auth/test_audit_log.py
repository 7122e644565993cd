"""The audit trail over HTTP: everything that is done stands in it once, and nobody else reads it."""

from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient

from auth_service.domain.audit_log import Act
from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, PASSWORD, add_admin, bearer, log_in
from tests.fixtures.box_office import assert_problem

ROOT = "root@example.com"
PAGES_MAX = 50


@pytest.fixture
def root(client: TestClient, settings: AuthSettings) -> dict[str, str]:
    add_admin(settings, ROOT)
    return bearer(client, ROOT)


def acts(client: TestClient, root: dict[str, str], query: str = "") -> list[tuple[str, int | None, int | None]]:
    answer = client.get(f"/audit-log{query}", headers=root)
    assert answer.status_code == 200, answer.text
    return [(entry["act"], entry["actor_id"], entry["account_id"]) for entry in answer.json()]


def test_what_is_done_stands_in_it_once(client: TestClient, root: dict[str, str]) -> None:
    client.post("/users", json=ADA)
    log_in(client, password="wrong password")
    log_in(client, "nobody@example.com")
    first, second = bearer(client), bearer(client)
    client.post("/logout", headers=first)
    client.post("/logout/all", headers=second)
    assert acts(client, root) == [
        (Act.SESSIONS_ENDED, 2, 2),
        (Act.SESSION_ENDED, 2, 2),
        (Act.LOGGED_IN, 2, 2),
        (Act.LOGGED_IN, 2, 2),
        (Act.LOGIN_FAILED, None, None),
        (Act.LOGIN_FAILED, None, 2),
        (Act.REGISTERED, None, 2),
        (Act.LOGGED_IN, 1, 1),
        (Act.REGISTERED, None, 1),
    ]


def test_an_entry_says_when_from_where_and_by_which_request(client: TestClient, root: dict[str, str]) -> None:
    login = {"email": ROOT, "password": PASSWORD}
    client.post("/login", json=login, headers={"X-Request-ID": "mine", "User-Agent": "a browser"})
    newest, *_, oldest = client.get("/audit-log", headers=root).json()
    assert newest["request_id"] == "mine"
    assert newest["address"] == "testclient"
    assert set(newest["details"]) == {"session"}
    assert newest["at"].endswith("Z")
    assert (oldest["address"], oldest["request_id"], oldest["details"]) == (None, None, {"role": "admin"})


def test_nothing_that_was_typed_stands_in_it(client: TestClient, root: dict[str, str]) -> None:
    log_in(client, "my secret typed into the wrong field", "another secret")
    text = client.get("/audit-log", headers=root).text
    assert "secret" not in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("?act=login.failed", 2),
        ("?act=login.failed,user.registered", 4),
        ("?act=login.failed&act=session.began", 3),
        ("?account_id=2", 2),
        ("?actor_id=1", 1),
        ("?account_id=2&act=login.failed", 1),
        ("?from=2000-01-01", 5),
        ("?to=2000-01-01T00:00:00Z", 0),
        ("?account_id=99", 0),
    ],
)
def test_it_is_filtered(client: TestClient, root: dict[str, str], query: str, count: int) -> None:
    client.post("/users", json=ADA)
    log_in(client, password="wrong password")
    log_in(client, "nobody@example.com")
    assert len(acts(client, root, query)) == count


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_lead_through_the_whole_once(client: TestClient, root: dict[str, str], limit: int) -> None:
    for _ in range(5):
        log_in(client, "nobody@example.com")
    url, found = f"/audit-log?limit={limit}", []
    for _ in range(PAGES_MAX):
        page = client.get(url, headers=root)
        found += [entry["id"] for entry in page.json()]
        log_in(client, "nobody@example.com")  # what is added meanwhile neither drops nor repeats others
        if "next" not in page.links:
            break
        url = page.links["next"]["url"]
    assert found == list(range(7, 0, -1))


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("?act=x", "#/query/act"),
        ("?actor_id=0", "#/query/actor_id"),
        ("?account_id=x", "#/query/account_id"),
        ("?from=x", "#/query/from"),
        ("?from=2001-01-01&to=2000-01-01", "#/query/to"),
        ("?cursor=x", "#/query/cursor"),
        ("?limit=-1", "#/query/limit"),
    ],
)
def test_what_nothing_answers_to_is_pointed_at(
    client: TestClient, root: dict[str, str], query: str, pointer: str
) -> None:
    assert_problem(client.get(f"/audit-log{query}", headers=root), 422, pointer)


def test_a_cursor_belongs_to_who_got_it_and_to_its_filter(
    client: TestClient, root: dict[str, str], settings: AuthSettings
) -> None:
    add_admin(settings, "other@example.com")
    link = client.get("/audit-log?limit=1", headers=root).links["next"]["url"]
    assert_problem(client.get(link, headers=bearer(client, "other@example.com")), 422, "#/query/cursor")
    assert_problem(
        client.get(f"/audit-log?act=login.failed&{urlsplit(link).query}", headers=root), 422, "#/query/cursor"
    )


def test_nobody_but_who_may_reads_it(client: TestClient) -> None:
    client.post("/users", json=ADA)
    assert client.get("/audit-log").status_code == 401
    assert client.get("/audit-log", headers=bearer(client)).status_code == 403
