"""Selling: from a request for seats to a row that will be decided. Shield, intake, wake-up."""

from collections.abc import Sequence
from functools import partial

from booking_service.box_office.shield import Shield
from booking_service.domain.bookings import intake
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.bookings.intake import ANY_TERMS, NewBooking, Terms
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.errors import (
    EventCancelled,
    NoWaitingList,
    SalesClosed,
    SalesNotOpen,
    SoldOut,
    TooManySeats,
    TooManySeatsForUser,
)
from booking_service.domain.models import OFF
from booking_service.domain.rules import Rules
from booking_service.settings import BookingSettings
from booking_service.wake.waker import Waker
from shared.clock import utc_now
from shared.database.calls import DatabaseCalls
from shared.errors import Conflict, Forbidden, Problem
from shared.identity.permissions import BOOK
from shared.identity.tokens import Principal
from shared.threads.coalesce import Coalescer


class Sales:
    """Accepts bookings durably."""

    def __init__(self, database: DatabaseCalls, shield: Shield, waker: Waker, settings: BookingSettings) -> None:
        """Write to ``database`` what ``shield`` lets pass, and wake its lane; all three belong to the caller."""
        self._database = database
        self._shield = shield
        self._waker = waker
        self._seats_max = settings.seats_per_booking_max
        self._intake: Coalescer[NewBooking, BookingState] = Coalescer(
            self._accept,
            name="intake",
            threads=settings.intake_threads,
            batch_max=settings.intake_batch_max,
            queue_max=settings.intake_queue_max,
        )

    async def close(self) -> None:
        """Finish what was accepted, then let the threads go."""
        await self._intake.close()

    async def book(
        self, user: Principal, event_id: int, seats: int, idempotency_key: str | None, terms: Terms = ANY_TERMS
    ) -> BookingState:
        """Accept a booking durably and have its lane woken.

        With the ``idempotency_key`` of an earlier booking, return that one, whatever the door says now. Raises
        Forbidden, TooManySeats, TooManySeatsForUser, NoWaitingList, EventNotFound, EventCancelled, SalesNotOpen,
        SalesClosed, SoldOut, IdempotencyKeyReused, Unavailable or Overloaded.
        """
        if BOOK not in user.permissions:  # not by `require`: a booking pays for each call
            raise Forbidden
        if seats > self._seats_max:
            raise TooManySeats(self._seats_max)
        event, now = await self._shield.event(event_id), utc_now()
        if event.rules is not None or terms is not ANY_TERMS:
            _require_allowed(event.rules, seats, terms)
        # The door: what is known already is refused without a write. In place, because a booking pays for each call.
        refusal: type[Conflict] | Conflict | None = None
        if event.is_cancelled:
            refusal = EventCancelled
        elif event.closes_at <= now:
            refusal = SalesClosed
        elif event.opens_at is not None and event.opens_at > now:
            refusal = SalesNotOpen(event.opens_at, now)
        elif event.is_full:
            refusal = SoldOut
        if refusal is not None and idempotency_key is None:
            raise refusal
        new = NewBooking(new_id(), event_id, user.uid, seats, event.lane, idempotency_key, now, terms)
        return await (self._intake.submit(new) if refusal is None else self._repeated_or(refusal, new))

    async def _repeated_or(self, refusal: type[Conflict] | Conflict, new: NewBooking) -> BookingState:
        # A client that repeats a request gets the first answer, whatever has become of the event since.
        stored = await self._database.read(partial(intake.repeated, new=new))
        if stored is None:
            raise refusal
        return stored

    def _accept(self, batch: Sequence[NewBooking]) -> list[BookingState | Problem]:
        # Runs in a thread.
        answers = self._database.database.write(partial(intake.accept, batch=batch), repeat_lost=True)
        # After the commit, and before anybody hears of it.
        self._waker.wake({a.due_lane for a in answers if isinstance(a, BookingState) and a.due_lane is not None})
        return answers


def _require_allowed(rules: Rules | None, seats: int, terms: Terms) -> None:
    """Refuse what the rules of an event, which never change, leave no room for."""
    if terms.seats_min is not None and (rules is None or rules.waitlist == OFF):
        raise NoWaitingList
    if rules is None:
        return
    if rules.seats_per_booking_max is not None and seats > rules.seats_per_booking_max:
        raise TooManySeats(rules.seats_per_booking_max)
    if rules.seats_per_user_max is not None and seats > rules.seats_per_user_max:
        raise TooManySeatsForUser(rules.seats_per_user_max)
