"""Deliberate mistakes with changes, holds and waiting lists; `mutations.py` says what they are for."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from booking_service.domain.bookings import intake
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.bookings.intake import NewBooking
from booking_service.domain.errors import SoldOut
from booking_service.domain.models import (
    CANCELLED,
    CONFIRMED,
    EXPIRE_HOLD,
    EXPIRED,
    HELD,
    NOT_DUE,
    PROMOTE,
    USER_LIMIT,
    Booking,
    Change,
    Event,
    Stock,
    UserSeats,
)
from booking_service.domain.seats import acts, decision, lanes, reading, settlement, writing
from booking_service.domain.seats.desk import Desk
from booking_service.domain.seats.lanes import Locks
from booking_service.domain.seats.situation import DueChange, EventSeats, Transition
from shared.clock import utc_now
from tests.faults.campaign.replacing import replace

Function = Callable[..., Any]


def changes_without_lock() -> None:
    """Settle without the lane's lock while changes are due, which are rare."""

    def make(lock_lanes: Function) -> Function:
        def lock(connection: Connection, wanted: Sequence[int]) -> Locks:
            due = select(Change.id).where(Change.due_lane.in_(wanted)).limit(1)
            if connection.scalar(due) is None:
                held: Locks = lock_lanes(connection, wanted)
                return held
            return Locks(sorted(wanted), utc_now(), has_acts=True)

        return lock

    replace(settlement, "lock_lanes", make)


def seats_freed_twice() -> None:
    """Give the seats of what is cancelled back where it is decided, and again where it is written."""

    def make(seats_taken: Function) -> Function:
        def twice(transitions: Sequence[Transition]) -> dict[int, int]:
            again = [transition for transition in transitions if transition.status == CANCELLED]
            taken: dict[int, int] = seats_taken([*transitions, *again])
            return taken

        return twice

    replace(writing, "seats_taken", make)


def promotion_of_its_own() -> None:
    """Free seats in one transaction, and promote in the next one."""
    from worker.drain import Drainer  # noqa: PLC0415  only where it is imported anyway

    promote = Desk.promote

    def go_on(desk: Desk, change: DueChange, event: EventSeats) -> None:
        promote(desk, event)
        desk.answer(change)

    def leave(connection: Connection, wanted: Sequence[int]) -> None:
        waited_for = select(Event.id, Event.lane).join(Stock, Stock.event_id == Event.id)
        waited_for = waited_for.where(Event.lane.in_(wanted), Stock.waiting > 0, Stock.available > 0)
        for event_id, lane in connection.execute(waited_for):
            due = select(Change.id).where(
                Change.event_id == event_id, Change.due_lane > NOT_DUE, Change.kind == PROMOTE
            )
            if connection.scalar(due) is None:
                row = {"id": new_id(), "due_lane": lane, "kind": PROMOTE, "event_id": event_id, "created_at": utc_now()}
                connection.execute(insert(Change), [row])

    def make(settle_batch: Function) -> Function:
        def settle(drainer: Any, wanted: list[int]) -> object:  # noqa: ANN401  its private parts
            batch = settle_batch(drainer, wanted)
            if batch.settled == 0:
                drainer.database.write(lambda c: leave(c, wanted), repeat_lost=True)
            return batch

        return settle

    replace(Desk, "promote", lambda _: lambda _desk, _event: None)
    replace(acts, "OF_EVENTS", lambda known: {**known, PROMOTE: go_on})
    replace(Drainer, "_settle_batch", make)


def expiry_without_looking() -> None:
    """End holds by their time alone, whether somebody has confirmed them or not."""

    class Either(str):
        """What is held, or confirmed: nobody tells them apart."""

        __slots__ = ()
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            return other in {HELD, CONFIRMED}

        def __ne__(self, other: object) -> bool:
            return not self == other

    def expire(desk: Desk, booking_id: bytes) -> None:
        booking = desk.bookings[booking_id]
        if booking.status in {HELD, CONFIRMED}:
            desk.note(EXPIRE_HOLD, desk.move(booking, EXPIRED))
            desk.promote(desk.events[booking.event_id])

    def make(write_holds: Function) -> Function:
        def write(connection: Connection, situation: object, transitions: Iterable[Transition]) -> None:
            left = [t for t in transitions if (t.was, t.status) != (HELD, CONFIRMED)]
            write_holds(connection, situation, [t._replace(was=HELD) if t.status == EXPIRED else t for t in left])

        return write

    replace(reading, "HELD", Either)
    replace(Desk, "expire", lambda _: expire)
    replace(writing, "_write_holds", make)


def limit_at_the_door() -> None:
    """Look at the door how many seats a user has, and nowhere else."""

    def looking(accept: Function) -> Function:
        def at_the_door(connection: Connection, batch: Sequence[NewBooking]) -> list[object]:
            return [SoldOut() if _is_over(connection, new) else accept(connection, [new])[0] for new in batch]

        return at_the_door

    def trusting(why_not: Function) -> Function:
        def why(*arguments: object) -> str | None:
            reason: str | None = why_not(*arguments)
            return None if reason == USER_LIMIT else reason

        return why

    replace(intake, "accept", looking)
    replace(decision, "_why_not", trusting)
    replace(acts, "_why_not", trusting)


def _is_over(connection: Connection, new: NewBooking) -> bool:
    limit = connection.scalar(select(Event.seats_per_user_max).where(Event.id == new.event_id))
    mine = (UserSeats.event_id == new.event_id, UserSeats.user_id == new.user_id)
    has = connection.scalar(select(func.coalesce(func.sum(UserSeats.seats), 0)).where(*mine)) or 0
    return limit is not None and has + new.seats > limit


def changes_not_looked_for() -> None:
    """Look for due bookings alone, after the flag was freed and in the sweep."""

    def make(oldest_asked: Function) -> Function:
        def oldest(connection: Connection) -> object:
            lanes_with_bookings = set(connection.scalars(select(Booking.due_lane).where(Booking.due_lane > NOT_DUE)))
            return {lane: since for lane, since in oldest_asked(connection).items() if lane in lanes_with_bookings}

        return oldest

    due_bookings = "SELECT due_lane FROM bookings WHERE due_lane IN ({})"
    replace(lanes, "_due_lanes", lambda _: lambda _connection, asked: [due_bookings.format(asked)])
    replace(lanes, "_oldest_asked", make)


MUTATIONS_OF_CHANGES: dict[str, Callable[[], None]] = {
    "changes-without-lock": changes_without_lock,
    "seats-freed-twice": seats_freed_twice,
    "promotion-of-its-own": promotion_of_its_own,
    "expiry-without-looking": expiry_without_looking,
    "limit-at-the-door": limit_at_the_door,
    "changes-not-looked-for": changes_not_looked_for,
}
