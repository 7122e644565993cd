"""Places in queues and on waiting lists: right near the head, unknown far from it, and cheap however many ask."""

from uuid import UUID

from uuid_utils.compat import uuid7

from booking_service.box_office.places import (
    PLACES_MAX,
    WAITING_PLACES_MAX,
    Heads,
    QueuePlaces,
    WaitingPlace,
    WaitingPlaces,
)


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


def waiting(count: int, skipped: dict[int, str] | None = None) -> list[tuple[bytes, str | None]]:
    return [(uuid7().bytes, (skipped or {}).get(place)) for place in range(1, count + 1)]


def test_who_waits_is_told_the_place_and_why_somebody_behind_was_served_first() -> None:
    head = waiting(3, {1: "too_few_seats"})
    places = WaitingPlaces(lambda _event, count_max: head[:count_max])
    told = [places.place(7, UUID(bytes=booking_id)) for booking_id, _ in head]
    assert told == [WaitingPlace(1, "too_few_seats"), WaitingPlace(2), WaitingPlace(3)]


def test_who_joined_the_list_after_the_last_look_is_behind_those_seen_and_skipped_by_nobody() -> None:
    head = waiting(2, {1: "too_few_seats", 2: "too_many_seats"})
    assert WaitingPlaces(lambda _event, _count_max: head).place(7, uuid7()) == WaitingPlace(3)


def test_who_left_the_list_since_the_last_look_is_not_taken_for_another() -> None:
    gone = uuid7()
    head = waiting(2, {1: "too_few_seats"})
    assert WaitingPlaces(lambda _event, _count_max: head).place(7, gone) == WaitingPlace(1)


def test_beyond_the_bound_a_place_on_the_list_is_unknown() -> None:
    head = waiting(WAITING_PLACES_MAX)
    places = WaitingPlaces(lambda _event, _count_max: head)
    assert places.place(7, UUID(bytes=head[-1][0])).position == WAITING_PLACES_MAX
    assert places.place(7, uuid7()) == WaitingPlace()


def test_of_many_queues_those_that_were_read_longest_ago_are_forgotten() -> None:
    read: list[int] = []

    def head(queue: int, _count_max: int) -> list[int]:
        read.append(queue)
        return [queue] * 4

    heads = Heads(head, depth_max=4, remembered_seconds=1_000, entries_max=10)
    for queue in (1, 2, 1, 3, 3, 2, 1):
        assert heads.head(queue) == [queue] * 4
    assert read == [1, 2, 3, 1]
    assert Heads(head, depth_max=4, remembered_seconds=1_000, entries_max=1).head(9) == [9] * 4
