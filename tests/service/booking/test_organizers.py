"""Organizers over HTTP: they sell events of their own, and leave those of others alone."""

import pytest

from tests.fixtures.box_office import EVENT, bearer
from tests.fixtures.counter import Counter

ORGANIZER, OTHER = 50, 51
ACTS = [("PATCH", "", {"capacity": 20}), ("DELETE", "", None), ("GET", "/ledger", None)]


def organizer(counter: Counter, uid: int) -> dict[str, str]:
    return bearer(counter.settings, "organizer", uid)


@pytest.mark.parametrize(("method", "path", "body"), ACTS)
def test_an_event_is_changed_by_who_made_it_and_by_admins_only(
    counter: Counter, method: str, path: str, body: object
) -> None:
    mine, other = organizer(counter, ORGANIZER), organizer(counter, OTHER)
    created = counter.client.post("/events", json=EVENT, headers=mine)
    assert created.status_code == 201
    url = f"{created.headers['Location']}{path}"
    refused = counter.client.request(method, url, json=body, headers=other)
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (403, "not-your-event")
    assert counter.client.request(method, url, json=body, headers=counter.ada).status_code == 403
    for allowed in (mine, counter.root):
        answer = counter.client.request(method, url, json=body, headers={**allowed, "Prefer": "wait=0"})
        assert answer.status_code in {200, 202}


@pytest.mark.parametrize(("method", "path", "body"), ACTS)
def test_the_events_of_admins_are_not_theirs(counter: Counter, method: str, path: str, body: object) -> None:
    url = f"/events/{counter.events[0]}{path}"
    answer = counter.client.request(method, url, json=body, headers=organizer(counter, ORGANIZER))
    assert answer.status_code == 403
    assert counter.client.request(method, f"/events/999999{path}", json=body, headers=counter.root).status_code == 404


def test_they_book_as_everybody_does_and_see_no_bookings_of_others(counter: Counter) -> None:
    mine = organizer(counter, ORGANIZER)
    event = int(counter.client.post("/events", json=EVENT, headers=mine).json()["event_id"])
    assert counter.client.post(f"/events/{event}/book?seats=1", headers=mine).status_code == 202
    adas = counter.client.post(f"/events/{event}/book?seats=1", headers=counter.ada).json()["booking_id"]
    assert counter.get(f"/bookings/{adas}", mine).status_code == 404
    assert len(counter.listed("/bookings", mine)) == 1
