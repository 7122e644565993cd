"""Settlement alone: a full table, no API, one worker process that the sweep wakes."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from booking_service.domain.models import Booking
from load.bench import events
from load.bench.bulk import Events, insert_backlog
from load.bench.comparison import alternating, say
from load.bench.contestants import OURS, running
from load.bench.measure import Bench, Figure
from shared.database.units import Database

WORKER = replace(OURS, name="ours, worker only", api=None)
EVENTS = (1, 100)


def scenario_name(event_count: int) -> str:
    """Name the backlog of ``event_count`` events."""
    return f"backlog, {event_count} event{'s' * (event_count > 1)}"


def measure(bench: Bench, rounds: int, rows: int) -> list[Figure]:
    """Let a worker settle ``rows`` bookings of one event, and of a hundred, ``rounds`` times."""
    figures = []
    for turn in range(rounds):
        for event_count in alternating(EVENTS, turn):
            figure = _measure(bench, event_count, rows)
            say(figure)
            figures.append(figure)
    return figures


def _measure(bench: Bench, event_count: int, rows: int) -> Figure:
    figure = Figure(WORKER.name, scenario_name(event_count))
    made = insert_backlog(bench.database, rows, event_count)
    with running(WORKER, bench.stand) as system:
        before = bench.reading(system)
        bench.wait_settled()
        after = bench.reading(system)
        figure.memory_mib = system.crew.memory_mib()
    figure.seconds, figure.settled_per_second = _rate(_batches(bench.database, made))
    after.since(before).fill(figure, rows)  # with the start of the worker; the rate begins with the first batch
    figure.audit = events.verdict(bench.database)
    return figure


def _batches(database: Database, made: Events) -> Sequence[Any]:
    wanted = (
        select(Booking.settled_at, func.count())
        .where(Booking.event_id.between(made.first, made.last))
        .group_by(Booking.settled_at)
        .order_by(Booking.settled_at)
    )
    return database.read(lambda c: c.execute(wanted).all())


def _rate(batches: Sequence[tuple[datetime, int]]) -> tuple[float, float]:
    """Return the seconds from the first batch to the last, and the bookings a second.

    `settled_at` is the moment at which a batch begins, so the last one's bookings do not belong to that time.
    """
    seconds = (batches[-1][0] - batches[0][0]).total_seconds()
    return seconds, sum(count for _, count in batches[:-1]) / seconds if seconds else 0.0
