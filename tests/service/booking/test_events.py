"""Events over HTTP: pages, and answers that have not changed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from booking_service.settings import BookingSettings
from tests.fixtures.box_office import EVENT, assert_problem, bearer, booking_settings, migrated_sqlite, running


@pytest.fixture
def settings(tmp_path: Path) -> BookingSettings:
    return booking_settings(migrated_sqlite(tmp_path))


@pytest.fixture
def client(settings: BookingSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


@pytest.fixture
def five_events(client: TestClient, settings: BookingSettings) -> list[int]:
    headers = bearer(settings, "admin")
    return [client.post("/events", json=EVENT, headers=headers).json()["event_id"] for _ in range(5)]


def test_pages_lead_through_all_events_once(client: TestClient, five_events: list[int]) -> None:
    url, seen = "/events?limit=2", []
    while url:
        page = client.get(url)
        seen.append([event["event_id"] for event in page.json()])
        url = page.links.get("next", {}).get("url", "")
        assert "limit=2" in url or not url
    assert seen == [five_events[:2], five_events[2:4], five_events[4:]]


def test_without_a_limit_a_short_list_is_one_page(client: TestClient, five_events: list[int]) -> None:
    for url in ("/events", "/events?limit=0", "/events?limit=1000000"):
        page = client.get(url)
        assert [event["event_id"] for event in page.json()] == five_events
        assert "Link" not in page.headers


def test_an_event_that_has_not_changed_is_not_sent_again(
    client: TestClient, settings: BookingSettings, five_events: list[int]
) -> None:
    url = f"/events/{five_events[0]}"
    etag = client.get(url).headers["ETag"]
    for tags in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        answer = client.get(url, headers={"If-None-Match": tags})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", etag)
    assert client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    other = client.post("/events", json=EVENT | {"event_availibility": 9}, headers=bearer(settings, "admin"))
    assert client.get(other.headers["Location"]).headers["ETag"] != etag


def test_an_event_in_the_past_is_refused_unless_it_is_an_import(client: TestClient, settings: BookingSettings) -> None:
    past, admin = EVENT | {"event_date": "2020-01-01T20:00:00Z"}, bearer(settings, "admin")
    for url in ("/events", "/events?allow_past=false"):
        refused = client.post(url, json=past, headers=admin)
        assert_problem(refused, 422, "#/event_date")
        assert refused.json()["type"].endswith(":event-in-the-past")
    imported = client.post("/events?allow_past=true", json=past, headers=admin)
    assert imported.status_code == 201
    assert client.get(imported.headers["Location"]).json()["event_date"] == past["event_date"]


def test_an_event_that_has_begun_cannot_be_booked(client: TestClient, settings: BookingSettings) -> None:
    past = EVENT | {"event_date": "2020-01-01T20:00:00Z"}
    event = client.post("/events?allow_past=true", json=past, headers=bearer(settings, "admin")).json()
    refused = client.post(f"/events/{event['event_id']}/book?seats=1", headers=bearer(settings))
    assert_problem(refused, 409)
    assert refused.json()["type"].endswith(":sales-closed")


def test_an_address_with_a_slash_too_many_is_not_redirected(client: TestClient) -> None:
    # A redirect would name whatever host the caller claims to have asked.
    assert_problem(client.get("/events/", follow_redirects=False), 404)
