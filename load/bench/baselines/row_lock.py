"""The usual endpoint: lock the row of the seats, decrement, commit, answer. Synchronous, one commit a booking."""

from datetime import UTC, datetime

from fastapi import Request, Response
from sqlalchemy import Connection, insert, select, update
from uuid_utils.compat import uuid7

from booking_service.api.schemas import BookingOut, EventId, Seats
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.errors import EventNotFound, SoldOut
from booking_service.domain.models import CONFIRMED, Booking, Stock
from booking_service.settings import BookingSettings
from load.bench.baselines.service import Process, User, answer, baseline
from shared.configuration.settings import load
from shared.http.service import serve


def book_seats(connection: Connection, event_id: int, user_id: int, seats: int) -> BookingState:
    """Take the seats and store the booking, in the transaction that ``connection`` is in."""
    available = connection.scalar(select(Stock.available).where(Stock.event_id == event_id).with_for_update())
    if available is None:
        raise EventNotFound
    if available < seats:
        raise SoldOut
    now = datetime.now(UTC)
    state = BookingState(uuid7(), event_id, user_id, seats, CONFIRMED, None, None, now, now)
    connection.execute(update(Stock).where(Stock.event_id == event_id).values(available=Stock.available - seats))
    connection.execute(
        insert(Booking).values(
            id=state.id,
            event_id=event_id,
            user_id=user_id,
            seats=seats,
            status=CONFIRMED,
            created_at=now,
            settled_at=now,
        )
    )
    return state


def main() -> None:
    """Answer requests until told to end."""
    settings = load(BookingSettings)
    service = baseline("Row lock", settings, with_database=True)

    @service.api.post("/events/{event_id}/book", status_code=202)
    def book(event_id: EventId, seats: Seats, user: User, request: Request, response: Response) -> BookingOut:
        process: Process = request.app.state.process
        database = process.database
        state = database.write(lambda c: book_seats(c, event_id, user.uid, seats), repeat_lost=True)
        response.headers["Location"] = f"/bookings/{state.id}"
        return answer(state)

    serve(service, settings, settings.port)


if __name__ == "__main__":
    main()
