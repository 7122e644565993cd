"""Whatever Hypothesis can think of: the booking service never answers 5xx, and says no in a problem document."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.box_office import EVENT, bearer, booking_settings, migrated_sqlite, running

PARAMETERS = ["seats", "limit", "cursor", "status", "event_id", "user_id", "from", "to", "idempotency_key", "x"]
EXAMPLES = settings(max_examples=200, deadline=None)

# Text that JSON can carry by escapes, lone surrogates included.
any_text = st.text(st.characters(codec=None), max_size=300)
numbers = st.integers() | st.floats() | st.sampled_from([2**31, 2**63, 10**19, 10**400, float("1e308")])
values = st.recursive(
    st.none() | st.booleans() | numbers | any_text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(any_text, inner, max_size=4),
    max_leaves=10,
)
dates = st.datetimes().map(str) | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.{0,20}") | any_text
names = {"event_name": values, "event_venue": values}
counts = st.integers(-1, 2**31) | values
rules = {
    "max_seats_per_booking": counts,
    "max_seats_per_user": counts,
    "sales_open_at": dates | values,
    "sales_close_at": dates | values,
    "cancel_until": dates | values,
    "hold_seconds": counts,
    "waitlist": st.sampled_from(["off", "strict", "fit"]) | values,
    "waitlist_max": counts,
}
near_events = st.fixed_dictionaries(
    {}, optional={**names, "event_date": dates | values, "event_availibility": values, **rules}
)
# What the ASGI server passes on: any bytes but those that end a line.
header_text = st.binary(max_size=80).map(lambda raw: raw.translate(None, b"\r\n\x00"))


class Caller:
    """A running service and one of each token."""

    def __init__(self, client: TestClient, admin: dict[str, str], user: dict[str, str]) -> None:
        self.client, self.admin, self.user = client, admin, user
        self.event: str = client.post("/events", json=EVENT, headers=admin).headers["Location"]
        self.booking: str = client.post(f"{self.event}/book?seats=1", headers=user).headers["Location"]


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with TemporaryDirectory() as folder:
        configured = booking_settings(migrated_sqlite(Path(folder)))
        with running(configured) as client:
            yield Caller(client, bearer(configured, "admin"), bearer(configured))


def assert_sane(answer: Response) -> None:
    assert answer.status_code < 500
    assert answer.headers["X-Request-ID"]
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code


@EXAMPLES
@given(body=st.binary(max_size=500))
def test_bodies_of_any_bytes(caller: Caller, body: bytes) -> None:
    headers = {**caller.admin, "Content-Type": "application/json"}
    assert_sane(caller.client.post("/events", content=body, headers=headers))


@EXAMPLES
@given(body=values)
def test_bodies_of_any_json(caller: Caller, body: object) -> None:
    headers = {**caller.admin, "Content-Type": "application/json"}
    assert_sane(caller.client.post("/events", content=json.dumps(body), headers=headers))


@EXAMPLES
@given(changes=near_events)
def test_bodies_that_are_nearly_events(caller: Caller, changes: dict[str, object]) -> None:
    headers = {**caller.admin, "Content-Type": "application/json"}
    answer = caller.client.post("/events", content=json.dumps({**EVENT, **changes}), headers=headers)
    assert_sane(answer)
    if answer.status_code == 201:
        assert caller.client.get(answer.headers["Location"]).json() == answer.json()


patched = st.fixed_dictionaries({}, optional=dict.fromkeys(("seats", "capacity", "waitlist_suspended"), values))


@EXAMPLES
@given(body=patched | values, key=header_text)
def test_patches_of_any_json(caller: Caller, body: object, key: bytes) -> None:
    headers = {name.encode(): value.encode() for name, value in caller.admin.items()}
    headers |= {b"Content-Type": b"application/json", b"Prefer": b"wait=0", b"Idempotency-Key": key}
    for address in (caller.event, caller.booking):
        assert_sane(caller.client.patch(address, content=json.dumps(body), headers=headers))


some_counts = st.none() | st.integers(1, 9)
some_moments = st.none() | st.integers(-3, 3).map(lambda hours: f"2099-09-11T{19 + hours}:15:00Z")


@EXAMPLES
@given(
    members=st.fixed_dictionaries(
        {
            "max_seats_per_booking": some_counts,
            "max_seats_per_user": some_counts,
            "sales_open_at": some_moments,
            "sales_close_at": some_moments,
            "cancel_until": some_moments,
            "hold_seconds": some_counts,
            "waitlist": st.sampled_from(["off", "strict", "fit"]),
            "waitlist_max": some_counts,
        }
    )
)
def test_rules_are_kept_as_they_are_or_refused(caller: Caller, members: dict[str, object]) -> None:
    answer = caller.client.post("/events", json=EVENT | members, headers=caller.admin)
    assert_sane(answer)
    if answer.status_code == 201:
        shown = caller.client.get(answer.headers["Location"]).json()
        assert {name: shown[name] for name in members} == members
    else:
        assert {error["pointer"].removeprefix("#/") for error in answer.json()["errors"]} <= members.keys()


@EXAMPLES
@given(
    names=st.lists(st.sampled_from([*PARAMETERS, "seats_min", "decide_within"]), max_size=3),
    value=st.binary(max_size=40),
)
def test_query_strings_of_any_bytes(caller: Caller, names: list[str], value: bytes) -> None:
    query = "&".join(f"{name}={quote(value)}" for name in names)
    assert_sane(caller.client.get(f"/events?{query}"))
    assert_sane(caller.client.get(f"/bookings?{query}", headers=caller.user))
    assert_sane(caller.client.get(f"/events/1/ledger?{query}", headers=caller.admin))
    assert_sane(caller.client.post(f"/events/1/book?{query}", headers=caller.user))


@EXAMPLES
@given(segment=st.binary(min_size=1, max_size=40))
def test_paths_of_any_bytes(caller: Caller, segment: bytes) -> None:
    part = quote(segment, safe="")
    for address in (f"/events/{part}", f"/events/{part}/ledger", f"/bookings/{part}", f"/bookings/{part}/history"):
        assert_sane(caller.client.get(address, headers=caller.user, follow_redirects=False))


@EXAMPLES
@given(name=st.sampled_from(["Idempotency-Key", "Prefer", "If-None-Match", "X-Request-ID", "Host"]), value=header_text)
def test_headers_of_any_bytes(caller: Caller, name: str, value: bytes) -> None:
    headers = {k.encode(): v.encode() for k, v in caller.user.items()} | {name.encode(): value}
    for method, address in (
        ("GET", "/events?limit=1"),
        ("GET", "/events/1"),
        ("POST", "/events/1/book?seats=1"),
        ("POST", "/events/1/book?seats=1&decide_within=1"),
        ("GET", "/bookings/00000000-0000-7000-8000-000000000000"),
    ):
        assert_sane(caller.client.request(method, address, headers=headers))


@EXAMPLES
@given(value=header_text)
def test_authorizations_of_any_bytes(caller: Caller, value: bytes) -> None:
    for authorization in (value, b"Bearer " + value):
        answer = caller.client.post("/events", json=EVENT, headers={b"Authorization": authorization})
        assert_sane(answer)
        assert answer.status_code == 401
