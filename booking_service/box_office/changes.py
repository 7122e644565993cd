"""Changing what is there: cancel, confirm, other numbers of seats. Asked for by a row, and waited for until decided."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar
from uuid import UUID

from booking_service.box_office.lookups import BookingView, Lookups
from booking_service.box_office.patience import Patience
from booking_service.box_office.shield import Shield
from booking_service.domain.bookings.ids import new_id
from booking_service.domain.bookings.lookup import BookingState, is_changeable
from booking_service.domain.catalogue import EventState, require_changeable
from booking_service.domain.changes import intake
from booking_service.domain.changes.intake import FINAL, NewChange, part_keys
from booking_service.domain.changes.lookup import ChangeState, standing_of_bookings
from booking_service.domain.changes.outcomes import foregone, foregone_of_event, raise_refused
from booking_service.domain.errors import BookingNotFound, EventNotFound, TooManySeats
from booking_service.domain.models import (
    CANCEL_BOOKING,
    CANCEL_EVENT,
    CONFIRM_HOLD,
    DONE,
    RESUME_WAITLIST,
    SET_CAPACITY,
    SET_SEATS,
    SUSPEND_WAITLIST,
)
from booking_service.settings import BookingSettings
from booking_service.wake.waker import Waker
from shared.clock import utc_now
from shared.database.calls import DatabaseCalls
from shared.errors import Problem
from shared.identity.permissions import BOOK, CONFIRM, WRITE_ALL_BOOKINGS
from shared.identity.tokens import Principal, require
from shared.threads.coalesce import Coalescer

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for a change, with which Idempotency-Key, and for how long they wait; None for as long as is usual."""

    user: Principal
    idempotency_key: str | None = None
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Changed(Generic[View]):
    """What a change was about as it is now, whether the change is done, and whether an earlier request asked for it."""

    view: View
    is_done: bool
    is_repeated: bool = False


