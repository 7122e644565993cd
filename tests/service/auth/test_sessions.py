"""Sessions over HTTP: begun, gone on with, listed and ended."""

from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import select, update

from auth_service.domain.models import Session, UsedRefreshToken
from auth_service.domain.sessions.refresh_tokens import RefreshToken
from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, accounts_database, add_admin, auth_settings, bearer, disable, log_in, running

EVE = {**ADA, "email": "eve@example.com"}


def tokens(client: TestClient, email: str = ADA["email"]) -> dict[str, str]:
    found: dict[str, str] = log_in(client, email).json()
    return found


def refresh(client: TestClient, token: str) -> Response:
    answer: Response = client.post("/token/refresh", json={"refresh_token": token})
    return answer


def holding(access_token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {access_token}"}


def problem(answer: Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition(":")[2]


def me(client: TestClient, access_token: str) -> int:
    return int(client.get("/users/me", headers=holding(access_token)).status_code)


def age(settings: AuthSettings, **by: float) -> None:
    """Let time pass for all that is stored of sessions."""
    with accounts_database(settings) as database:
        for table, names in (
            (Session, ("created_at", "last_used_at", "expires_at")),
            (UsedRefreshToken, ("used_at",)),
        ):
            for row in database.read(lambda c, t=table: c.execute(select(t)).all()):  # type: ignore[misc]  # bound now
                key = table.id == row.id if table is Session else table.token_hash == row.token_hash
                values = {name: getattr(row, name) - timedelta(**by) for name in names}
                older = update(table).where(key).values(values)
                database.write(lambda c, s=older: c.execute(s), repeat_lost=False)  # type: ignore[misc]  # bound now


@pytest.fixture(autouse=True)
def _ada(client: TestClient) -> None:
    client.post("/users", json=ADA)


def test_a_refresh_token_is_good_for_the_next_two_tokens(client: TestClient) -> None:
    first = tokens(client)
    answer = refresh(client, first["refresh_token"])
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    second = answer.json()
    assert set(second) == set(first)
    assert second["refresh_token"] != first["refresh_token"]
    assert me(client, second["access_token"]) == 200
    assert refresh(client, second["refresh_token"]).status_code == 200


def test_a_used_one_gets_the_same_successor_for_a_moment(client: TestClient) -> None:
    first = tokens(client)["refresh_token"]
    answers = [refresh(client, first) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    (second,) = {answer.json()["refresh_token"] for answer in answers}
    (third,) = {refresh(client, second).json()["refresh_token"] for _ in range(2)}
    # Also when the session has gone on meanwhile.
    assert refresh(client, first).json()["refresh_token"] == second
    assert refresh(client, third).status_code == 200


def test_a_used_one_ends_the_session_after_that(client: TestClient, settings: AuthSettings) -> None:
    first, other = tokens(client), tokens(client)
    second = refresh(client, first["refresh_token"]).json()
    age(settings, seconds=11)
    assert problem(refresh(client, first["refresh_token"])) == (401, "refresh-token-refused")
    assert refresh(client, second["refresh_token"]).status_code == 401
    assert [me(client, each["access_token"]) for each in (first, second, other)] == [401, 401, 200]


def test_one_of_long_ago_ends_the_session_too(client: TestClient, settings: AuthSettings) -> None:
    chain = [tokens(client)["refresh_token"]]
    for _ in range(5):
        age(settings, seconds=11)
        chain.append(refresh(client, chain[-1]).json()["refresh_token"])
    assert refresh(client, chain[0]).status_code == 401
    assert refresh(client, chain[-1]).status_code == 401


def test_who_knows_no_token_of_the_family_ends_nothing(client: TestClient) -> None:
    good = tokens(client)["refresh_token"]
    for made_up in (
        "",
        "x",
        "ebr_" + "A" * 64,
        good[:-1] + ("A" if good[-1] != "A" else "B") + "A",
        good + "A",
        "\x00",
    ):
        assert refresh(client, made_up).status_code == 401, made_up
    assert refresh(client, good).status_code == 200


@pytest.mark.parametrize("body", [{}, {"refresh_token": None}, {"refresh_token": 1}, {"refresh_token": "x" * 201}, []])
def test_a_body_without_one_is_invalid(client: TestClient, body: object) -> None:
    assert client.post("/token/refresh", json=body).status_code == 422


def test_a_session_that_nobody_uses_ends(client: TestClient, settings: AuthSettings) -> None:
    token = tokens(client)["refresh_token"]
    age(settings, hours=settings.session_idle_hours)
    assert refresh(client, token).status_code == 401


def test_a_session_that_is_used_ends_all_the_same_one_day(client: TestClient, settings: AuthSettings) -> None:
    token = tokens(client)["refresh_token"]
    rounds = settings.session_hours_max // (settings.session_idle_hours - 1)
    for _ in range(rounds):
        age(settings, hours=settings.session_idle_hours - 1)
        answer = refresh(client, token)
        assert answer.status_code == 200
        token = answer.json()["refresh_token"]
    age(settings, hours=settings.session_idle_hours - 1)
    assert refresh(client, token).status_code == 401


def test_an_account_that_was_disabled_gets_no_more_tokens(client: TestClient, settings: AuthSettings) -> None:
    token = tokens(client)["refresh_token"]
    disable(settings, ADA["email"])
    assert refresh(client, token).status_code == 401


def test_logging_out_ends_this_session_only(client: TestClient) -> None:
    here, there = tokens(client), tokens(client)
    assert client.post("/logout", headers=holding(here["access_token"])).status_code == 204
    refused = client.get("/users/me", headers=holding(here["access_token"]))
    assert problem(refused) == (401, "token-revoked")
    assert refused.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert refresh(client, here["refresh_token"]).status_code == 401
    assert me(client, there["access_token"]) == 200
    assert refresh(client, there["refresh_token"]).status_code == 200


def test_logging_out_everywhere_ends_all_of_mine_and_nobody_elses(client: TestClient) -> None:
    client.post("/users", json=EVE)
    mine, eves = [tokens(client), tokens(client)], tokens(client, EVE["email"])
    assert client.post("/logout/all", headers=holding(mine[0]["access_token"])).status_code == 204
    assert [me(client, each["access_token"]) for each in (*mine, eves)] == [401, 401, 200]
    assert [refresh(client, each["refresh_token"]).status_code for each in (*mine, eves)] == [401, 401, 200]
    assert me(client, tokens(client)["access_token"]) == 200  # who logs in again, is


def test_my_sessions_say_where_from_and_which_is_this(client: TestClient) -> None:
    client.post("/users", json=EVE)
    tokens(client, EVE["email"])
    old = client.post("/login", json=ADA, headers={"User-Agent": "old phone"}).json()
    new = client.post("/login", json=ADA, headers={"User-Agent": "x" * 1_000}).json()
    answer = client.get("/users/me/sessions", headers=holding(old["access_token"]))
    assert answer.status_code == 200
    assert [(each["user_agent"], each["address"], each["current"]) for each in answer.json()] == [
        ("x" * 255, "testclient", False),
        ("old phone", "testclient", True),
    ]
    assert set(answer.json()[0]) == {
        "id", "created_at", "last_used_at", "expires_at", "user_agent", "address", "current"
    }  # fmt: skip
    # A refresh is a use.
    refresh(client, old["refresh_token"])
    again = client.get("/users/me/sessions", headers=holding(new["access_token"])).json()
    assert [each["current"] for each in again] == [False, True]


def test_one_of_mine_can_be_ended_from_another(client: TestClient) -> None:
    lost, here = tokens(client), tokens(client)
    listed = client.get("/users/me/sessions", headers=holding(here["access_token"])).json()
    (other,) = [each["id"] for each in listed if not each["current"]]
    url, mine = f"/users/me/sessions/{other}", holding(here["access_token"])
    assert client.delete(url, headers=mine).status_code == 204
    assert me(client, lost["access_token"]) == 401
    assert problem(client.delete(url, headers=mine)) == (404, "not-found")
    assert len(client.get("/users/me/sessions", headers=mine).json()) == 1


def test_a_session_of_somebody_else_is_not_there(client: TestClient, settings: AuthSettings) -> None:
    add_admin(settings, "root@example.com")
    adas = tokens(client)
    (session,) = client.get("/users/me/sessions", headers=holding(adas["access_token"])).json()
    root = bearer(client, "root@example.com")
    assert client.delete(f"/users/me/sessions/{session['id']}", headers=root).status_code == 404
    assert client.delete("/users/me/sessions/x", headers=root).status_code == 422
    assert me(client, adas["access_token"]) == 200


def test_more_sessions_than_one_may_have_end_the_longest_unused(settings: AuthSettings) -> None:
    few = auth_settings(settings.database_url.get_secret_value(), sessions_max=3)
    with running(few) as client:
        logins = [tokens(client) for _ in range(3)]
        refresh(client, logins[0]["refresh_token"])
        logins.append(tokens(client))
        assert len(client.get("/users/me/sessions", headers=holding(logins[3]["access_token"])).json()) == 3
        assert [refresh(client, each["refresh_token"]).status_code for each in logins] == [200, 401, 200, 200]


def test_sessions_that_are_long_over_are_forgotten_at_the_next_login(
    client: TestClient, settings: AuthSettings
) -> None:
    refresh(client, tokens(client)["refresh_token"])
    tokens(client)
    age(settings, days=365)
    tokens(client)
    with accounts_database(settings) as database:
        assert len(database.read(lambda c: c.execute(select(Session.id)).all())) == 1
        assert database.read(lambda c: c.execute(select(UsedRefreshToken.salt)).all()) == []


def test_nothing_that_is_stored_is_a_token(client: TestClient, settings: AuthSettings) -> None:
    first = tokens(client)["refresh_token"]
    second = refresh(client, first).json()["refresh_token"]
    path = Path(settings.database_url.get_secret_value().removeprefix("sqlite:///"))
    stored = b"".join(file.read_bytes() for file in path.parent.glob(f"{path.name}*"))
    for token in (first, second):
        both = RefreshToken.read(token)
        assert both is not None
        for secret in (token.removeprefix("ebr_").encode(), both.family, both.once):
            assert secret not in stored
