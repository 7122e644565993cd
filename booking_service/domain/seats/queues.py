"""The head of a waiting list: as much of it as one batch can serve, however long the list is."""

from collections.abc import Iterable, Sequence
from itertools import chain
from uuid import UUID

from sqlalchemy import Connection, Select, select

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
    heads = [_head(event.id).where(Waiting.seats_min <= capacity)]
    if event.rules.waitlist == FIT:
        wanted = select(Waiting.seats_min).where(Waiting.event_id == event.id, Waiting.seats_min <= capacity).distinct()
        heads = [_head(event.id).where(Waiting.seats_min == seats) for seats in connection.scalars(wanted)]
    found = [_read(connection, event.id, head) for head in heads]
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


def _head(event_id: int) -> Select[UUID, int, int, int]:
    return (
        select(Waiting.booking_id, Waiting.user_id, Waiting.seats, Waiting.seats_min)
        .where(Waiting.event_id == event_id)
        .order_by(Waiting.booking_id)
        .limit(PROMOTIONS_MAX)
    )


def _read(connection: Connection, event_id: int, head: Select[UUID, int, int, int]) -> Sequence[Booked]:
    return [
        Booked(booking_id.bytes, event_id, user_id, seats, WAITLISTED, seats_min)
        for booking_id, user_id, seats, seats_min in connection.execute(head)
    ]
