"""The head of a waiting list: as much of it as one batch can serve, however long the list is."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Select, select

from booking_service.domain.models import FIT, SET_CAPACITY, WAITLISTED, Waiting
from booking_service.domain.seats.situation import Booked, DueChange, EventSeats

# This many may have their turn in one batch; in `fit` events, of each number of seats.
PROMOTIONS_MAX = 100
ANY = 0  # in EventSeats.cut: more wait, whatever they want


def read_queue(
    connection: Connection, event: EventSeats, changes: Iterable[DueChange], bookings: dict[bytes, Booked]
) -> None:
    """Read who may have their turn at ``event``, into it and into ``bookings``, which counts where both know one.

    Who wants more seats than the event can have is left out: they would stand before everybody else for ever.
    """
    raised = (change.argument or 0 for change in changes if change.kind == SET_CAPACITY and change.event_id == event.id)
    capacity = max(event.capacity, *raised, 0)
    servable = (Waiting.event_id == event.id, Waiting.seats_min <= capacity)
    found: list[Sequence[Booked]]
    if event.rules.waitlist == FIT:
        found = list(_heads_by_seats(connection, event.id, *servable))
    else:
        found = [_read(connection, event.id, _head(*servable).order_by(Waiting.booking_id))]
    event.cut = {
        (head[0].enough if event.rules.waitlist == FIT else ANY): head[-1].id
        for head in found
        if len(head) == PROMOTIONS_MAX
    }
    for waiting in chain.from_iterable(found):
        bookings.setdefault(waiting.id, waiting)
    # Those that a change is about too: it may make one fit that stands far behind.
    waiting_here = (b for b in bookings.values() if b.event_id == event.id and b.status == WAITLISTED)
    event.queue = sorted(waiting_here, key=lambda booking: booking.id)


def _heads_by_seats(
    connection: Connection, event_id: int, *servable: ColumnElement[bool]
) -> Iterator[Sequence[Booked]]:
    """Read the head of each number of seats that somebody will do with."""
    # Each is found behind the one before in the index. To ask which numbers there are would read the whole list.
    seats = 0
    while True:
        head = _head(*servable, Waiting.seats_min > seats).order_by(Waiting.seats_min, Waiting.booking_id)
        # MySQL takes this index anyway; not told to, it first sorts a part of a long list by where the rows lie.
        head = head.with_hint(Waiting, "FORCE INDEX (waiting_fit)", "mysql")
        if not (found := _read(connection, event_id, head)):
            return
        seats = found[0].enough
        yield [waiting for waiting in found if waiting.enough == seats]


def _head(*servable: ColumnElement[bool]) -> Select[UUID, int, int, int]:
    return (
        select(Waiting.booking_id, Waiting.user_id, Waiting.seats, Waiting.seats_min)
        .where(*servable)
        .limit(PROMOTIONS_MAX)
    )


def _read(connection: Connection, event_id: int, head: Select[UUID, int, int, int]) -> Sequence[Booked]:
    return [
        Booked(booking_id.bytes, event_id, user_id, seats, WAITLISTED, seats_min)
        for booking_id, user_id, seats, seats_min in connection.execute(head)
    ]
