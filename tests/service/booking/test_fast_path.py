"""The fast path answers as the ordinary route does, and leaves to it what is out of the ordinary."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from booking_service.api.answers import booking_json
from booking_service.api.schemas import BookingOut
from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.lookup import TOO_FEW_SEATS, TOO_MANY_SEATS, BookingState
from tests.fixtures.both_ways import UNKNOWN, Both, Counter, both_ways
from tests.fixtures.box_office import bearer


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    with both_ways(tmp_path_factory.mktemp("fast")) as both:
        yield both


def test_an_ordinary_booking_takes_the_fast_path(both: Both) -> None:
    answer, passed_on = both.ask("POST", f"/events/{both.event}/book?seats=2", both.user)
    assert (answer.status_code, passed_on) == (202, 0)
    assert answer.headers["Location"] == f"/bookings/{answer.json()['booking_id']}"
    assert UUID(answer.headers["X-Request-ID"])


def test_an_ordinary_poll_takes_the_fast_path(both: Both) -> None:
    booked = both.fast.post(f"/events/{both.event}/book?seats=1", headers=both.user)
    for headers in (both.user, both.user | {"Prefer": "wait=0"}, both.admin):
        answer, passed_on = both.ask("GET", booked.headers["Location"], headers)
        assert (answer.status_code, passed_on) == (200, 0)
        assert answer.json()["booking_id"] == booked.json()["booking_id"]


def test_head_of_an_ordinary_poll_takes_the_fast_path(both: Both) -> None:
    poll = both.fast.post(f"/events/{both.event}/book?seats=1", headers=both.user).headers["Location"]
    for headers in (both.user, both.user | {"Prefer": "wait=0"}):
        answer, passed_on = both.ask("HEAD", poll, headers)
        assert (answer.status_code, passed_on, answer.content) == (200, 0, b"")
        assert answer.headers["Retry-After"]
    assert both.ask("HEAD", f"/bookings/{UNKNOWN}", both.user)[0].status_code == 404


@pytest.mark.parametrize(
    ("method", "status", "allowed"),
    [("HEAD", 405, "OPTIONS, POST"), ("OPTIONS", 204, "OPTIONS, POST"), ("TRACE", 501, None)],
)
def test_other_methods_book_on_neither(both: Both, method: str, status: int, allowed: str | None) -> None:
    answer, _ = both.ask(method, f"/events/{both.event}/book?seats=1", both.user)
    assert (answer.status_code, answer.headers.get("Allow")) == (status, allowed)


@pytest.mark.parametrize(
    ("preferences", "applied"),
    [
        (["respond-async", "wait=0"], "wait=0"),
        (["wait=0", "wait=9"], "wait=0"),
        (['x="a, wait=9"', "wait=0"], "wait=0"),
        (["wait=x", "wait=9"], None),
    ],
)
def test_preferences_on_several_lines_mean_the_same_on_both(
    both: Both, preferences: list[str], applied: str | None
) -> None:
    poll = both.fast.post(f"/events/{both.event}/book?seats=1", headers=both.user).headers["Location"]
    headers = [*both.user.items(), *(("Prefer", preference) for preference in preferences)]
    answer, passed_on = both.ask("GET", poll, headers)
    assert (answer.status_code, passed_on) == (200, 0)
    assert answer.headers.get("Preference-Applied") == applied


def test_what_comes_twice_is_pointed_at_on_both(both: Both) -> None:
    url = f"/events/{both.event}/book"
    twice = [*both.user.items(), ("Idempotency-Key", "k1"), ("Idempotency-Key", "k1")]
    for query, headers, pointer in (
        ("seats=1&seats=1", list(both.user.items()), "#/query/seats"),
        ("seats=1", twice, "#/header/Idempotency-Key"),
    ):
        answer, _ = both.ask("POST", f"{url}?{query}", headers)
        assert (answer.status_code, [error["pointer"] for error in answer.json()["errors"]]) == (422, [pointer])
    joined = both.ask("POST", f"{url}?seats=1", both.user | {"Idempotency-Key": "k1, k2"})
    assert (joined[0].status_code, joined[1]) == (422, 0)


def test_refusals_of_the_box_office_are_the_same_on_the_fast_path(both: Both) -> None:
    for method, url, status in (
        ("POST", f"/events/{both.full}/book?seats=1", 409),
        ("POST", "/events/999999999/book?seats=1", 404),
        ("POST", f"/events/{both.event}/book?seats=101", 422),
        ("GET", f"/bookings/{UNKNOWN}", 404),
    ):
        answer, passed_on = both.ask(method, url, both.user)
        assert (answer.status_code, passed_on) == (status, 0)
        assert answer.headers["Content-Type"] == "application/problem+json"
    refused, passed_on = both.ask("POST", f"/events/{both.event}/book?seats=1", both.admin)
    assert (refused.status_code, passed_on) == (403, 0)


def test_an_idempotency_key_means_the_same_on_both(both: Both) -> None:
    url, headers = f"/events/{both.event}/book?seats=1", both.user | {"Idempotency-Key": '"k"'}
    first = both.fast.post(url, headers=headers)
    assert (first.status_code, first.headers.get("Idempotency-Replayed")) == (202, None)
    again, passed_on = both.ask("POST", url, headers)
    assert (again.status_code, passed_on, again.headers["Idempotency-Replayed"]) == (202, 0, "true")
    assert again.json()["booking_id"] == first.json()["booking_id"]
    assert both.ask("POST", f"/events/{both.event}/book?seats=2", headers)[0].status_code == 422
    assert both.ask("POST", url, both.user | {"Idempotency-Key": '""'})[0].status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?seats=0",
        "?seats=-1",
        "?seats=two",
        "?seats=1&seats=2",
        "?seats=1&x=y",
        "?seats=01",
        "?seats=%31",
        "?seats=10000000000",
    ],
)
def test_other_queries_are_left_to_the_ordinary_route(both: Both, query: str) -> None:
    assert both.ask("POST", f"/events/{both.event}/book{query}", both.user)[1] == 1


@pytest.mark.parametrize(
    "path", ["/events/0/book", "/events/+1/book", "/events/1_0/book", "/events/\u0661/book", "/events/01/book"]
)
def test_other_event_ids_are_left_to_the_ordinary_route(both: Both, path: str) -> None:
    assert both.ask("POST", f"{path}?seats=1", both.user)[1] == 1


def test_other_callers_are_left_to_the_ordinary_route(both: Both) -> None:
    url = f"/events/{both.event}/book?seats=1"
    stranger = bearer(both.settings, uid=77)  # whose token was not verified yet
    for headers, status in (
        ({}, 401),
        ({"Authorization": "Bearer x"}, 401),
        ({"Authorization": "Basic dTpw"}, 401),
        (stranger, 202),
    ):
        answer, passed_on = both.ask("POST", url, headers)
        assert (answer.status_code, passed_on) == (status, 1)
    twice = [*both.user.items(), *both.user.items()]
    assert both.ask("POST", url, twice)[0].status_code == 401


def test_a_body_is_left_to_the_ordinary_route(both: Both) -> None:
    before = Counter.count
    url = f"/events/{both.event}/book?seats=1"
    assert both.fast.post(url, headers=both.user, content=b"{}").status_code == 202
    assert Counter.count - before == 1


MOMENTS = st.datetimes(timezones=st.just(UTC))


@given(
    st.builds(
        BookingState,
        st.uuids(),
        st.integers(1, 2**63 - 1),
        st.just(1),
        st.integers(1, 2**31 - 1),
        st.sampled_from(["pending", "confirmed", "held", "waitlisted", "rejected", "cancelled", "expired"]),
        st.none() | st.just("sold_out"),
        st.none(),
        MOMENTS,
        st.none() | MOMENTS,
        st.booleans(),
    ),
    st.none() | st.integers(1, 1_000),
    st.none() | MOMENTS,
    st.none() | st.integers(1, 10_000),
    st.none() | st.sampled_from([TOO_FEW_SEATS, TOO_MANY_SEATS]),
)
def test_bookings_are_written_as_the_schema_says(
    state: BookingState, place: int | None, expires_at: datetime | None, position: int | None, skipped: str | None
) -> None:
    view = BookingView(state, place, expires_at, position, skipped)
    assert booking_json(view) == BookingOut.of(view).model_dump_json().encode()
