"""The place in the queue: right near the head, unknown far from it, and cheap however many ask."""

from uuid import UUID

from uuid_utils.compat import uuid7

from booking_service.box_office.places import PLACES_MAX, QueuePlaces


class Lanes:
    """Heads of lanes, with a note of how often each was read."""

    def __init__(self, **heads: list[UUID]) -> None:
        self.heads = {int(lane.removeprefix("lane")): ids for lane, ids in heads.items()}
        self.read: list[int] = []

    def head(self, lane: int, count_max: int) -> list[UUID]:
        self.read.append(lane)
        return self.heads[lane][:count_max]


def test_the_next_is_first_and_the_others_follow() -> None:
    ids = [uuid7() for _ in range(5)]
    places = QueuePlaces(Lanes(lane3=ids).head)
    assert [places.place(3, identifier) for identifier in ids] == [1, 2, 3, 4, 5]


def test_a_booking_that_came_after_the_last_look_is_behind_those_seen() -> None:
    ids = [uuid7() for _ in range(5)]
    assert QueuePlaces(Lanes(lane3=ids).head).place(3, uuid7()) == 6


def test_a_booking_that_was_settled_meanwhile_has_the_place_it_had() -> None:
    first, *others = [uuid7() for _ in range(3)]
    assert QueuePlaces(Lanes(lane3=others).head).place(3, first) == 1


def test_beyond_the_bound_the_place_is_unknown() -> None:
    ids = [uuid7() for _ in range(PLACES_MAX + 1)]
    places = QueuePlaces(Lanes(lane0=ids).head)
    assert places.place(0, ids[PLACES_MAX - 1]) == PLACES_MAX
    assert places.place(0, ids[PLACES_MAX]) is None


def test_a_thousand_questions_in_a_moment_are_one_read_a_lane() -> None:
    ids = [uuid7() for _ in range(10)]
    lanes = Lanes(lane1=ids, lane2=[])
    places = QueuePlaces(lanes.head)
    for _ in range(500):
        places.place(1, ids[0])
        places.place(2, ids[0])
    assert sorted(set(lanes.read)) == [1, 2]
    assert len(lanes.read) < 20  # once each unless the machine is very slow
