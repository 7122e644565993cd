"""The rules of an event over HTTP: set with it, shown with it, kept at the door; and an event asked for twice."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlalchemy import Executable, update

from booking_service.domain.models import Booking, Event, Stock
from booking_service.settings import BookingSettings
from shared.clock import rfc3339
from shared.database.units import Database
from tests.fixtures.box_office import EVENT, assert_problem, bearer, booking_settings, migrated_sqlite, running
from tests.fixtures.servers import wait_until

NO_RULES = {
    "max_seats_per_booking": None,
    "max_seats_per_user": None,
    "sales_open_at": None,
    "sales_close_at": None,
    "cancel_until": None,
    "hold_seconds": None,
    "waitlist": "off",
    "waitlist_max": None,
}
RULES = {
    "max_seats_per_booking": 2,
    "max_seats_per_user": 4,
    "sales_open_at": "2026-01-02T03:04:05.000006Z",
    "sales_close_at": "2099-09-11T18:00:00Z",
    "cancel_until": "2099-09-10T19:15:00Z",
    "hold_seconds": 600,
    "waitlist": "strict",
    "waitlist_max": 10,
}
AT_FIRST = {"capacity": 10, "status": "on_sale", "waitlist_suspended": False, "waiting": 0}
REPLAYED = "Idempotency-Replayed"


@pytest.fixture
def settings(tmp_path: Path) -> BookingSettings:
    return booking_settings(migrated_sqlite(tmp_path), sold_out_refresh_seconds=0.05)


@pytest.fixture
def client(settings: BookingSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


@pytest.fixture
def admin(settings: BookingSettings) -> dict[str, str]:
    return bearer(settings, "admin")


@pytest.fixture
def user(settings: BookingSettings) -> dict[str, str]:
    return bearer(settings)


def write(settings: BookingSettings, statement: Executable) -> None:
    database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)
    database.write(lambda connection: connection.execute(statement), repeat_lost=False)
    database.close()


def create(client: TestClient, admin: dict[str, str], **members: object) -> dict[str, Any]:
    answer = client.post("/events", json=EVENT | members, headers=admin)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def kind(answer: Response) -> str:
    return str(answer.json()["type"]).rpartition(":")[2]


def in_hours(hours: int) -> str:
    return rfc3339(datetime.now(UTC) + timedelta(hours=hours))


def test_rules_are_shown_wherever_the_event_is(client: TestClient, admin: dict[str, str]) -> None:
    created = create(client, admin, **RULES)
    assert created == EVENT | RULES | AT_FIRST | {"event_id": created["event_id"]}
    assert client.get(f"/events/{created['event_id']}").json() == created
    assert client.get("/events").json() == [created]


def test_without_rules_none_is_shown_and_null_means_none(client: TestClient, admin: dict[str, str]) -> None:
    plain, nulls = create(client, admin), create(client, admin, **NO_RULES)
    for event in (plain, nulls):
        assert event == EVENT | NO_RULES | AT_FIRST | {"event_id": event["event_id"]}


def test_what_is_shown_can_be_sent_again(client: TestClient, admin: dict[str, str]) -> None:
    for rules in (RULES, NO_RULES, {"waitlist": "fit"}):
        shown = create(client, admin, **rules)
        again = create(client, admin, **shown)
        assert again == shown | {"event_id": again["event_id"]}


def test_moments_are_taken_in_any_zone_and_shown_in_utc(client: TestClient, admin: dict[str, str]) -> None:
    event = create(client, admin, sales_open_at="2026-01-02T03:04:05+09:00", cancel_until="2027-01-01")
    assert (event["sales_open_at"], event["cancel_until"]) == ("2026-01-01T18:04:05Z", "2027-01-01T00:00:00Z")


def test_each_thing_that_changes_about_an_event_changes_its_etag(
    client: TestClient, settings: BookingSettings, admin: dict[str, str]
) -> None:
    event_id = create(client, admin, waitlist="fit")["event_id"]
    url, seen = f"/events/{event_id}", list[str]()
    of_event, of_stock = update(Event).where(Event.id == event_id), update(Stock).where(Stock.event_id == event_id)
    for change in (
        None,
        of_stock.values(available=3),
        of_stock.values(waiting=7),
        of_stock.values(capacity=20),
        of_stock.values(is_waitlist_suspended=True),
        of_event.values(cancelled_at=datetime.now(UTC)),
        of_stock.values(is_cancelled=True),
    ):
        if change is not None:
            write(settings, change)
        answer = client.get(url, headers={"If-None-Match": ", ".join(seen) or '"none"'})
        assert answer.status_code == 200
        seen.append(answer.headers["ETag"])
        assert client.get(url, headers={"If-None-Match": seen[-1]}).status_code == 304
    assert len(set(seen)) == 7
    last = client.get(url).json()
    assert (last["status"], last["waiting"], last["capacity"], last["waitlist_suspended"]) == ("cancelled", 7, 20, True)


def test_before_and_after_its_sales_an_event_cannot_be_booked(
    client: TestClient, admin: dict[str, str], user: dict[str, str]
) -> None:
    early = create(client, admin, sales_open_at=in_hours(1))
    refused = client.post(f"/events/{early['event_id']}/book?seats=1", headers=user)
    assert_problem(refused, 409)
    assert kind(refused) == "sales-not-open"
    assert early["sales_open_at"] in refused.json()["detail"]
    assert 3_590 <= int(refused.headers["Retry-After"]) <= 3_600

    late = create(client, admin, sales_close_at=in_hours(-1))
    refused = client.post(f"/events/{late['event_id']}/book?seats=1", headers=user)
    assert_problem(refused, 409)
    assert kind(refused) == "sales-closed"
    assert "begun" not in refused.text  # it has not: only its sales have ended
    assert "Retry-After" not in refused.headers


def test_a_cancelled_event_cannot_be_booked_and_says_so_soon(
    client: TestClient, settings: BookingSettings, admin: dict[str, str], user: dict[str, str]
) -> None:
    event_id = create(client, admin)["event_id"]
    url = f"/events/{event_id}/book?seats=1"
    keyed = user | {"Idempotency-Key": "k"}
    first = client.post(url, headers=keyed)
    write(settings, update(Event).where(Event.id == event_id).values(cancelled_at=datetime.now(UTC)))
    wait_until(lambda: client.post(url, headers=user).status_code != 202, "the process has heard of it")
    refused = client.post(url, headers=user)
    assert_problem(refused, 409)
    assert kind(refused) == "event-cancelled"
    again = client.post(url, headers=keyed)
    assert (again.status_code, again.json()["booking_id"]) == (202, first.json()["booking_id"])
    assert again.headers[REPLAYED] == "true"


def test_more_seats_than_a_limit_are_pointed_at(
    client: TestClient, admin: dict[str, str], user: dict[str, str]
) -> None:
    event_id = create(client, admin, max_seats_per_booking=2, max_seats_per_user=4)["event_id"]
    other_id = create(client, admin, max_seats_per_user=4)["event_id"]
    assert client.post(f"/events/{event_id}/book?seats=2", headers=user).status_code == 202
    for refused_id, seats, number in ((event_id, 3, "2"), (other_id, 5, "4")):
        refused = client.post(f"/events/{refused_id}/book?seats={seats}", headers=user)
        assert_problem(refused, 422, "#/query/seats")
        assert number in refused.json()["errors"][0]["detail"]


def test_careful_clients_say_on_what_terms_they_book(
    client: TestClient, settings: BookingSettings, admin: dict[str, str], user: dict[str, str]
) -> None:
    waiting, plain = create(client, admin, waitlist="fit")["event_id"], create(client, admin)["event_id"]
    booked = client.post(f"/events/{waiting}/book?seats=4&seats_min=2&decide_within=60", headers=user)
    assert booked.status_code == 202
    database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)
    with database.connection() as connection:
        row = connection.execute(Booking.__table__.select()).one()
    database.close()
    assert (row.seats, row.seats_min, row.decide_by - row.created_at) == (4, 2, timedelta(seconds=60))
    assert client.post(f"/events/{plain}/book?seats=4&decide_within=1", headers=user).status_code == 202
    assert client.post(f"/events/{plain}/book?seats=4&decide_within=3600", headers=user).status_code == 202
    refused = client.post(f"/events/{plain}/book?seats=4&seats_min=2", headers=user)
    assert_problem(refused, 422, "#/query/seats_min")


def test_terms_are_part_of_what_a_key_repeats(client: TestClient, admin: dict[str, str], user: dict[str, str]) -> None:
    event_id = create(client, admin, waitlist="fit")["event_id"]
    url, keyed = f"/events/{event_id}/book?seats=4", user | {"Idempotency-Key": "k"}
    first = client.post(f"{url}&seats_min=2&decide_within=60", headers=keyed)
    again = client.post(f"{url}&decide_within=60&seats_min=2", headers=keyed)
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert again.json()["booking_id"] == first.json()["booking_id"]
    for query in ("", "&seats_min=2", "&decide_within=60", "&seats_min=3&decide_within=60"):
        refused = client.post(f"{url}{query}", headers=keyed)
        assert_problem(refused, 422)
        assert kind(refused) == "idempotency-key-reused"


def test_an_event_that_is_asked_for_twice_is_made_once(client: TestClient, admin: dict[str, str]) -> None:
    body, keyed = EVENT | RULES, admin | {"Idempotency-Key": '"k"'}
    first, again = (client.post("/events", json=body, headers=keyed) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert (first.json(), first.headers["Location"]) == (again.json(), again.headers["Location"])
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    for other in (body | {"event_name": "Other"}, body | {"waitlist": "fit"}, EVENT):
        refused = client.post("/events", json=other, headers=keyed)
        assert_problem(refused, 422)
        assert kind(refused) == "idempotency-key-reused"
    assert len(client.get("/events").json()) == 1


def test_what_means_the_same_event_is_the_same_request(client: TestClient, admin: dict[str, str]) -> None:
    keyed = admin | {"Idempotency-Key": "k"}
    first = client.post("/events", json=EVENT, headers=keyed).json()
    for same in (
        EVENT | NO_RULES,
        EVENT | {"event_date": "2099-09-11T21:15:00+02:00"},
        EVENT | {"event_name": f" {EVENT['event_name']} ", "unknown": 1},
    ):
        assert client.post("/events", json=same, headers=keyed).json() == first
    assert len(client.get("/events").json()) == 1


def test_without_a_key_each_request_is_another_event(client: TestClient, admin: dict[str, str]) -> None:
    answers = [client.post("/events", json=EVENT, headers=admin) for _ in range(2)]
    assert len({answer.json()["event_id"] for answer in answers}) == 2
    assert not any(REPLAYED in answer.headers for answer in answers)


def test_keys_belong_to_who_sends_them(client: TestClient, settings: BookingSettings) -> None:
    key = {"Idempotency-Key": "k"}
    one, other = (client.post("/events", json=EVENT, headers=bearer(settings, "admin", uid) | key) for uid in (1, 2))
    assert one.json()["event_id"] != other.json()["event_id"]
