"""What must hold of the rows at any moment, each rule as a query for those that break it.

Each is a single statement, so that it sees one state of the database even while bookings go on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, or_, select

from booking_service.domain.models import (
    CANCEL_EVENT,
    CANCELLED,
    COUNTED,
    EVENT_CANCELLED,
    FIT,
    HELD,
    NOT_DUE,
    NOT_SETTLED,
    PENDING,
    REJECTED,
    SEAT_TAKING,
    STRICT,
    WAITLISTED,
    Booking,
    Change,
    Event,
    Hold,
    Stock,
    UserSeats,
    Waiting,
)


@dataclass(frozen=True, slots=True)
class Invariant:
    """What must hold, and the query for what breaks it."""

    name: str
    broken: Select[*tuple[Any, ...]]


def invariants(now: datetime, overdue: timedelta | None) -> list[Invariant]:
    """List what must hold; without ``overdue``, those that need running workers are left out."""
    return [
        *_of_seats(),
        *_of_bookings(),
        *_of_holds(),
        *_of_waiting_lists(),
        _nobody_waits_in_vain(now),
        *_of_limits(),
        *_of_changes(),
        *([] if overdue is None else _nothing_waits(now, overdue)),
    ]


def _of_seats() -> list[Invariant]:
    taken = (
        select(Booking.event_id, func.sum(Booking.seats).label("taken"))
        .where(Booking.status.in_(SEAT_TAKING))
        .group_by(Booking.event_id)
        # In the order of the table: through the index each of millions of rows would be fetched from another place.
        .with_hint(Booking, "IGNORE INDEX (bookings_event)", "mysql")
        .subquery()
    )
    seats_taken = func.coalesce(taken.c.taken, 0)
    return [
        Invariant(
            "the seats of an event are free or taken, and each is counted once",
            select(Stock.event_id, Stock.capacity, Stock.available, seats_taken.label("taken"))
            .outerjoin(taken, taken.c.event_id == Stock.event_id)
            .where(Stock.capacity != Stock.available + seats_taken),
        ),
        Invariant(
            "no event has fewer than no seats or more than its capacity",
            select(Stock.event_id, Stock.capacity, Stock.available).where(
                or_(Stock.available < 0, Stock.available > Stock.capacity)
            ),
        ),
        Invariant(
            "every event has its stock",
            select(Event.id).where(~exists().where(Stock.event_id == Event.id)),
        ),
    ]


def _of_bookings() -> list[Invariant]:
    is_pending = Booking.status == PENDING
    return [
        Invariant(
            "a booking is pending and due, or settled and neither",
            select(Booking.id, Booking.status, Booking.due_lane, Booking.settled_at).where(
                or_(
                    and_(is_pending, or_(Booking.due_lane == NOT_DUE, Booking.settled_at != NOT_SETTLED)),
                    and_(~is_pending, or_(Booking.due_lane != NOT_DUE, Booking.settled_at == NOT_SETTLED)),
                )
            ),
        ),
        Invariant(
            "a rejection has a reason, of the rest only an event's end",
            select(Booking.id, Booking.status, Booking.reason).where(
                or_(
                    and_(Booking.status == REJECTED, Booking.reason.is_(None)),
                    and_(Booking.status == CANCELLED, Booking.reason != EVENT_CANCELLED),
                    and_(Booking.status.not_in((REJECTED, CANCELLED)), Booking.reason.is_not(None)),
                )
            ),
        ),
        Invariant(
            "a due booking waits in its event's lane",
            select(Booking.id, Booking.due_lane, Event.lane)
            .join(Event, Event.id == Booking.event_id)
            # Said although the second part implies it: so only the few that are due are walked through.
            .where(Booking.due_lane > NOT_DUE, Booking.due_lane != Event.lane),
        ),
        Invariant(
            "a user's idempotency key made one booking",
            select(Booking.user_id, Booking.idempotency_key, func.count().label("bookings"))
            .where(Booking.idempotency_key.is_not(None))
            .group_by(Booking.user_id, Booking.idempotency_key)
            .having(func.count() > 1),
        ),
    ]


def _of_holds() -> list[Invariant]:
    held = Booking.status == HELD
    return [
        Invariant(
            "a held booking has a hold",
            select(Booking.id, Booking.event_id).where(held, ~exists().where(Hold.booking_id == Booking.id)),
        ),
        Invariant(
            "a hold has a held booking, of its lane",
            select(Hold.booking_id, Hold.lane).where(
                ~exists().where(
                    Booking.id == Hold.booking_id, held, Event.id == Booking.event_id, Event.lane == Hold.lane
                )
            ),
        ),
    ]


def _of_waiting_lists() -> list[Invariant]:
    waitlisted = and_(Booking.status == WAITLISTED, Booking.event_id == Waiting.event_id)
    waiting = select(func.count()).where(Waiting.event_id == Stock.event_id).scalar_subquery()
    return [
        Invariant(
            "a waitlisted booking has a place",
            select(Booking.id, Booking.event_id).where(
                Booking.status == WAITLISTED, ~exists().where(Waiting.booking_id == Booking.id, waitlisted)
            ),
        ),
        Invariant(
            "a place has a waitlisted booking that wants as much",
            select(Waiting.event_id, Waiting.booking_id).where(
                ~exists().where(
                    Booking.id == Waiting.booking_id,
                    waitlisted,
                    Booking.seats == Waiting.seats,
                    Waiting.seats_min
                    == case((Booking.seats_min < Booking.seats, Booking.seats_min), else_=Booking.seats),
                )
            ),
        ),
        Invariant(
            "those who wait are counted, and no more than the list allows",
            select(Stock.event_id, Stock.waiting, Stock.waiting_max).where(
                or_(Stock.waiting != waiting, Stock.waiting > Stock.waiting_max)
            ),
        ),
    ]


def _nobody_waits_in_vain(now: datetime) -> Invariant:
    # Who wants more than the event has can never be served, and stands in nobody's way.
    in_turn = and_(Waiting.event_id == Stock.event_id, Waiting.seats_min <= Stock.capacity)
    first = select(Waiting.seats_min).where(in_turn).order_by(Waiting.booking_id).limit(1).scalar_subquery()
    smallest = select(func.min(Waiting.seats_min)).where(in_turn).scalar_subquery()
    is_open = and_(
        Event.cancelled_at.is_(None),
        func.coalesce(Event.sales_close_at, Event.starts_at) > now,
        Stock.is_waitlist_suspended.is_(False),
        ~exists().where(Change.event_id == Event.id, Change.due_lane > NOT_DUE),
    )
    return Invariant(
        "nobody waits for what is free",
        select(Stock.event_id, Stock.available, Event.waitlist)
        .join(Event, Event.id == Stock.event_id)
        .where(
            Stock.waiting > 0,
            is_open,
            or_(
                and_(Event.waitlist == STRICT, first <= Stock.available),
                and_(Event.waitlist == FIT, smallest <= Stock.available),
            ),
        ),
    )


def _of_limits() -> list[Invariant]:
    has = (
        select(Booking.event_id, Booking.user_id, func.sum(Booking.seats).label("seats"))
        .join(Event, Event.id == Booking.event_id)
        .where(Booking.status.in_(COUNTED), Event.seats_per_user_max.is_not(None))
        .group_by(Booking.event_id, Booking.user_id)
        .subquery()
    )
    same = and_(UserSeats.event_id == has.c.event_id, UserSeats.user_id == has.c.user_id)
    return [
        Invariant(
            "what a user has of an event with a limit is counted",
            select(has.c.event_id, has.c.user_id, has.c.seats, UserSeats.seats.label("counted"))
            .outerjoin(UserSeats, same)
            .where(func.coalesce(UserSeats.seats, 0) != has.c.seats),
        ),
        Invariant(
            "what is counted, a user has",
            select(UserSeats.event_id, UserSeats.user_id, UserSeats.seats)
            .outerjoin(has, same)
            .where(has.c.seats.is_(None)),
        ),
        Invariant(
            "no user has more of an event than its limit",
            select(UserSeats.event_id, UserSeats.user_id, UserSeats.seats)
            .join(Event, Event.id == UserSeats.event_id)
            .where(UserSeats.seats > Event.seats_per_user_max),
        ),
    ]


def _of_changes() -> list[Invariant]:
    is_due = Change.due_lane > NOT_DUE
    is_called_off = exists().where(Change.event_id == Event.id, Change.kind == CANCEL_EVENT, is_due)
    return [
        Invariant(
            "a change is due, or done and has an outcome",
            select(Change.id, Change.kind, Change.due_lane, Change.outcome, Change.done_at).where(
                or_(
                    and_(is_due, or_(Change.outcome.is_not(None), Change.done_at != NOT_SETTLED)),
                    and_(~is_due, or_(Change.outcome.is_(None), Change.done_at == NOT_SETTLED)),
                )
            ),
        ),
        Invariant(
            "a due change waits in its event's lane",
            select(Change.id, Change.due_lane, Event.lane)
            .join(Event, Event.id == Change.event_id)
            .where(is_due, Change.due_lane != Event.lane),
        ),
        Invariant(
            "an event that is called off is sold by rules, and is cancelled or still to be",
            select(Event.id, Event.cancelled_at, Event.has_rules)
            .join(Stock, Stock.event_id == Event.id)
            .where(
                Event.cancelled_at.is_not(None),
                or_(Event.has_rules.is_(False), ~or_(Stock.is_cancelled, is_called_off)),
            ),
        ),
        Invariant(
            "nobody has a seat or a place of an event that is cancelled",
            select(Booking.id, Booking.event_id, Booking.status)
            .join(Stock, Stock.event_id == Booking.event_id)
            .where(Stock.is_cancelled.is_(True), Booking.status.in_(COUNTED)),
        ),
    ]


def _nothing_waits(now: datetime, overdue: timedelta) -> list[Invariant]:
    seconds = f"{overdue.total_seconds():g} s"
    return [
        Invariant(
            f"no {name} waits longer than {seconds}",
            select(queue.id, queue.due_lane, queue.created_at).where(
                queue.due_lane > NOT_DUE, queue.created_at < now - overdue
            ),
        )
        for name, queue in (("booking", Booking), ("change", Change))
    ] + [
        Invariant(
            f"no hold outlives its end by {seconds}",
            select(Hold.booking_id, Hold.lane, Hold.expires_at).where(Hold.expires_at < now - overdue),
        )
    ]
