"""Confirming held seats over HTTP: by whom, until when, and what becomes of seats that nobody confirms."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.fixtures.house import AT_ONCE, WAIT, House, refused

HOLD_SECONDS = 600


def test_held_seats_are_kept_until_they_are_confirmed(house: House) -> None:
    event = house.event(2, hold_seconds=HOLD_SECONDS)
    booking = house.book(event, 2)
    held = house.show(booking)
    assert held["status"] == "held"
    expires_in = datetime.fromisoformat(held["expires_at"]) - datetime.now(UTC)
    assert timedelta(0) < expires_in <= timedelta(seconds=HOLD_SECONDS + 1)
    with house.settling():
        answer = house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT)
    assert (answer.status_code, answer.json()["status"], answer.json()["expires_at"]) == (200, "confirmed", None)
    assert answer.json() == house.show(booking)
    assert answer.json()["settled_at"] == held["settled_at"]
    assert house.show(f"/events/{event}")["event_availibility"] == 0


def test_a_confirmation_that_takes_longer_is_stored(house: House) -> None:
    booking = house.book(house.event(2, hold_seconds=HOLD_SECONDS))
    answer = house.call("POST", f"{booking}/confirm", role="admin", prefer=AT_ONCE)
    assert (answer.status_code, answer.json()["status"]) == (202, "held")
    assert (answer.headers["Location"], answer.headers["Retry-After"]) == (booking, "1")
    house.settle()
    assert house.show(booking)["status"] == "confirmed"


def test_repeating_it_is_harmless(house: House) -> None:
    booking = house.book(house.event(2, hold_seconds=HOLD_SECONDS))
    with house.settling():
        answers = [house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT) for _ in range(3)]
        keyed = [house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT, key="k") for _ in range(3)]
    assert {answer.status_code for answer in (*answers, *keyed)} == {200}
    assert [answer.json()["status"] for answer in (*answers, *keyed)] == ["confirmed"] * 6
    assert ["Idempotency-Replayed" in answer.headers for answer in keyed] == [False, True, True]
    assert house.asked() == 2


def test_a_repeated_key_still_says_that_it_was_confirmed_once_more_has_happened(house: House) -> None:
    booking = house.book(house.event(2, hold_seconds=HOLD_SECONDS))
    with house.settling():
        for _ in range(2):  # also when another request had confirmed it before
            house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT, key="first")
            house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT, key="second")
        house.call("DELETE", booking, prefer=WAIT)
        for key in ("first", "second"):
            again = house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT, key=key)
            assert (again.status_code, again.json()["status"]) == (200, "cancelled")
        refused(house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT), 409, "not-held")


def test_a_hold_that_has_expired_cannot_be_confirmed_and_its_seats_go_to_who_waits(house: House) -> None:
    event = house.event(2, hold_seconds=HOLD_SECONDS, waitlist="strict", waiting_max=9)
    booking, waiting = house.book(event, 2), house.book(event, 2)
    house.expire(booking)
    shown = house.show(booking)
    assert (shown["status"], shown["expires_at"], shown["reason"]) == ("expired", None, None)
    assert house.show(waiting)["status"] == "held"
    refused(house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT), 409, "hold-expired")
    assert house.asked() == 0


def test_where_nothing_is_held_there_is_nothing_to_confirm(house: House) -> None:
    held = house.event(2, hold_seconds=HOLD_SECONDS, waitlist="strict", waiting_max=9)
    house.book(held, 2)
    cancelled = house.book(held, 1)
    with house.settling():
        house.call("DELETE", cancelled, prefer=WAIT)
    waitlisted, pending = house.book(held), house.book(held, settled=False)
    for booking in (cancelled, waitlisted, pending):
        refused(house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT), 409, "not-held")
    assert house.asked() == 1


def test_what_was_confirmed_from_the_start_is_confirmed(house: House) -> None:
    booking = house.book(house.event())
    assert house.call("POST", f"{booking}/confirm", role="admin", prefer=AT_ONCE).status_code == 200


def test_only_who_may_confirm_does(house: House) -> None:
    booking = house.book(house.event(2, hold_seconds=HOLD_SECONDS))
    for role in ("user", "public"):
        refused(house.call("POST", f"{booking}/confirm", role=role), 403, "forbidden")
    refused(house.client.post(f"{booking}/confirm"), 401, "unauthenticated")
    for address in (f"/bookings/{uuid4()}", "/bookings/x"):
        refused(house.call("POST", f"{address}/confirm", role="admin"), 404, "booking-not-found")
    assert house.asked() == 0
