"""Cancelling a booking over HTTP: done at once or soon, once for all, by whom and until when."""

import time
from uuid import uuid4

import pytest

from tests.fixtures.box_office import assert_problem
from tests.fixtures.house import AT_ONCE, LONG_AGO, WAIT, House, refused


def test_a_cancellation_that_is_soon_done_answers_with_the_cancelled_booking(house: House) -> None:
    event = house.event(2)
    booking = house.book(event, 2)
    with house.settling():
        answer = house.call("DELETE", booking, prefer=WAIT)
    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "cancelled", None)
    assert answer.headers["Preference-Applied"] == WAIT
    assert answer.headers["Cache-Control"] == "no-store"
    assert {"Location", "Retry-After", "Idempotency-Replayed"}.isdisjoint(answer.headers)
    assert answer.json() == house.show(booking)
    assert house.show(f"/events/{event}")["event_availibility"] == 2


def test_a_cancellation_that_takes_longer_is_stored_and_shown(house: House) -> None:
    event = house.event(2)
    booking = house.book(event)
    answer = house.call("DELETE", booking, prefer=AT_ONCE)
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelling")
    assert (answer.headers["Location"], answer.headers["Retry-After"]) == (booking, "1")
    poll = house.call("GET", booking)
    assert (poll.json(), poll.headers["Retry-After"]) == (answer.json(), "1")
    house.settle()
    poll = house.call("GET", booking)
    assert poll.json()["status"] == "cancelled"
    assert "Retry-After" not in poll.headers


def test_without_a_preference_it_waits_for_a_while(house: House) -> None:
    booking = house.book(house.event())
    started_at = time.monotonic()
    answer = house.call("DELETE", booking)
    assert answer.status_code == 202
    assert 2 <= time.monotonic() - started_at < 20
    assert "Preference-Applied" not in answer.headers


def test_repeating_it_is_harmless_and_answers_the_same(house: House) -> None:
    event = house.event(2)
    booking = house.book(event, 2)
    asked = [house.call("DELETE", booking, prefer=AT_ONCE) for _ in range(5)]
    asked += [house.call("DELETE", booking, prefer=AT_ONCE, key=f"k{n}") for n in range(5)]
    assert {answer.status_code for answer in asked} == {202}
    assert [answer.json() for answer in asked] == [asked[0].json()] * 10
    house.settle()
    done = [house.call("DELETE", booking, prefer=AT_ONCE) for _ in range(5)]
    assert {answer.status_code for answer in done} == {200}
    assert [answer.json() for answer in done] == [house.show(booking)] * 5
    assert house.asked() == 1
    assert house.show(f"/events/{event}")["event_availibility"] == 2


def test_a_repeated_key_says_that_its_answer_repeats_another(house: House) -> None:
    event = house.event()
    booking, other = house.book(event), house.book(event)
    with house.settling():
        first = house.call("DELETE", booking, prefer=WAIT, key="k")
        again = house.call("DELETE", booking, prefer=WAIT, key='"k"')
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    refused(house.call("DELETE", other, prefer=AT_ONCE, key="k"), 422, "idempotency-key-reused")
    refused(house.call("PATCH", booking, prefer=AT_ONCE, key="k", json={"seats": 1}), 422, "idempotency-key-reused")
    assert house.show(other)["status"] == "confirmed"
    assert_problem(house.call("DELETE", other, key='""'), 422, "#/header/Idempotency-Key")


def test_somebody_elses_booking_is_none_and_an_admin_cancels_any(house: House) -> None:
    booking = house.book(house.event())
    strangers = house.call("DELETE", booking, uid=2)
    unknown = house.call("DELETE", f"/bookings/{uuid4()}", uid=2)
    assert strangers.json() == unknown.json()
    for address in (booking, "/bookings/x", "/bookings/1", f"/bookings/{uuid4()}"):
        refused(house.call("DELETE", address, uid=2), 404, "booking-not-found")
    assert (house.asked(), house.show(booking)["status"]) == (0, "confirmed")
    with house.settling():
        assert house.call("DELETE", booking, role="admin", prefer=WAIT).json()["status"] == "cancelled"


def test_who_may_not_book_may_not_cancel_either(house: House) -> None:
    booking = house.book(house.event())
    refused(house.call("DELETE", booking, role="public"), 403, "forbidden")
    refused(house.client.delete(booking), 401, "unauthenticated")
    assert house.asked() == 0


def test_a_pending_booking_is_cancelled_before_it_takes_a_seat(house: House) -> None:
    event = house.event(1)
    first, second = house.book(event, settled=False), house.book(event, settled=False)
    assert house.call("DELETE", first, prefer=AT_ONCE).json()["status"] == "cancelling"
    house.settle()
    assert [house.show(booking)["status"] for booking in (first, second)] == ["cancelled", "confirmed"]
    assert house.show(first)["settled_at"] is not None


def test_a_held_booking_is_cancelled(house: House) -> None:
    event = house.event(1, hold_seconds=600)
    booking = house.book(event)
    assert house.show(booking)["status"] == "held"
    with house.settling():
        answer = house.call("DELETE", booking, prefer=WAIT).json()
    assert (answer["status"], answer["expires_at"]) == ("cancelled", None)
    assert house.show(f"/events/{event}")["event_availibility"] == 1


def test_leaving_the_waiting_list_is_a_cancellation_and_freed_seats_go_to_who_waits(house: House) -> None:
    event = house.event(2, waitlist="strict", waiting_max=9)
    confirmed, *waiting = [house.book(event, seats) for seats in (2, 1, 1, 1)]
    assert [house.show(booking)["waitlist_position"] for booking in waiting] == [1, 2, 3]
    with house.settling():
        left = house.call("DELETE", waiting[1], prefer=WAIT).json()
        house.call("DELETE", confirmed, prefer=WAIT)
    assert (left["status"], left["waitlist_position"]) == ("cancelled", None)
    statuses = [house.show(booking)["status"] for booking in (confirmed, *waiting)]
    assert statuses == ["cancelled", "confirmed", "cancelled", "confirmed"]


def test_what_is_over_cannot_be_cancelled(house: House) -> None:
    event = house.event(1, hold_seconds=600)
    expired, rejected = house.book(event), house.book(event, 2)
    house.expire(expired)
    for booking, status in ((expired, "expired"), (rejected, "rejected")):
        assert house.show(booking)["status"] == status
        assert "Book again" in refused(house.call("DELETE", booking), 409, "booking-over")
    assert house.asked() == 0


def test_after_its_time_only_an_admin_cancels_what_is_confirmed(house: House) -> None:
    event = house.event(1, cancel_until=LONG_AGO, waitlist="strict", waiting_max=9)
    booking, waiting = house.book(event), house.book(event)
    with house.settling():
        for _ in range(3):
            detail = refused(house.call("DELETE", booking, prefer=WAIT), 409, "too-late")
        assert "cancel_until" in detail
        assert house.asked() == 1
        assert house.call("DELETE", waiting, prefer=WAIT).json()["status"] == "cancelled"
        assert house.call("DELETE", booking, role="admin", prefer=WAIT).json()["status"] == "cancelled"
        # What came of it counts, not what was said before.
        assert house.call("DELETE", booking, prefer=WAIT).status_code == 200


@pytest.mark.parametrize("content", [b"", b"{}", b"x", b"[" * 1_000])
def test_a_body_is_not_read(house: House, content: bytes) -> None:
    booking = house.book(house.event())
    assert house.call("DELETE", booking, prefer=AT_ONCE, content=content).status_code == 202
