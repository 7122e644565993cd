"""The other usual design: insert, `delay(booking_id)`, and one Celery task with one row lock for each booking.

`python -m load.bench.baselines.task_per_booking` is the API, `celery -A load.bench.baselines.task_per_booking worker`
the worker.
"""

from datetime import UTC, datetime
from functools import cache
from uuid import UUID

from celery import Celery
from fastapi import Request, Response
from sqlalchemy import Connection, insert, select, update
from uuid_utils.compat import uuid7

from booking_service.api.schemas import BookingOut, EventId, Seats
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.models import CONFIRMED, PENDING, REJECTED, SOLD_OUT, Booking, Event, Stock
from booking_service.settings import BookingSettings
from load.bench.baselines.service import Process, User, answer, baseline
from shared.configuration.settings import load
from shared.database.units import Database
from shared.http.service import serve
from worker.settings import WorkerSettings

app = Celery("task_per_booking", broker=load(WorkerSettings).redis_url.get_secret_value())
app.conf.update(
    task_ignore_result=True,
    worker_concurrency=load(WorkerSettings).worker_concurrency,
    worker_hijack_root_logger=False,
    task_default_queue="bookings",
)


@cache
def worker_database() -> Database:
    """Connect in the process that runs the task, after the fork."""
    settings = load(WorkerSettings)
    return Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)


# Named, because the API runs this module as a program and the worker imports it.
@app.task(name="bench.settle_booking")
def settle_booking(booking_id: str) -> None:
    """Decide one booking under the lock of its event's seats."""
    worker_database().write(lambda c: decide_one(c, UUID(booking_id)), repeat_lost=True)


def decide_one(connection: Connection, booking_id: UUID) -> None:
    """Take the seats if they are there, and say so."""
    event_id, seats = connection.execute(select(Booking.event_id, Booking.seats).where(Booking.id == booking_id)).one()
    available = connection.scalar(select(Stock.available).where(Stock.event_id == event_id).with_for_update())
    fits = available is not None and seats <= available
    if fits:
        connection.execute(update(Stock).where(Stock.event_id == event_id).values(available=Stock.available - seats))
    connection.execute(
        update(Booking)
        .where(Booking.id == booking_id)
        .values(
            status=CONFIRMED if fits else REJECTED,
            reason=None if fits else SOLD_OUT,
            due_lane=None,
            settled_at=datetime.now(UTC),
        )
    )


def insert_pending(connection: Connection, event_id: int, user_id: int, seats: int) -> BookingState:
    """Store the booking as pending."""
    lane = connection.scalar(select(Event.lane).where(Event.id == event_id))
    state = BookingState(uuid7(), event_id, user_id, seats, PENDING, None, lane, datetime.now(UTC), None)
    connection.execute(
        insert(Booking).values(
            id=state.id,
            event_id=event_id,
            user_id=user_id,
            seats=seats,
            status=PENDING,
            due_lane=lane,
            created_at=state.created_at,
        )
    )
    return state


def main() -> None:
    """Answer requests until told to end."""
    settings = load(BookingSettings)
    service = baseline("Task per booking", settings, with_database=True)

    @service.api.post("/events/{event_id}/book", status_code=202)
    def book(event_id: EventId, seats: Seats, user: User, request: Request, response: Response) -> BookingOut:
        process: Process = request.app.state.process
        database = process.database
        state = database.write(lambda c: insert_pending(c, event_id, user.uid, seats), repeat_lost=True)
        settle_booking.delay(str(state.id))
        response.headers["Location"] = f"/bookings/{state.id}"
        return answer(state)

    serve(service, settings, settings.port)


if __name__ == "__main__":
    main()
