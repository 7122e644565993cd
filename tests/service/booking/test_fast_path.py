"""The fast path answers as the ordinary route does, and leaves to it what is out of the ordinary."""

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC
from typing import ClassVar
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from booking_service.api.answers import booking_json
from booking_service.api.fast_path import FastPath
from booking_service.api.schemas import BookingOut
from booking_service.box_office.lookups import BookingView
from booking_service.domain.bookings.lookup import BookingState
from booking_service.main import create_app
from booking_service.settings import BookingSettings
from shared.http.service import HttpService
from tests.fixtures.box_office import EVENT, bearer, booking_settings, migrated_sqlite

FRESH = ("booking_id", "created_at", "settled_at")  # what two requests that mean the same do not share
UNKNOWN = "00000000-0000-7000-8000-000000000000"


class Counter:
    """Counts the requests that reach the ordinary routes."""

    count: ClassVar[int] = 0

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        Counter.count += scope["type"] == "http"
        await self._app(scope, receive, send)


class Both:
    """The same service twice on one database: with the fast path, and without."""

    def __init__(self, settings: BookingSettings, fast: TestClient, ordinary: TestClient) -> None:
        self.settings, self.fast, self.ordinary = settings, fast, ordinary
        self.user, self.admin = bearer(settings, "user"), bearer(settings, "admin")
        self.event: int = fast.post("/events", json=EVENT, headers=self.admin).json()["event_id"]
        self.full: int = fast.post("/events", json=EVENT | {"event_availibility": 0}, headers=self.admin).json()[
            "event_id"
        ]
        for headers in (self.user, self.admin):  # whose tokens have been verified
            fast.get(f"/bookings/{UNKNOWN}", headers=headers)

    def ask(self, method: str, url: str, headers: dict[str, str] | list[tuple[str, str]]) -> tuple[Response, int]:
        """Send a request both ways, demand the same answer; return it and how many reached the ordinary route."""
        before = Counter.count
        fast = self.fast.request(method, url, headers=headers)
        passed_on = Counter.count - before
        ordinary = self.ordinary.request(method, url, headers=headers)
        assert fast.status_code == ordinary.status_code
        assert comparable(fast) == comparable(ordinary)
        return fast, passed_on


def comparable(answer: Response) -> tuple[dict[str, str], object]:
    headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "location"}}
    document = answer.json()
    return headers, {name: value for name, value in document.items() if name not in FRESH}


def without_fast_path(service: HttpService) -> HttpService:
    return HttpService(
        service.api, [layer for layer in service.layers if str(layer.cls) != str(FastPath)], service.stopping
    )


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    settings = booking_settings(migrated_sqlite(tmp_path_factory.mktemp("fast")))
    counted = create_app(settings)
    counted = HttpService(counted.api, [*counted.layers, Middleware(Counter)], counted.stopping)
    with ExitStack() as stack:
        fast, ordinary = (
            stack.enter_context(TestClient(app)) for app in (counted, without_fast_path(create_app(settings)))
        )
        yield Both(settings, fast, ordinary)


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


def test_an_idempotency_key_means_the_same_on_both(both: Both) -> None:
    url, headers = f"/events/{both.event}/book?seats=1", both.user | {"Idempotency-Key": '"k"'}
    first, passed_on = both.ask("POST", url, headers)
    assert (first.status_code, passed_on) == (202, 0)
    assert both.ordinary.post(url, headers=headers).json()["booking_id"] == first.json()["booking_id"]
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
        (both.admin, 403),
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
        st.sampled_from(["pending", "confirmed", "rejected"]),
        st.none() | st.just("sold_out"),
        st.none(),
        MOMENTS,
        st.none() | MOMENTS,
    ),
    st.none() | st.integers(1, 1_000),
)
def test_bookings_are_written_as_the_schema_says(state: BookingState, place: int | None) -> None:
    view = BookingView(state, place)
    assert booking_json(view) == BookingOut.of(view).model_dump_json().encode()
