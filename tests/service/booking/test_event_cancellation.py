"""Calling an event off over HTTP: its door closes at once, its bookings are cancelled, and that is for good."""

from tests.fixtures.box_office import assert_problem
from tests.fixtures.house import AT_ONCE, WAIT, House, refused


def test_all_bookings_of_an_event_that_is_called_off_are_cancelled(house: House) -> None:
    event, other = house.event(3, hold_seconds=600, waitlist="strict", waiting_max=9), house.event()
    held, confirmed, waiting = house.book(event, 2), house.book(event), house.book(event)
    with house.settling():
        house.call("POST", f"{confirmed}/confirm", role="admin", prefer=WAIT)
    spared, pending = house.book(other), house.book(event, settled=False)
    with house.settling():
        answer = house.call("DELETE", f"/events/{event}", role="admin", prefer=WAIT)
        assert house.call("GET", pending, prefer=WAIT).json()["status"] == "cancelled"
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, WAIT)
    assert answer.json()["event_availibility"] == 3
    for booking in (held, confirmed, waiting, pending):
        shown = house.show(booking)
        assert (shown["status"], shown["reason"]) == ("cancelled", "event_cancelled")
        assert (shown["expires_at"], shown["waitlist_position"]) == (None, None)
    assert house.show(spared)["status"] == "confirmed"


def test_it_is_stored_at_once_and_repeating_it_is_harmless(house: House) -> None:
    event = house.event()
    booking = house.book(event)
    answers = [house.call("DELETE", f"/events/{event}", role="admin", prefer=AT_ONCE) for _ in range(5)]
    answers += [house.call("DELETE", f"/events/{event}", role="admin", prefer=AT_ONCE, key=f"k{n}") for n in range(5)]
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.headers["Location"] for answer in answers} == {f"/events/{event}"}
    assert {answer.headers["Retry-After"] for answer in answers} == {"1"}
    house.settle()
    again = [house.call("DELETE", f"/events/{event}", role="admin", prefer=AT_ONCE) for _ in range(2)]
    assert [answer.status_code for answer in again] == [200, 200]
    assert [answer.json() for answer in again] == [house.show(f"/events/{event}")] * 2
    assert house.show(booking)["status"] == "cancelled"
    assert house.asked() == 1


def test_its_door_closes_at_once_and_for_good(house: House) -> None:
    event = house.event()
    house.book(event)  # so that the process knows the event, as one that sells
    house.call("DELETE", f"/events/{event}", role="admin", prefer=AT_ONCE)
    for _ in range(2):
        refused(house.call("POST", f"/events/{event}/book?seats=1"), 409, "event-cancelled")
        assert house.show(f"/events/{event}")["status"] in {"cancelling", "cancelled"}
        house.settle()
    assert house.show(f"/events/{event}")["status"] == "cancelled"


def test_of_an_event_that_is_called_off_nothing_can_be_changed(house: House) -> None:
    event = house.event(2, hold_seconds=600)
    booking = house.book(event)
    house.call("DELETE", f"/events/{event}", role="admin", prefer=AT_ONCE)
    for done in (False, True):
        if done:
            house.settle()
        with house.settling():
            for body in ({"capacity": 5}, {"waitlist_suspended": True}):
                answer = house.call("PATCH", f"/events/{event}", role="admin", json=body, prefer=WAIT)
                refused(answer, 409, "event-cancelled")
            refused(house.call("PATCH", booking, json={"seats": 2}, prefer=WAIT), 409, "event-cancelled")
            refused(house.call("POST", f"{booking}/confirm", role="admin", prefer=WAIT), 409, "event-cancelled")
            answer = house.call("DELETE", booking, prefer=WAIT)
            assert (answer.status_code, answer.json()["status"]) == (200, "cancelled")


def test_only_who_may_write_events_calls_one_off(house: House) -> None:
    event = house.event()
    for role in ("user", "public"):
        refused(house.call("DELETE", f"/events/{event}", role=role), 403, "forbidden")
    refused(house.client.delete(f"/events/{event}"), 401, "unauthenticated")
    refused(house.call("DELETE", "/events/999", role="admin"), 404, "event-not-found")
    assert_problem(house.call("DELETE", "/events/x", role="admin"), 422, "#/path/event_id")
    assert house.asked() == 0