class Changes:
    """Has bookings and events changed. Each change is one act, however often it is asked for."""

    def __init__(  # noqa: PLR0913, PLR0917  what it works with, all of which belongs to the caller
        self,
        database: DatabaseCalls,
        lookups: Lookups,
        shield: Shield,
        waker: Waker,
        settings: BookingSettings,
        stopping: asyncio.Event,
    ) -> None:
        """Write to ``database`` and wake lanes; once ``stopping`` is set, nobody waits for a decision any longer."""
        self._database = database
        self._lookups = lookups
        self._shield = shield
        self._waker = waker
        self._stopping = stopping
        self._seats_max = settings.seats_per_booking_max
        self._wait_seconds = settings.change_wait_seconds
        self._intake: Coalescer[list[NewChange], list[ChangeState]] = Coalescer(
            self._request,
            name="changes-intake",
            threads=settings.change_threads,
            batch_max=settings.change_batch_max,
            queue_max=settings.change_queue_max,
        )

    async def close(self) -> None:
        """Finish what was accepted, then let the threads go."""
        await self._intake.close()

    async def cancel(self, asking: Asking, booking_id: UUID) -> Changed[BookingView]:
        """Cancel a booking; who may change all bookings may do so whatever the event's `cancel_until`.

        Raises Forbidden, BookingNotFound, BookingOver, TooLate, IdempotencyKeyReused, Unavailable or Overloaded.
        """
        whenever = WRITE_ALL_BOOKINGS in asking.user.permissions
        return await self._change_booking(asking, booking_id, CANCEL_BOOKING, int(whenever))

    async def set_seats(self, asking: Asking, booking_id: UUID, seats: int) -> Changed[BookingView]:
        """Give a booking another number of seats, or leave it as it is.

        Raises Forbidden, TooManySeats, BookingNotFound, BookingOver, SoldOut, SalesClosed, BookingLimit, UserLimit,
        EventCancelled, IdempotencyKeyReused, Unavailable or Overloaded.
        """
        if seats > self._seats_max:
            raise TooManySeats(self._seats_max, "#/seats")
        return await self._change_booking(asking, booking_id, SET_SEATS, seats)

    async def confirm(self, asking: Asking, booking_id: UUID) -> Changed[BookingView]:
        """Confirm a booking whose seats are held, whose-ever it is.

        Raises Forbidden, BookingNotFound, NotHeld, HoldExpired, EventCancelled, IdempotencyKeyReused, Unavailable or
        Overloaded.
        """
        require(asking.user, CONFIRM)
        return await self._change_booking(asking, booking_id, CONFIRM_HOLD, None)

    async def change_event(
        self, asking: Asking, event_id: int, *, capacity: int | None = None, is_waitlist_suspended: bool | None = None
    ) -> Changed[EventState]:
        """Give an event another capacity, suspend or resume its waiting list; None leaves it as it is.

        Each is decided by itself, the list first. Raises Forbidden, NotYourEvent, EventNotFound, CapacityTaken,
        EventCancelled, IdempotencyKeyReused, Unavailable or Overloaded.
        """
        wanted: list[tuple[str, int | None]] = []
        if is_waitlist_suspended is not None:
            wanted.append((SUSPEND_WAITLIST if is_waitlist_suspended else RESUME_WAITLIST, None))
        if capacity is not None:
            wanted.append((SET_CAPACITY, capacity))
        return await self._change_event(asking, event_id, wanted)

    async def cancel_event(self, asking: Asking, event_id: int) -> Changed[EventState]:
        """Call an event off: its door closes at once, its bookings are cancelled one batch after the other.

        Raises Forbidden, NotYourEvent, EventNotFound, IdempotencyKeyReused, Unavailable or Overloaded.
        """
        return await self._change_event(asking, event_id, [(CANCEL_EVENT, None)])

    async def _change_booking(
        self, asking: Asking, booking_id: UUID, kind: str, argument: int | None
    ) -> Changed[BookingView]:
        user = asking.user
        if kind != CONFIRM_HOLD:
            require(user, BOOK, WRITE_ALL_BOOKINGS)
        state = (await self._booking(booking_id)).state
        if kind != CONFIRM_HOLD and not is_changeable(state, user):
            raise BookingNotFound
        (new,) = await self._new(asking, [(kind, argument)], state.event_id, booking_id)
        is_done, is_repeated = await self._carry_out(asking, [new], await self._foregone(new, state))
        return Changed(await self._booking(booking_id), is_done, is_repeated)

    async def _change_event(
        self, asking: Asking, event_id: int, wanted: Sequence[tuple[str, int | None]]
    ) -> Changed[EventState]:
        event = await self._event(event_id)
        require_changeable(event, asking.user)
        news = await self._new(asking, wanted, event_id)
        known = next((known for kind, _ in wanted if (known := foregone_of_event(kind, event)) is not None), None)
        is_done, is_repeated = await self._carry_out(asking, news, known)
        self._shield.forget(event_id)  # so that this process at least knows at once
        return Changed(await self._event(event_id), is_done, is_repeated)

    async def _carry_out(self, asking: Asking, news: list[NewChange], known: str | None) -> tuple[bool, bool]:
        """Have the parts of one request done; tell whether they are, and whether an earlier request asked for them.

        ``known`` is what must come of them, if that is known. Raises what stood in the way of the first that was
        refused.
        """
        # With a key, what an earlier request with it did is the answer, whatever has become of things since.
        is_keyed = asking.idempotency_key is not None
        is_of_event = news[0].booking_id is None
        changes = await self._repeated(news) if is_keyed and (known is not None or is_of_event) else []
        if not changes:
            if known is not None:
                raise_refused(known)
                return True, False
            changes = await self._intake.submit(news)
        is_repeated = is_keyed and any(
            change.id != new.id and change.idempotency_key == new.idempotency_key
            for new, change in zip(news, changes, strict=True)
        )
        wait_seconds = self._wait_seconds if asking.wait_seconds is None else asking.wait_seconds
        patience = Patience(wait_seconds, self._stopping)
        outcomes = [await self._outcome(change, patience) for change in changes]
        return None not in outcomes, is_repeated

    async def _outcome(self, change: ChangeState, patience: Patience) -> str | None:
        while change.outcome is None and await patience.pause():
            change = await self._lookups.change(change.id) or change
        if change.outcome is not None:
            raise_refused(change.outcome, change.detail)
        return change.outcome

    async def _new(
        self, asking: Asking, wanted: Sequence[tuple[str, int | None]], event_id: int, booking_id: UUID | None = None
    ) -> list[NewChange]:
        lane, now = (await self._shield.event(event_id)).lane, utc_now()
        keys = part_keys(asking.idempotency_key)[-len(wanted) :]
        return [
            NewChange(new_id(), kind, event_id, booking_id, argument, lane, asking.user.uid, key, now)
            for (kind, argument), key in zip(wanted, keys, strict=True)
        ]

    async def _foregone(self, new: NewChange, state: BookingState) -> str | None:
        outcome = foregone(new.kind, state)
        if new.key is not None and outcome == DONE and new.kind not in FINAL:
            return None  # stored all the same: its repetition must be known when more has happened to the booking
        if outcome is None and new.key is None and new.kind == SET_SEATS and new.argument == state.seats:
            due = await self._database.read(partial(standing_of_bookings, booking_ids=[state.id]))
            return None if due else DONE
        return outcome

    async def _repeated(self, news: list[NewChange]) -> list[ChangeState]:
        return await self._database.read(partial(intake.find_repeated, parts=news))

    async def _booking(self, booking_id: UUID) -> BookingView:
        view = await self._lookups.booking(booking_id)
        if view is None:
            raise BookingNotFound
        return view

    async def _event(self, event_id: int) -> EventState:
        event = await self._lookups.event(event_id)
        if event is None:
            raise EventNotFound
        return event

    def _request(self, batch: Sequence[list[NewChange]]) -> list[list[ChangeState] | Problem]:
        # Runs in a thread. The parts of a request are stored together or not at all.
        every = [new for parts in batch for new in parts]
        answers = iter(self._database.database.write(partial(intake.request, batch=every), repeat_lost=True))
        grouped = [[next(answers) for _ in parts] for parts in batch]
        # After the commit, and before anybody hears of it.
        found = [answer for answers in grouped for answer in answers if isinstance(answer, ChangeState)]
        self._waker.wake({change.due_lane for change in found if change.due_lane is not None})
        return [_all_or_problem(answers) for answers in grouped]


def _all_or_problem(answers: Sequence[ChangeState | Problem]) -> list[ChangeState] | Problem:
    problems = [answer for answer in answers if isinstance(answer, Problem)]
    return problems[0] if problems else [answer for answer in answers if isinstance(answer, ChangeState)]
