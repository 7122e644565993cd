"""What a caller is told is wrong: true, with the bound that counts, and in words of the interface, not of a library."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from pydantic import TypeAdapter

from booking_service.settings import BookingSettings
from shared.errors import Problem
from shared.http.values import GivenMoment
from tests.fixtures import accounts, box_office
from tests.fixtures.accounts import ADA
from tests.fixtures.box_office import EVENT

JSON = {"Content-Type": "application/json"}
JARGON = (
    "input",
    "should",
    "value error",
    "dictionary",
    "pattern",
    "parse",
    "field required",
    "string",
    "codec",
    "none",
)
DATE = "Use an RFC 3339 date and time that exists, such as 2027-09-11T19:15:00Z."
RANGE = "Use a date from 1970 to 9999, in UTC."
LEAP = "Leap seconds are not kept: use the second before or after."
WHOLE = 'Use a whole number, such as 5; not "5", 5.0 or true.'
DIGITS = "Use decimal digits only."
SEATS = "At most 100 seats can be booked at once."
USER_ID = "Use the `id` of a user: up to 18 digits, the first of them no 0."
ROLE = "Use 'user', 'public', 'organizer' or 'admin'."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("messages")


@pytest.fixture(scope="module")
def auth(folder: Path) -> Iterator[TestClient]:
    settings = accounts.auth_settings(f"sqlite:///{folder}/auth.db")
    with accounts.accounts_database(settings), accounts.running(settings) as client:
        client.post("/users", json=ADA)
        client.headers.update(accounts.bearer(client))
        yield client


@pytest.fixture(scope="module")
def settings(folder: Path) -> BookingSettings:
    return box_office.booking_settings(box_office.migrated_sqlite(folder))


@pytest.fixture(scope="module")
def booking(settings: BookingSettings) -> Iterator[TestClient]:
    with box_office.running(settings) as client:
        assert client.post("/events", json=EVENT, headers=box_office.bearer(settings, "admin")).json()["event_id"] == 1
        client.headers.update(box_office.bearer(settings))
        yield client


@pytest.fixture(scope="module")
def admin(settings: BookingSettings) -> dict[str, str]:
    return box_office.bearer(settings, "admin")


def told(answer: Response) -> str:
    """The one thing that is wrong; checked to be said in a caller's words."""
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    detail = str(error["detail"])
    assert detail.endswith("."), detail
    assert not [word for word in JARGON if word in detail.lower()], detail
    return detail


def with_literal(body: dict[str, Any], field: str, literal: str) -> str:
    return json.dumps({**body, field: "PLACE"}).replace('"PLACE"', literal)


@pytest.mark.parametrize("body", ["", "null", "[]", '"text"', "1", "NaN", "true"])
@pytest.mark.parametrize("path", ["/users", "/login"])
def test_a_body_that_is_no_object(auth: TestClient, path: str, body: str) -> None:
    assert told(auth.post(path, content=body, headers=JSON)) == "Send a JSON object."


@pytest.mark.parametrize("body", ["x", "{", '{"name"', "{'name': 1}", "[" * 30_000, "\x00"])
def test_a_body_that_is_no_json(auth: TestClient, body: str) -> None:
    assert told(auth.post("/users", content=body, headers=JSON)) == "The body is not valid JSON."


@pytest.mark.parametrize(
    "body", [b"\xff", b'{"name": "\xe4"}', "{}".encode("utf-16"), b"\xef\xbb\xbf{}", b"{\x00}\x00"]
)
def test_a_body_that_is_not_utf_8(auth: TestClient, body: bytes) -> None:
    said = "Send the body as JSON in UTF-8, without a byte order mark."
    assert told(auth.post("/users", content=body, headers=JSON)) == said


@pytest.mark.parametrize(
    ("body", "detail"),
    [('{"name": 1, "name": 2}', "Give this once."), ('{"x": {"a": 1, "a": 2}}', "Give each member of an object once.")],
)
def test_a_member_that_comes_twice(auth: TestClient, body: str, detail: str) -> None:
    assert told(auth.post("/users", content=body, headers=JSON)) == detail


@pytest.mark.parametrize(
    ("field", "literal", "detail"),
    [
        ("name", "7", "Use text."),
        ("name", "null", "Use text."),
        ("email", "7", "Use text."),
        ("email", '"x"', "This is not an e-mail address: An email address must have an @-sign."),
        (
            "email",
            '"a@127.0.0.1"',
            "This is not an e-mail address: The part after the @-sign must be a name, not a number.",
        ),
        (
            "email",
            f'"{"l" * 65}@x.com"',
            "This is not an e-mail address: The part before the @-sign is longer than 64 bytes.",
        ),
        ("email", f'"{"x" * 300}"', "Use at most 254 characters."),
        ("password", "7", "Use text."),
        ("password", '""', "Use at least 8 characters."),
        ("password", '"seven77"', "Use at least 8 characters."),
        ("password", json.dumps("p" * 73), "Use at most 72 characters."),
        ("password", '"eight or more\\u0000"', "Use no control characters in a password."),
        ("password", '"eight or more\\ud800"', "Use text; there is half of a character in this (a lone surrogate)."),
        ("role", '"root"', ROLE),
        ("role", "null", ROLE),
    ],
)
def test_an_account_that_cannot_be(auth: TestClient, field: str, literal: str, detail: str) -> None:
    body = with_literal({**ADA, "email": "new@example.com"}, field, literal)
    assert told(auth.post("/users", content=body, headers=JSON)) == detail


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_an_account_with_a_part_missing(auth: TestClient, field: str) -> None:
    body = {name: value for name, value in ADA.items() if name != field}
    assert told(auth.post("/users", json=body)) == "This is required."


