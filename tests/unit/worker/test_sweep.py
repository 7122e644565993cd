"""The sweep: one message for each lane that is overdue, and a sign that it came to its end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest
from fakeredis import FakeRedis, FakeServer
from kombu.exceptions import OperationalError

from booking_service.wake.flags import SWEPT, LaneFlags
from shared.database.units import Database
from tests.fixtures.bookings import MakeEvent, accept, new_booking
from tests.fixtures.names import given
from worker.sweep import SIGN_OF_LIFE_SECONDS_MIN, Sweeper

EXPIRY_SECONDS = 60


@dataclass
class Broker:
    """Remembers what was sent, and says how much of it nobody has taken yet."""

    sent: list[list[int]] = field(default_factory=list)
    waiting: int = 1
    is_away: bool = False

    def publish(self, lanes: Sequence[int]) -> None:
        if self.is_away:
            raise OperationalError
        self.sent.append(list(lanes))

    def count(self) -> int:
        return self.waiting


@dataclass
class Broom:
    """A sweeper, and what is around it. Every due booking is overdue, if nothing else is said."""

    database: Database
    flags: LaneFlags
    broker: Broker = field(default_factory=Broker)
    signs: list[int] = field(default_factory=list)

    def sweep(self, *, age_seconds: float = -1, interval_seconds: float = 1) -> list[list[int]]:
        """Sweep once; return what was sent."""
        self.broker.sent.clear()
        self.sweeper(age_seconds, interval_seconds).sweep()
        return sorted(self.broker.sent)

    def sweeper(self, age_seconds: float = -1, interval_seconds: float = 1) -> Sweeper:
        return Sweeper(
            self.database,
            self.flags,
            self.broker.publish,
            self.broker.count,
            self.signs.append,
            age_seconds=age_seconds,
            interval_seconds=interval_seconds,
        )


@pytest.fixture
def broom(booking_database: Database) -> Iterator[Broom]:
    with FakeRedis(server=FakeServer()) as redis:
        yield Broom(booking_database, LaneFlags(redis, given, EXPIRY_SECONDS, SWEPT))


@pytest.fixture
def lanes(booking_database: Database, make_event: MakeEvent) -> list[int]:
    """Two lanes with a due booking each; a third one has none."""
    events = [make_event(1) for _ in range(3)][:2]
    accept(booking_database, *[new_booking(event) for event in events])
    return sorted(event.lane for event in events)


def test_each_overdue_lane_gets_a_message_of_its_own(broom: Broom, lanes: list[int]) -> None:
    assert broom.sweep() == [[lane] for lane in lanes]


def test_a_lane_is_not_sent_for_again_while_its_message_is_on_its_way(broom: Broom, lanes: list[int]) -> None:
    broom.sweep()
    assert broom.sweep() == []
    broom.sweeper().arrived(lanes[:1])
    assert broom.sweep() == [lanes[:1]]


def test_when_no_message_waits_at_all_none_is_on_its_way(broom: Broom, lanes: list[int]) -> None:
    broom.sweep()
    broom.broker.waiting = 0  # a worker died with them
    assert broom.sweep() == [[lane] for lane in lanes]


def test_what_is_young_is_left_to_its_own_wake_up(broom: Broom, lanes: list[int]) -> None:
    assert lanes
    assert broom.sweep(age_seconds=600) == []


def test_a_message_that_cannot_be_sent_is_tried_again_and_leaves_no_sign(broom: Broom, lanes: list[int]) -> None:
    broom.broker.is_away = True
    with pytest.raises(OperationalError):
        broom.sweep()
    assert broom.signs == []
    broom.broker.is_away = False
    assert broom.sweep() == [[lane] for lane in lanes]


def test_a_sign_is_believed_for_a_few_sweeps_and_never_for_a_moment_only(broom: Broom) -> None:
    broom.sweep(interval_seconds=1)
    broom.sweep(interval_seconds=100)
    assert broom.signs == [SIGN_OF_LIFE_SECONDS_MIN, 500]
