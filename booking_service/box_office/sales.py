"""Selling: from a request for seats to a row that will be decided. Shield, intake, wake-up."""

from collections.abc import Sequence
from functools import partial

from booking_service.box_office.shield import Shield
from booking_service.domain.bookings import intake
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.bookings.intake import NewBooking
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.errors import SalesClosed, SoldOut, TooManySeats
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

    async def book(self, user: Principal, event_id: int, seats: int, idempotency_key: str | None) -> BookingState:
        """Accept a booking durably and have its lane woken.

        With the ``idempotency_key`` of an earlier booking, return that one. Raises Forbidden, TooManySeats,
        EventNotFound, SalesClosed, SoldOut, IdempotencyKeyReused, Unavailable or Overloaded.
        """
        if BOOK not in user.permissions:  # not by `require`: a booking pays for each call
            raise Forbidden
        if seats > self._seats_max:
            raise TooManySeats(self._seats_max)
        event, now = await self._shield.event(event_id), utc_now()
        # The door: what is known already is refused without a write.
        refusal = SalesClosed if event.starts_at <= now else SoldOut if event.is_full else None
        if refusal is not None:
            if idempotency_key is None:
                raise refusal
            return await self._repeated_or(refusal, user, event_id, seats, idempotency_key)
        return await self._intake.submit(
            NewBooking(new_id(), event_id, user.uid, seats, event.lane, idempotency_key, now)
        )

    async def _repeated_or(
        self, refusal: type[Conflict], user: Principal, event_id: int, seats: int, idempotency_key: str
    ) -> BookingState:
        # A client that repeats a request gets the first answer, whatever has become of the event since.
        find = partial(intake.find_by_key, user_id=user.uid, idempotency_key=idempotency_key)
        stored = await self._database.read(find)
        if stored is not None:
            return intake.same_request(stored, event_id, seats)
        raise refusal

    def _accept(self, batch: Sequence[NewBooking]) -> list[BookingState | Problem]:
        # Runs in a thread.
        answers = self._database.database.write(partial(intake.accept, batch=batch), repeat_lost=True)
        # After the commit, and before anybody hears of it.
        self._waker.wake({a.due_lane for a in answers if isinstance(a, BookingState) and a.due_lane is not None})
        return answers