@pytest.mark.parametrize("user_id", ["0", "07", "-1", "x", "1" * 19, "%E0"])
def test_a_users_id_that_is_none(auth: TestClient, user_id: str) -> None:
    assert told(auth.get(f"/users/{user_id}")) == USER_ID


@pytest.mark.parametrize(
    ("field", "literal", "detail"),
    [
        *[("event_availibility", literal, WHOLE) for literal in ('"5"', "1.0", "1.5", "true", "null", "[]", "1e400")],
        ("event_availibility", "-1", "Use 0 or more."),
        ("event_availibility", str(2**31), "Use 2147483647 or less."),
        ("event_availibility", "9" * 4_000, "Use 2147483647 or less."),
        ("event_name", "7", "Use text."),
        *[("event_date", literal, DATE) for literal in ("null", "7", "true", "[]", '""', '"now"', '"20270911"')],
        *[
            ("event_date", json.dumps(text), DATE)
            for text in (
                "2027-13-01T00:00:00Z", "2027-02-29T00:00:00Z", "2027-02-30", "2027-01-01T24:00:00Z",
                "2027-01-01T23:60:00Z", "2027-01-01T23:59:61Z", "2027-01-01T00:00:00+24:00",
                "2027-01-01T00:00:00 Z", "2027-1-1T00:00:00Z", "2027-W01-1", "2027-01-01T00:00:00Z[Europe/Berlin]",
                "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z",
            )
        ],
        *[
            ("event_date", json.dumps(text), LEAP)
            for text in (
                "2016-12-31T23:59:60Z", "2016-12-31T23:59:60.5Z", "2017-01-01T08:59:60+09:00", "2027-01-01 00:00:60",
            )
        ],
        *[
            ("event_date", json.dumps(text), RANGE)
            for text in (
                "1969-12-31T23:59:59Z", "1970-01-01T00:00:00+00:01", "0001-01-01T00:00:00+01:00",
                "9999-12-31T23:59:59-01:00",
            )
        ],
    ],
)  # fmt: skip
def test_an_event_that_cannot_be(
    booking: TestClient, admin: dict[str, str], field: str, literal: str, detail: str
) -> None:
    body = with_literal(EVENT, field, literal)
    assert told(booking.post("/events", content=body, headers=admin | JSON)) == detail


@pytest.mark.parametrize("date", ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1969-12-31T23:59:59-00:01"])
def test_the_ends_of_the_range_are_in_it(date: str) -> None:
    # Whether an event may begin in the past is another question; as a date, each of these is one.
    assert TypeAdapter(GivenMoment).validate_python(date).year in {1970, 9999}


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("", "This is required."),
        ("seats=", DIGITS), ("seats=two", DIGITS), ("seats=-1", DIGITS), ("seats=1.0", DIGITS),
        ("seats=0", "Use 1 or more."),
        ("seats=101", SEATS), (f"seats={2**31}", SEATS), ("seats=" + "9" * 5_000, SEATS),
    ],
)  # fmt: skip
def test_seats_that_cannot_be_booked(booking: TestClient, query: str, detail: str) -> None:
    assert told(booking.post(f"/events/1/book?{query}")) == detail


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/events/x", DIGITS), ("/events/-1", DIGITS), ("/events/0", "Use 1 or more."),
        (f"/events/{2**63}", f"Use {2**63 - 1} or less."), ("/events/" + "9" * 500, f"Use {2**63 - 1} or less."),
        ("/events?limit=-1", "Use 0 or more."), ("/events?limit=x", "Use a whole number."),
        ("/events?cursor=x", "Follow the Link header, or leave the cursor out to begin again."),
    ],
)  # fmt: skip
def test_addresses_and_pages_that_are_none(booking: TestClient, path: str, detail: str) -> None:
    assert told(booking.get(path)) == detail


def problems(base: type[Problem] = Problem) -> Iterator[type[Problem]]:
    yield base
    for derived in base.__subclasses__():
        yield from problems(derived)


def test_every_problem_says_in_a_sentence_what_to_do() -> None:
    said = {problem: problem().detail for problem in problems() if problem.code not in {"problem", "conflict"}}
    assert len(said) > 15
    assert {problem: detail for problem, detail in said.items() if not detail.endswith(".")} == {}
