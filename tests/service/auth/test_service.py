"""The service as a whole: health, an absent database, its documentation."""

import pytest
from fastapi.testclient import TestClient

from tests.fixtures.accounts import ADA, auth_settings, log_in, running

ABSENT = "mysql+pymysql://root@127.0.0.1:1/nowhere"


def test_a_service_with_its_database_is_ready(client: TestClient) -> None:
    assert client.get("/health/live").json()["status"] == "ok"
    assert client.get("/health/ready").json() == {"status": "ok", "dependencies": {"database": "ok", "keys": "ok"}}


def test_a_service_without_its_database_lives_and_is_not_ready() -> None:
    with running(auth_settings(ABSENT)) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503


def test_without_a_database_callers_are_told_when_to_come_back() -> None:
    with running(auth_settings(ABSENT)) as client:
        for answer in (client.post("/users", json=ADA), log_in(client)):
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("address", ["/docs", "/redoc"])
def test_the_documentation_needs_no_other_host(client: TestClient, address: str) -> None:
    page = client.get(address)

    assert page.status_code == 200
    assert "https://" not in page.text.replace("https://fastapi.tiangolo.com/img/favicon.png", "")


def test_every_route_is_documented(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation["summary"], (path, method)
    assert set(paths["/users"]["post"]["responses"]) == {"201", "401", "403", "409", "413", "415", "422", "429", "503"}
    assert set(paths["/login"]["post"]["responses"]) == {"200", "401", "413", "415", "422", "429", "503"}
    assert set(paths["/users/me"]["get"]["responses"]) == {"200", "401", "503"}
    assert paths["/users/me"]["get"]["security"] == [{"HTTPBearer": []}]
