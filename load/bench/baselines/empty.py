"""An ordinary FastAPI endpoint that does nothing: what the framework allows one process."""

from datetime import UTC, datetime

from fastapi import Response
from uuid_utils.compat import uuid7

from booking_service.api.schemas import BookingOut, EventId, Seats
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.models import PENDING
from booking_service.settings import BookingSettings
from load.bench.baselines.service import User, answer, baseline
from shared.configuration.settings import load
from shared.http.service import serve


def main() -> None:
    """Answer requests until told to end."""
    settings = load(BookingSettings)
    service = baseline("Empty endpoint", settings, with_database=False)

    @service.api.post("/events/{event_id}/book", status_code=202)
    async def book(event_id: EventId, seats: Seats, user: User, response: Response) -> BookingOut:
        now = datetime.now(UTC)
        state = BookingState(uuid7(), event_id, user.uid, seats, PENDING, None, 0, now, None)
        response.headers["Location"] = f"/bookings/{state.id}"
        response.headers["Retry-After"] = "1"
        return answer(state)

    serve(service, settings, settings.port)


if __name__ == "__main__":
    main()
