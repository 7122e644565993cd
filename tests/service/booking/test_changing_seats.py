"""Another number of seats over HTTP: fewer at once, more if they are free and allowed, and nothing by halves."""

import pytest

from tests.fixtures.box_office import assert_problem
from tests.fixtures.house import AT_ONCE, WAIT, House, refused


def test_fewer_seats_are_had_at_once_and_the_others_go_to_who_waits(house: House) -> None:
    event = house.event(5, waitlist="strict", waiting_max=9)
    booking, waiting = house.book(event, 5), house.book(event, 2)
    with house.settling():
        answer = house.call("PATCH", booking, json={"seats": 2}, prefer=WAIT)
    assert (answer.status_code, answer.json()["seats"], answer.json()["status"]) == (200, 2, "confirmed")
    assert answer.json() == house.show(booking)
    assert house.show(waiting)["status"] == "confirmed"
    assert house.show(f"/events/{event}")["event_availibility"] == 1


def test_more_seats_are_had_while_they_are_free(house: House) -> None:
    event = house.event(5)
    booking = house.book(event, 2)
    with house.settling():
        assert house.call("PATCH", booking, json={"seats": 5}, prefer=WAIT).json()["seats"] == 5
        detail = refused(house.call("PATCH", booking, json={"seats": 6}, prefer=WAIT), 409, "sold-out")
    assert "Nothing was changed" in detail
    assert house.show(booking)["seats"] == 5
    assert house.show(f"/events/{event}")["event_availibility"] == 0


def test_what_takes_longer_is_stored_and_seen_at_its_location(house: House) -> None:
    booking = house.book(house.event(), 2)
    answer = house.call("PATCH", booking, json={"seats": 3}, prefer=AT_ONCE)
    assert (answer.status_code, answer.json()["seats"], answer.json()["status"]) == (202, 2, "confirmed")
    assert (answer.headers["Location"], answer.headers["Retry-After"]) == (booking, "1")
    house.settle()
    assert house.show(booking)["seats"] == 3


def test_as_many_as_it_has_is_done_already(house: House) -> None:
    booking = house.book(house.event(), 2)
    for _ in range(3):
        assert house.call("PATCH", booking, json={"seats": 2}, prefer=AT_ONCE).status_code == 200
    assert house.asked() == 0


def test_a_pending_booking_is_decided_with_the_seats_it_wants_by_then(house: House) -> None:
    event = house.event(3)
    booking = house.book(event, 5, settled=False)
    assert house.call("PATCH", booking, json={"seats": 3}, prefer=AT_ONCE).json()["seats"] == 5
    house.settle()
    decided = house.show(booking)
    assert (decided["status"], decided["seats"]) == ("confirmed", 3)


def test_a_repeated_key_answers_as_the_first_request_was(house: House) -> None:
    booking = house.book(house.event(), 2)

    def change(seats: int, key: str | None = None) -> tuple[int, int, bool]:
        answer = house.call("PATCH", booking, json={"seats": seats}, prefer=WAIT, key=key)
        return answer.status_code, answer.json()["seats"], "Idempotency-Replayed" in answer.headers

    with house.settling():
        assert change(4, "k") == (200, 4, False)
        assert change(5) == (200, 5, False)
        assert change(4, "k") == (200, 5, True)
        refused(house.call("PATCH", booking, json={"seats": 5}, key="k"), 422, "idempotency-key-reused")
        for _ in range(2):
            refused(house.call("PATCH", booking, json={"seats": 50}, prefer=WAIT, key="much"), 409, "sold-out")
    assert house.asked() == 3


def test_the_limits_of_an_event_hold_for_changes(house: House) -> None:
    event = house.event(10, seats_per_booking_max=4, seats_per_user_max=5)
    booking = house.book(event, 2)
    house.book(event, 2)
    with house.settling():
        refused(house.call("PATCH", booking, json={"seats": 5}, prefer=WAIT), 409, "booking-limit")
        refused(house.call("PATCH", booking, json={"seats": 4}, prefer=WAIT), 409, "user-limit")
        assert house.call("PATCH", booking, json={"seats": 3}, prefer=WAIT).json()["seats"] == 3


def test_once_sales_have_ended_seats_are_given_back_only(house: House) -> None:
    event = house.event(10, seats_per_user_max=9)
    booking = house.book(event, 2)
    house.close_sales(event)
    with house.settling():
        refused(house.call("PATCH", booking, json={"seats": 3}, prefer=WAIT), 409, "sales-closed")
        assert house.call("PATCH", booking, json={"seats": 1}, prefer=WAIT).json()["seats"] == 1


def test_who_waits_may_want_fewer_and_not_more(house: House) -> None:
    event = house.event(2, waitlist="strict", waiting_max=9)
    house.book(event, 2)
    booking = house.book(event, 2)
    with house.settling():
        refused(house.call("PATCH", booking, json={"seats": 3}, prefer=WAIT), 409, "sold-out")
        answer = house.call("PATCH", booking, json={"seats": 1}, prefer=WAIT).json()
    assert (answer["seats"], answer["status"], answer["waitlist_position"]) == (1, "waitlisted", 1)


def test_what_is_over_cannot_be_changed(house: House) -> None:
    event = house.event(2)
    cancelled, rejected = house.book(event), house.book(event, 5)
    with house.settling():
        house.call("DELETE", cancelled, prefer=WAIT)
        for booking in (cancelled, rejected):
            refused(house.call("PATCH", booking, json={"seats": 1}, prefer=WAIT), 409, "booking-over")
    assert house.asked() == 1


def test_only_the_owner_and_admins_change_a_booking(house: House) -> None:
    booking = house.book(house.event(), 2)
    refused(house.call("PATCH", booking, json={"seats": 1}, uid=2), 404, "booking-not-found")
    refused(house.call("PATCH", booking, json={"seats": 1}, role="public"), 403, "forbidden")
    refused(house.client.patch(booking, json={"seats": 1}), 401, "unauthenticated")
    with house.settling():
        answer = house.call("PATCH", booking, json={"seats": 1}, role="admin", prefer=WAIT)
    assert answer.json()["seats"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/seats"),
        ({"seats": None}, "#/seats"),
        ({"seats": 0}, "#/seats"),
        ({"seats": -1}, "#/seats"),
        ({"seats": 101}, "#/seats"),
        ({"seats": 2**31}, "#/seats"),
        ({"seats": 10**18}, "#/seats"),
        ({"seats": 10**400}, "#/seats"),
        ({"seats": "2"}, "#/seats"),
        ({"seats": 2.0}, "#/seats"),
        ({"seats": True}, "#/seats"),
        ({"seats": [2]}, "#/seats"),
        ({"seats": 2, "status": "confirmed"}, "#/status"),
        ({"seats": 2, "a/b~": 1}, "#/a~1b~0"),
        ([], "#"),
        ([{"seats": 2}], "#"),
        (2, "#"),
        (None, "#"),
        ("seats", "#"),
    ],
)
def test_a_body_that_cannot_be_meant_is_pointed_at(house: House, body: object, pointer: str) -> None:
    booking = house.book(house.event())
    assert_problem(house.call("PATCH", booking, json=body), 422, pointer)
    assert house.asked() == 0


def test_other_bodies_are_refused_as_everywhere(house: House) -> None:
    booking = house.book(house.event())
    assert_problem(house.call("PATCH", booking), 422, "#")
    assert_problem(house.call("PATCH", booking, content=b'{"seats": 2}'), 415)
    assert_problem(house.call("PATCH", booking, json={"seats": 2, "padding": "x" * 65_536}), 413)
    assert house.show(booking)["seats"] == 1
