"""Long waiting lists whose seats come free one by one: how soon a seat belongs to the next one who waits for it."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from uuid import UUID

import httpx
from sqlalchemy import select

from booking_service.domain.models import CONFIRMED, FIT, STRICT, WAITLISTED, Booking
from lab.waiting import wait_for
from load.bench import events
from load.bench.bulk import insert_waiting_list
from load.bench.comparison import alternating, say
from load.bench.contestants import OURS, Running, running, user_token
from load.bench.events import Settled, prepared_database
from load.bench.measure import Bench, Figure, fill_cancelled
from load.bench.mysql import Mysql
from shared.database.units import Database

SHORT, LONG = "short", "long"
SHORT_ROWS = 1_000  # a long list has as many as the options say
WARM_UPS, CANCELLATIONS = 10, 200
# How many seats those want who wait, in turn: where the first that fits is served, those between are passed over.
SEATS_WANTED_MAX = {STRICT: 1, FIT: 4}
PROMOTION_SECONDS_MAX = 30
LOOK_SECONDS = 0.001  # how exact the times are


@dataclass(frozen=True, slots=True)
class WaitingList:
    """The bookings that give their seats back, and those that get them, in this order."""

    giving: Sequence[UUID]
    getting: Sequence[UUID]


def scenario_name(kind: str, length: str) -> str:
    """Name a SHORT or LONG list."""
    return f"{length} {kind} list"


def measure(server: Mysql, bench: Bench, rounds: int, long_rows: int) -> list[Figure]:
    """Cancel bookings of events with a short list and with one of ``long_rows``, of each kind, ``rounds`` times."""
    rows = {SHORT: SHORT_ROWS, LONG: long_rows}
    figures = []
    with prepared_database(server) as (url, database):
        on_lists = replace(bench, database=database, stand=replace(bench.stand, database_url=url))
        with running(OURS, on_lists.stand) as system:
            for turn in range(rounds):
                for kind, length in alternating(list(product(SEATS_WANTED_MAX, rows)), turn):
                    waiting = _insert(database, kind, rows[length])
                    figure = _measure(on_lists, system, waiting, Figure(OURS.name, scenario_name(kind, length)))
                    say(figure)
                    figures.append(figure)
    return figures


def _insert(database: Database, kind: str, length: int) -> WaitingList:
    event_id = insert_waiting_list(database, kind, length, WARM_UPS + CANCELLATIONS, SEATS_WANTED_MAX[kind])
    return WaitingList(_ids(database, event_id, CONFIRMED), _ids(database, event_id, WAITLISTED))


def _ids(database: Database, event_id: int, status: str) -> Sequence[UUID]:
    one_seat = select(Booking.id).where(Booking.event_id == event_id, Booking.status == status, Booking.seats == 1)
    return database.read(lambda c: c.scalars(one_seat.order_by(Booking.id).limit(WARM_UPS + CANCELLATIONS)).all())


def _measure(bench: Bench, system: Running, waiting: WaitingList, figure: Figure) -> Figure:
    # The answer to the cancellation is not waited for: it comes when the API looks again, and says nothing of the next.
    headers = {"Authorization": f"Bearer {user_token()}", "Prefer": "wait=0"}
    with httpx.Client(base_url=system.urls[0], headers=headers) as client:
        promotions = _promotions(bench.database, client, waiting)
        for _ in range(WARM_UPS):
            next(promotions)
        before, began = bench.reading(system), time.monotonic()
        seconds = sorted(promotions)
    figure.seconds = time.monotonic() - began
    used = bench.reading(system).since(before)
    figure.cpu_ms_per_answer = used.cpu_ms_per(len(seconds))
    fill_cancelled(figure, Settled(len(seconds), figure.seconds, [each * 1_000 for each in seconds]))
    figure.audit = events.verdict(bench.database)
    return figure


def _promotions(database: Database, client: httpx.Client, waiting: WaitingList) -> Iterator[float]:
    """Cancel one booking after the other; yield each time after how many seconds its seat belonged to the next one."""
    for giving, getting in zip(waiting.giving, waiting.getting, strict=False):
        began = time.monotonic()
        client.delete(f"/bookings/{giving}").raise_for_status()
        wait_for(partial(_has_seat, database, getting), "the next one has it", PROMOTION_SECONDS_MAX, LOOK_SECONDS)
        yield time.monotonic() - began


def _has_seat(database: Database, booking_id: UUID) -> bool:
    status = select(Booking.status).where(Booking.id == booking_id)
    return database.read(lambda c: c.scalar(status)) == CONFIRMED
