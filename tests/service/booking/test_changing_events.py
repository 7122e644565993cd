"""Another capacity, and a waiting list suspended and resumed, over HTTP."""

import pytest

from tests.fixtures.box_office import assert_problem
from tests.fixtures.house import AT_ONCE, WAIT, House, refused


def patch(house: House, event: int, **changes: object) -> dict[str, object]:
    answer = house.call("PATCH", f"/events/{event}", role="admin", json=changes, prefer=WAIT)
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (200, WAIT), answer.text
    assert answer.json() == house.show(f"/events/{event}")
    return dict(answer.json())


def test_seats_that_a_raised_capacity_adds_go_to_who_waits_first(house: House) -> None:
    event = house.event(2, waitlist="strict", waiting_max=9)
    house.book(event, 2)
    waiting = [house.book(event, 2) for _ in range(2)]
    with house.settling():
        changed = patch(house, event, capacity=5)
    assert changed["event_availibility"] == 1
    assert [house.show(booking)["status"] for booking in waiting] == ["confirmed", "waitlisted"]


def test_a_capacity_is_never_below_what_is_held_and_confirmed(house: House) -> None:
    event = house.event(10, hold_seconds=600)
    house.book(event, 3)
    held = house.book(event, 2)
    with house.settling():
        house.call("POST", f"{held}/confirm", role="admin", prefer=WAIT)
        answer = house.call("PATCH", f"/events/{event}", role="admin", json={"capacity": 4}, prefer=WAIT)
        assert "Ask for 5 or more" in refused(answer, 409, "capacity-taken")
        assert house.show(f"/events/{event}")["event_availibility"] == 5
        assert patch(house, event, capacity=5)["event_availibility"] == 0


def test_while_a_list_is_suspended_nobody_on_it_is_given_seats(house: House) -> None:
    event = house.event(1, waitlist="strict", waiting_max=9)
    booking, waiting = house.book(event), house.book(event)
    with house.settling():
        patch(house, event, waitlist_suspended=True)
        house.call("DELETE", booking, prefer=WAIT)
        assert house.show(waiting)["status"] == "waitlisted"
        patch(house, event, waitlist_suspended=False)
        assert house.show(waiting)["status"] == "confirmed"


def test_both_at_once_are_decided_the_list_first(house: House) -> None:
    event = house.event(1, waitlist="strict", waiting_max=9)
    house.book(event)
    waiting = house.book(event)
    with house.settling():
        changed = patch(house, event, capacity=5, waitlist_suspended=True)
    assert changed["event_availibility"] == 4
    assert house.show(waiting)["status"] == "waitlisted"


def test_what_takes_longer_is_stored_and_a_repeated_key_known(house: House) -> None:
    event = house.event(1)
    body = {"capacity": 5, "waitlist_suspended": False}
    first, again = (
        house.call("PATCH", f"/events/{event}", role="admin", json=body, prefer=AT_ONCE, key="k") for _ in range(2)
    )
    assert (first.status_code, again.status_code) == (202, 202)
    assert (first.headers["Location"], first.headers["Retry-After"]) == (f"/events/{event}", "1")
    assert ("Idempotency-Replayed" in first.headers, again.headers["Idempotency-Replayed"]) == (False, "true")
    assert first.json()["event_availibility"] == 1
    house.settle()
    assert house.show(f"/events/{event}")["event_availibility"] == 5
    assert house.asked() == 2
    for other in ({"capacity": 5}, {"waitlist_suspended": False}, {"capacity": 6, "waitlist_suspended": False}):
        answer = house.call("PATCH", f"/events/{event}", role="admin", json=other, prefer=AT_ONCE, key="k")
        refused(answer, 422, "idempotency-key-reused")
    assert house.asked() == 2


def test_only_who_may_write_events_changes_one(house: House) -> None:
    event = house.event()
    for role in ("user", "public"):
        refused(house.call("PATCH", f"/events/{event}", role=role, json={"capacity": 5}), 403, "forbidden")
    refused(house.client.patch(f"/events/{event}", json={"capacity": 5}), 401, "unauthenticated")
    refused(house.call("PATCH", "/events/999", role="admin", json={"capacity": 5}), 404, "event-not-found")
    for event_id in ("0", "x", "-1", "1_0", str(2**63)):
        answer = house.call("PATCH", f"/events/{event_id}", role="admin", json={"capacity": 5})
        assert_problem(answer, 422, "#/path/event_id")
    assert house.asked() == 0


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#"),
        ({"capacity": None}, "#/capacity"),
        ({"waitlist_suspended": None}, "#/waitlist_suspended"),
        ({"capacity": -1}, "#/capacity"),
        ({"capacity": 2**31}, "#/capacity"),
        ({"capacity": 10**400}, "#/capacity"),
        ({"capacity": "5"}, "#/capacity"),
        ({"capacity": 5.0}, "#/capacity"),
        ({"capacity": True}, "#/capacity"),
        ({"waitlist_suspended": 1}, "#/waitlist_suspended"),
        ({"waitlist_suspended": "true"}, "#/waitlist_suspended"),
        ({"capacity": 5, "event_name": "Another"}, "#/event_name"),
        ({"event_availibility": 5}, "#/event_availibility"),
        ([], "#"),
        (None, "#"),
        ("capacity", "#"),
    ],
)
def test_a_body_that_cannot_be_meant_is_pointed_at(house: House, body: object, pointer: str) -> None:
    event = house.event()
    assert_problem(house.call("PATCH", f"/events/{event}", role="admin", json=body), 422, pointer)
    assert house.asked() == 0


def test_other_bodies_are_refused_as_everywhere(house: House) -> None:
    address = f"/events/{house.event()}"
    assert_problem(house.call("PATCH", address, role="admin"), 422, "#")
    assert_problem(house.call("PATCH", address, role="admin", content=b'{"capacity": 2}'), 415)
    assert_problem(house.call("PATCH", address, role="admin", json={"capacity": 2, "padding": "x" * 65_536}), 413)
    assert house.asked() == 0
