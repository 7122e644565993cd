"""Input that must not break the booking service: each kind is refused with a problem that says where, never a 5xx."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from booking_service.settings import BookingSettings
from tests.fixtures.box_office import EVENT, assert_problem, bearer, booking_settings, migrated_sqlite, running

BODY_BYTES_MAX = 65_536
MARK = "needle-in-a-haystack"
UUID = "01a202da-79a3-71a7-b3fd-277ca353dc29"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> BookingSettings:
    return booking_settings(migrated_sqlite(tmp_path_factory.mktemp("booking")))


@pytest.fixture(scope="module")
def client(settings: BookingSettings) -> Iterator[TestClient]:
    with running(settings) as client:
        yield client


@pytest.fixture(scope="module")
def admin(settings: BookingSettings) -> dict[str, str]:
    return bearer(settings, "admin")


@pytest.fixture(scope="module")
def user(settings: BookingSettings) -> dict[str, str]:
    return bearer(settings)


@pytest.fixture(scope="module")
def event(client: TestClient, admin: dict[str, str]) -> int:
    return int(client.post("/events", json=EVENT, headers=admin).json()["event_id"])


def event_with(**changes: object) -> dict[str, object]:
    return {name: value for name, value in {**EVENT, **changes}.items() if value is not ...}


@pytest.mark.parametrize(
    "seats",
    ["0", "-1", "+1", "1_0", "1.0", "1e2", "two", "", " ", "NaN", "true", "0x1", "\uff11", "101", str(2**31),
     str(10**18), "9" * 5_000, "1\x00"],
)  # fmt: skip
def test_seats_that_cannot_be_booked_are_pointed_at(
    client: TestClient, user: dict[str, str], event: int, seats: str
) -> None:
    answer = client.post(f"/events/{event}/book", params={"seats": seats}, headers=user)
    assert_problem(answer, 422, "#/query/seats")


def test_missing_seats_are_pointed_at(client: TestClient, user: dict[str, str], event: int) -> None:
    assert_problem(client.post(f"/events/{event}/book", headers=user), 422, "#/query/seats")


@pytest.mark.parametrize("seats", ["1", "100", "007", "0" * 5_000 + "7"])
def test_seats_within_the_bound_are_accepted(client: TestClient, user: dict[str, str], event: int, seats: str) -> None:
    assert client.post(f"/events/{event}/book", params={"seats": seats}, headers=user).status_code == 202


@pytest.mark.parametrize(
    "event_id",
    ["0", "-1", "1_000", "+1", "1.0", "1e3", "NaN", "x", "\uff11", "%20", "%00", str(2**63), str(10**19), "9" * 5_000],
)
def test_event_ids_that_we_never_gave_out_are_refused(client: TestClient, user: dict[str, str], event_id: str) -> None:
    assert_problem(client.get(f"/events/{event_id}"), 422, "#/path/event_id")
    answer = client.post(f"/events/{event_id}/book", params={"seats": 1}, headers=user)
    assert_problem(answer, 422, "#/path/event_id")


@pytest.mark.parametrize("event_id", ["999999", str(2**63 - 1)])
def test_an_unknown_event_is_not_found(client: TestClient, user: dict[str, str], event_id: str) -> None:
    assert_problem(client.get(f"/events/{event_id}"), 404)
    assert_problem(client.post(f"/events/{event_id}/book?seats=1", headers=user), 404)


@pytest.mark.parametrize(
    "booking_id",
    ["x", "1", UUID[:-1], f"{UUID}0", UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}", "%00", "%ff",
     "é", "-" * 36],
)  # fmt: skip
def test_a_malformed_booking_id_is_not_found(client: TestClient, user: dict[str, str], booking_id: str) -> None:
    assert_problem(client.get(f"/bookings/{booking_id}", headers=user), 404)


def test_an_unknown_booking_is_not_found(client: TestClient, user: dict[str, str]) -> None:
    assert_problem(client.get(f"/bookings/{uuid4()}", headers=user), 404)


@pytest.mark.parametrize("key", ["x" * 256, "é", "a\tb", '""', '" "', "a\x7fb", "\x01"])
def test_an_idempotency_key_that_is_none_is_pointed_at(
    client: TestClient, user: dict[str, str], event: int, key: str
) -> None:
    headers = {name.encode(): value.encode() for name, value in {**user, "Idempotency-Key": key}.items()}
    answer = client.post(f"/events/{event}/book?seats=1", headers=headers)
    assert_problem(answer, 422, "#/header/Idempotency-Key")


def test_a_key_with_another_request_is_refused_and_with_the_same_repeats_it(
    client: TestClient, user: dict[str, str], event: int
) -> None:
    headers = {**user, "Idempotency-Key": uuid4().hex}
    first = client.post(f"/events/{event}/book?seats=1", headers=headers)
    again = client.post(f"/events/{event}/book?seats=1", headers=headers)
    assert (again.status_code, again.json()["booking_id"]) == (202, first.json()["booking_id"])
    assert_problem(client.post(f"/events/{event}/book?seats=2", headers=headers), 422)


@pytest.mark.parametrize("field", sorted(EVENT))
@pytest.mark.parametrize(
    "literal",
    ["NaN", "Infinity", "-Infinity", "1e400", "-1e400", "null", "true", "[]", "{}", '""', '"\\ud800"', '"\\udc00x"',
     '"a\\u0000b"', "1.5", "-1"],
)  # fmt: skip
def test_values_that_no_event_has_are_pointed_at(
    client: TestClient, admin: dict[str, str], field: str, literal: str
) -> None:
    body = json.dumps({**EVENT, field: "PLACE"}).replace('"PLACE"', literal)
    answer = client.post("/events", content=body, headers={**admin, "Content-Type": "application/json"})
    assert_problem(answer, 422, f"#/{field}")


@pytest.mark.parametrize("field", sorted(EVENT))
def test_a_missing_field_is_pointed_at(client: TestClient, admin: dict[str, str], field: str) -> None:
    answer = client.post("/events", json=event_with(**{field: ...}), headers=admin)
    assert_problem(answer, 422, f"#/{field}")


@pytest.mark.parametrize("seats", [2**31, 10**18, 10**4_000, "5", 1.0])
def test_a_capacity_that_no_event_has_is_pointed_at(client: TestClient, admin: dict[str, str], seats: object) -> None:
    answer = client.post("/events", json=event_with(event_availibility=seats), headers=admin)
    assert_problem(answer, 422, "#/event_availibility")


@pytest.mark.parametrize(
    "body",
    [b"", b"x", b"{", b"null", b"[]", b'"text"', b"1", b"NaN", b"\xff\xfe", b"\xef\xbb\xbf{}",
     b'{"event_name": "\xff"}',
     b"[" * 30_000, b'{"a":' * 10_000, b"1" * 5_000, b'{"event_availibility": ' + b"9" * 5_000 + b"}", b"\x00"],
)  # fmt: skip
def test_a_body_that_is_no_json_object_is_invalid(client: TestClient, admin: dict[str, str], body: bytes) -> None:
    assert_problem(client.post("/events", content=body, headers={**admin, "Content-Type": "application/json"}), 422)


def too_large(**changes: object) -> bytes:
    return json.dumps(event_with(padding="x" * BODY_BYTES_MAX, **changes)).encode()


def test_a_body_over_the_bound_is_too_large(client: TestClient, admin: dict[str, str]) -> None:
    assert_problem(client.post("/events", content=too_large(), headers=admin), 413)


def test_a_body_over_the_bound_is_too_large_in_chunks_too(client: TestClient, admin: dict[str, str]) -> None:
    body = too_large()
    chunks = (body[start : start + 1_000] for start in range(0, len(body), 1_000))
    headers = {**admin, "Content-Type": "application/json"}
    assert_problem(client.post("/events", content=chunks, headers=headers), 413)


def test_a_body_at_the_bound_is_read(client: TestClient, admin: dict[str, str]) -> None:
    body = json.dumps(event_with()).encode().ljust(BODY_BYTES_MAX)
    assert (
        client.post("/events", content=body, headers={**admin, "Content-Type": "application/json"}).status_code == 201
    )


@pytest.mark.parametrize("name", ["", " ", "\u2028", "a\nb", "\x7f", "\u0085", "x" * 201, "x\u2029y"])
def test_names_that_nobody_can_read_are_pointed_at(client: TestClient, admin: dict[str, str], name: str) -> None:
    answer = client.post("/events", json=event_with(event_name=name), headers=admin)
    assert_problem(answer, 422, "#/event_name")


@pytest.mark.parametrize("name", ["東京　公演", "👨‍👩‍👧 Family day", "Beyoncé", "x" * 200, "🎉" * 200, "می‌خواهم"])
def test_names_of_the_whole_world_are_kept_as_they_are(client: TestClient, admin: dict[str, str], name: str) -> None:
    answer = client.post("/events", json=event_with(event_name=name), headers=admin)
    assert (answer.status_code, answer.json().get("event_name")) == (201, name)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2027-01-02T03:04:05", "2027-01-02T03:04:05Z"),
        ("2027-01-02T03:04:05.000001", "2027-01-02T03:04:05.000001Z"),
        ("2027-01-02 03:04", "2027-01-02T03:04:00Z"),
        ("2027-01-02", "2027-01-02T00:00:00Z"),
        ("2027-01-02T03:04:05+09:00", "2027-01-01T18:04:05Z"),
        ("2027-01-02T03:04:05z", "2027-01-02T03:04:05Z"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999Z"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    ],
)
def test_event_dates_are_stored_in_utc(client: TestClient, admin: dict[str, str], sent: str, stored: str) -> None:
    created = client.post("/events?allow_past=true", json=event_with(event_date=sent), headers=admin)
    assert created.status_code == 201
    assert client.get(created.headers["Location"]).json()["event_date"] == stored


@pytest.mark.parametrize(
    "date",
    ["20270911", "0", "1800000000", "1e10", "NaN", "Infinity", "-1", "now", "2027-13-01T00:00:00Z", "2027-02-30",
     "2027-01-01T25:00:00Z",
     "9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01",
     "2027-01-01T00:00:00+99:00"],
)  # fmt: skip
def test_dates_that_are_none_or_not_in_utc_are_pointed_at(client: TestClient, admin: dict[str, str], date: str) -> None:
    assert_problem(client.post("/events", json=event_with(event_date=date), headers=admin), 422, "#/event_date")


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("cursor", "x"), ("cursor", "AAAAAAAAAAA="), ("cursor", "__________8"), ("cursor", "é"), ("cursor", "x" * 65),
     ("cursor", ""),
     ("limit", "-1"), ("limit", "x"), ("limit", "NaN"), ("limit", "9" * 10 + "x")],
)  # fmt: skip
def test_page_parameters_that_we_never_gave_out_are_pointed_at(client: TestClient, parameter: str, value: str) -> None:
    assert_problem(client.get("/events", params={parameter: value}), 422, f"#/query/{parameter}")


@pytest.mark.parametrize("limit", ["0", "501", "0" * 5_000, "0" * 5_000 + "1", str(10**30), "9" * 5_000])
def test_page_sizes_out_of_reach_are_coerced(client: TestClient, limit: str) -> None:
    assert client.get("/events", params={"limit": limit}).status_code == 200


def mentions(answer: Response) -> bool:
    return MARK in answer.text or any(MARK in value for value in answer.headers.values())


def test_no_error_repeats_the_input(client: TestClient, admin: dict[str, str], user: dict[str, str]) -> None:
    answers = [
        client.post("/events", json=event_with(event_name=[MARK], event_date=MARK), headers=admin),
        client.post("/events", json={MARK: MARK}, headers=admin),
        client.post("/events", content=f'{{"{MARK}', headers={**admin, "Content-Type": "application/json"}),
        client.post(f"/events/{MARK}/book?seats={MARK}", headers=user),
        client.get(f"/events?cursor={MARK}&limit={MARK}"),
        client.get(f"/bookings/{MARK}", headers=user),
        client.get(f"/{MARK}"),
        client.get("/bookings/1", headers={"Authorization": f"Bearer {MARK}"}),
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 422, 404, 404, 401]
    assert not any(mentions(answer) for answer in answers)
