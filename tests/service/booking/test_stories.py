"""Stories of bookings over HTTP: to whom they are told, and in which words."""

from uuid import UUID

import pytest

from booking_service.api.history import StoryLine
from tests.fixtures.box_office import assert_problem
from tests.fixtures.counter import ADA, Counter

# Always the same: tests are named for it, and each process of a run must know them by the same names.
NOBODYS = UUID("01999999-9999-7999-8999-999999999999")


@pytest.mark.parametrize("address", ["/bookings", f"/bookings/{NOBODYS}/history"])
def test_a_token_that_may_read_bookings_is_asked_for_first(counter: Counter, address: str) -> None:
    assert_problem(counter.client.get(f"{address}?limit=x"), 401)
    assert_problem(counter.client.get(f"{address}?limit=x", headers=counter.public), 403)


def test_a_story_is_told_to_its_owner_and_to_who_may_see_all(counter: Counter) -> None:
    booking = counter.book(seats=2)
    counter.settle()
    for headers in (counter.ada, counter.root):
        answer = counter.get(f"/bookings/{booking}/history", headers)
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        requested, decided = answer.json()
        assert requested | {"at": None} == {
            "at": None, "what": "requested", "status": "pending", "seats": 2, "reason": None, "by": ADA,
        }  # fmt: skip
        assert decided | {"at": None} == {
            "at": None, "what": "decided", "status": "confirmed", "seats": 2, "reason": None, "by": None,
        }  # fmt: skip
        shown = counter.get(f"/bookings/{booking}").json()
        assert (requested["at"], decided["at"]) == (shown["created_at"], shown["settled_at"])
        for line in answer.json():
            StoryLine.model_validate(line)
    assert_problem(counter.get(f"/bookings/{booking}/history", counter.bob), 404)


@pytest.mark.parametrize("booking_id", ["x", "1", str(UUID(int=0))[:-1], "%00", "é", str(NOBODYS), NOBODYS.hex])
def test_a_story_of_no_booking_is_not_found(counter: Counter, booking_id: str) -> None:
    assert_problem(counter.get(f"/bookings/{booking_id}/history"), 404)
