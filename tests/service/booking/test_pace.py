"""How fast one user may book."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.fixtures.both_ways import UNKNOWN
from tests.fixtures.box_office import EVENT, assert_problem, bearer, booking_settings, migrated_sqlite, running

PER_USER = 5
POLICY = '"bookings";q=5;w=60'
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
ADA, BOB = (
    bearer(booking_settings("sqlite:///never-made.db")),
    bearer(booking_settings("sqlite:///never-made.db"), uid=2),
)
# The fast path takes the first, the ordinary route the second.
WAYS = ("/events/1/book?seats=1", "/events/1/book?seats=01")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = booking_settings(migrated_sqlite(tmp_path), bookings_per_user_max=PER_USER)
    with running(settings) as client:
        client.post("/events", json=EVENT, headers=bearer(settings, "admin", uid=3))
        for headers in (ADA, BOB):
            client.get(f"/bookings/{UNKNOWN}", headers=headers)  # the fast path knows their tokens
        yield client


@pytest.mark.parametrize("way", WAYS)
def test_who_books_too_fast_is_told_when_to_come_back_and_others_are_not(client: TestClient, way: str) -> None:
    answers = [client.post(way, headers=ADA) for _ in range(PER_USER + 1)]
    refused = answers.pop()
    assert [answer.status_code for answer in answers] == [202] * PER_USER
    assert {answer.headers["RateLimit-Policy"] for answer in (*answers, refused)} == {POLICY}
    assert [answer.headers["RateLimit"].partition(";t=")[0] for answer in answers] == [
        f'"bookings";r={left}' for left in (4, 3, 2, 1, 0)
    ]
    assert_problem(refused, 429)
    assert refused.json()["type"] == QUOTA_EXCEEDED
    assert refused.headers["RateLimit"] == f'"bookings";r=0;t={refused.headers["Retry-After"]}'
    assert client.post(way, headers=BOB).status_code == 202


def test_both_ways_count_together(client: TestClient) -> None:
    assert [client.post(WAYS[number % 2], headers=ADA).status_code for number in range(7)] == [202] * 5 + [429] * 2


def test_asking_what_became_of_a_booking_is_not_counted(client: TestClient) -> None:
    location = client.post(WAYS[0], headers=ADA).headers["Location"]
    answers = [client.get(location, headers=ADA) for _ in range(3 * PER_USER)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[-1].headers


@pytest.mark.parametrize("way", WAYS)
def test_one_variable_switches_it_off_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    caplog.set_level(logging.WARNING)
    settings = booking_settings(migrated_sqlite(tmp_path), bookings_per_user_max=1, rate_limits="off")
    with running(settings) as client:
        client.post("/events", json=EVENT, headers=bearer(settings, "admin", uid=3))
        answers = [client.post(way, headers=ADA) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [202] * 5
    assert "RateLimit" not in answers[-1].headers
    assert "RATE_LIMITS is off" in caplog.text
