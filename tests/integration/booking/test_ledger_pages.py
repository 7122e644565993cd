"""Ledgers and stories, read from each database's rows: the same whatever the pages, and none changed by reading on."""

import random
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from sqlalchemy import Connection, event, insert, select, update

from booking_service.domain.bookings import story
from booking_service.domain.bookings.story import find_story
from booking_service.domain.errors import BookingNotFound, EventNotFound
from booking_service.domain.ledger.acts import Line
from booking_service.domain.ledger.pages import Page, Reached, Sum, read_page
from booking_service.domain.models import (
    CANCEL_EVENT,
    CANCELLED,
    EVENT_CANCELLED,
    REJECTED,
    SEAT_TAKING,
    SET_SEATS,
    SOLD_OUT,
    Booking,
    Change,
    Stock,
)
from shared.database.engines import is_mysql, see_one_state
from shared.database.units import Database
from tests.fixtures.desk import ADA, ADMIN
from tests.fixtures.lives import BEGIN, OWNER, at
from tests.fixtures.rows import booking_row, plans_of, scans, write_event, write_till
from tests.fixtures.servers import SQLITE
from tests.fixtures.till import ACTS, Till

PAGES_MAX = 500
SEEDS = range(6)
CAPACITY = 30


def sold_out_evening(seed: int, batches: int = 25, days: int = 0) -> Till:
    """The life of an event, made by chance; those that begin on other days share no ids."""
    chance = random.Random(seed)
    begin = BEGIN + timedelta(days=days)
    till = Till(CAPACITY, CAPACITY, has_holds=bool(seed % 2), has_list=bool(seed // 2 % 2), now=begin)
    names = sorted(set(ACTS) - {"call off"})
    for _ in range(batches):
        till.begin_batch()
        for _ in range(chance.randrange(4) if till.bookings else 0):
            ACTS[chance.choice(names)](till, chance.choice(till.bookings), chance.randint(1, 12))
        till.decide(chance.randrange(6))
        for _ in range(chance.randrange(6)):
            till.ask(chance.randint(1, 5))
    if seed % 3 == 0:
        till.begin_batch()
        till.call_off()
    return till


def page(database: Database, event_id: int, reached: Reached | None, count_max: int) -> Page:
    return database.read(partial(read_page, event_id=event_id, reached=reached, count_max=count_max))


def ledger(database: Database, event_id: int, count_max: int = 1_000) -> tuple[list[Line], Sum]:
    lines: list[Line] = []
    reached = None
    for _ in range(PAGES_MAX):
        read = page(database, event_id, reached, count_max)
        assert len(read.lines) <= count_max + (reached is None)
        lines += read.lines
        reached = read.reached
        if read.sum is not None:
            assert reached is None
            return lines, read.sum
    pytest.fail("the pages do not end")


def opened(capacity: int = CAPACITY) -> Line:
    return Line(BEGIN, "opened", None, 0, capacity, capacity)


def test_whatever_the_pages_the_ledger_is_what_happened(written_database: Database) -> None:
    evenings = {1 + seed: sold_out_evening(seed, days=seed) for seed in SEEDS}
    with written_database.engine.begin() as connection:
        for event_id, till in evenings.items():
            write_till(connection, event_id, till)
        write_event(connection, 99)
    for event_id, till in evenings.items():
        assert len(till.lines) > 10
        taken = sum(booking.seats for booking in till.bookings if booking.status in SEAT_TAKING)
        for count_max in (1, 7, 1_000):
            lines, total = ledger(written_database, event_id, count_max)
            assert lines == [opened(), *till.lines]
            assert total == Sum(taken, till.capacity, till.available, agrees=True)
    assert ledger(written_database, 99) == ([opened(100)], Sum(0, 100, 100, agrees=True))


def rewrite(database: Database, till: Till) -> None:
    """Let the rows of event 1 be those of ``till`` as it stands, in one transaction."""
    with database.engine.begin() as connection:
        for table in ("changes", "bookings", "stock"):
            connection.exec_driver_sql(f"DELETE FROM {table} WHERE event_id=1")  # noqa: S608  names of ours
        connection.exec_driver_sql("DELETE FROM events WHERE id=1")
        write_till(connection, 1, till)


def sell_and_cancel(till: Till) -> None:
    """Have two batches: in the second a change comes before a booking's decision."""
    till.begin_batch()
    till.ask(2)
    till.decide(1)
    till.ask(1)
    till.begin_batch()
    till.cancel(till.bookings[-2])
    till.decide(1)


def test_what_is_decided_meanwhile_is_told_by_a_later_page(written_database: Database) -> None:
    till = Till(CAPACITY, CAPACITY, has_holds=False, has_list=False)
    lines: list[Line] = []
    reached = None
    for _ in range(12):
        sell_and_cancel(till)
        rewrite(written_database, till)
        read = page(written_database, 1, reached, 1)
        lines += read.lines
        reached = read.reached
    while reached is not None:
        read = page(written_database, 1, reached, 1)
        lines += read.lines
        reached = read.reached
    assert lines == [opened(), *till.lines]


def test_what_is_decided_while_a_page_is_read_is_told_by_the_next(written_database: Database) -> None:
    till = Till(CAPACITY, CAPACITY, has_holds=False, has_list=False)
    sell_and_cancel(till)
    rewrite(written_database, till)
    told_before = list(till.lines)

    def decide(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "FROM changes" in statement and len(till.lines) == len(told_before):
            sell_and_cancel(till)
            rewrite(written_database, till)

    event.listen(written_database.engine, "after_cursor_execute", decide)
    lines, total = ledger(written_database, 1)
    event.remove(written_database.engine, "after_cursor_execute", decide)
    assert len(till.lines) > len(told_before)
    assert (lines, total.agrees) == ([opened(), *told_before], True)
    assert ledger(written_database, 1)[0] == [opened(), *till.lines]


def test_a_seat_too_few_is_told(written_database: Database) -> None:
    with written_database.engine.begin() as connection:
        write_till(connection, 1, sold_out_evening(4))
        connection.execute(update(Stock).values(capacity=Stock.capacity + 5, available=Stock.available + 4))
    _, total = ledger(written_database, 1)
    assert not total.agrees


def test_an_act_that_was_written_down_wrongly_is_told(written_database: Database) -> None:
    # The audit's sum alone agrees: nothing is wrong with the seats.
    with written_database.engine.begin() as connection:
        write_till(connection, 1, sold_out_evening(4))
        entry_id = connection.scalar(select(Change.id).where(Change.seats_taken < 0).order_by(Change.id).limit(1))
        assert entry_id is not None
        connection.execute(update(Change).where(Change.id == entry_id).values(seats_taken=Change.seats_taken + 1))
    _, total = ledger(written_database, 1)
    assert total.capacity == total.available + total.seats_taken
    assert not total.agrees


def test_while_an_event_is_being_called_off_the_sum_knows_what_is_back_already(written_database: Database) -> None:
    off = {"status": CANCELLED, "reason": EVENT_CANCELLED}
    with written_database.engine.begin() as connection:
        write_event(connection, 1)
        connection.execute(insert(Booking), [booking_row(at(1), 1, seats=3, **off), booking_row(at(1), 2, seats=4)])
        connection.execute(update(Stock).values(available=96))
        connection.execute(
            insert(Change).values(
                id=UUID(int=1), due_lane=1, kind=CANCEL_EVENT, event_id=1, created_at=at(2), seats_taken=-3
            )
        )
    lines, total = ledger(written_database, 1)
    assert [(line.what, line.seats, line.seats_left) for line in lines[1:]] == [
        ("confirmed", 3, 97),
        ("confirmed", 4, 93),
    ]
    assert total == Sum(4, 100, 96, agrees=True)


def test_no_ledger_of_an_event_that_is_not_there(written_database: Database) -> None:
    with pytest.raises(EventNotFound):
        ledger(written_database, 1)


def test_a_reading_sees_one_state_though_others_write(written_database: Database, database_kind: str) -> None:
    with written_database.engine.begin() as connection:
        write_event(connection, 1)

    def seats(connection: Connection) -> int:
        return int(connection.scalar(select(Stock.available)) or 0)

    def read(connection: Connection, *, one_state: bool) -> tuple[int, int]:
        if one_state:
            see_one_state(connection)
        before = seats(connection)
        with written_database.engine.begin() as other:
            other.execute(update(Stock).values(available=Stock.available - 1))
        return before, seats(connection)

    assert written_database.read(partial(read, one_state=True)) == (100, 100)
    # And the next transaction of the same session is an ordinary one again. SQLite has no other.
    ordinary = (99, 99) if database_kind == SQLITE else (99, 98)
    assert written_database.read(partial(read, one_state=False)) == ordinary


def test_the_story_of_a_booking_is_told_from_its_rows(written_database: Database) -> None:
    till = sold_out_evening(3, batches=40)
    with written_database.engine.begin() as connection:
        write_till(connection, 1, till)
    for sold in till.bookings:
        lines = written_database.read(partial(find_story, booking_id=sold.id, viewer=ADMIN))
        decided = [(line.status, line.seats) for line in lines if line.what == "decided"]
        assert decided == ([] if sold.first is None else [sold.first])
        assert (lines[-1].status, lines[-1].seats) == (sold.status, sold.seats)
    assert {sold.first for sold in till.bookings} > {None}


def test_a_story_is_told_to_nobody_else(written_database: Database) -> None:
    row = booking_row(at(0), user_id=ADA.uid + 1, status=REJECTED, reason=SOLD_OUT)
    with written_database.engine.begin() as connection:
        write_event(connection, 1)
        connection.execute(insert(Booking), [row])
    for booking_id in (row["id"], UUID(int=5)):
        with pytest.raises(BookingNotFound):
            written_database.read(partial(find_story, booking_id=booking_id, viewer=ADA))
    assert len(written_database.read(partial(find_story, booking_id=row["id"], viewer=ADMIN))) == 2


def test_a_story_of_more_than_can_be_told_is_cut_and_says_so(written_database: Database) -> None:
    row = booking_row(at(0))
    changes = [
        {
            "id": UUID(int=row["id"].int + number),
            "due_lane": None,
            "kind": SET_SEATS,
            "event_id": 1,
            "booking_id": row["id"],
            "argument": 99,
            "requested_by": OWNER,
            "created_at": at(number),
            "done_at": at(number),
            "step": 0,
            "outcome": SOLD_OUT,
            "seats_taken": 0,
        }
        for number in range(1, story.ENTRIES_MAX + 2)
    ]
    with written_database.engine.begin() as connection:
        write_event(connection, 1)
        connection.execute(insert(Booking), [row])
        connection.execute(insert(Change), changes)
    lines = written_database.read(partial(find_story, booking_id=row["id"], viewer=ADMIN))
    assert [line.what for line in lines[-2:]] == ["seats_refused", "more"]
    assert len(lines) == 2 + 2 * story.ENTRIES_MAX + 1


def test_ledgers_and_stories_go_through_no_table(written_database: Database) -> None:
    till = sold_out_evening(6, batches=100)
    with written_database.engine.begin() as connection:
        write_till(connection, 1, till)
        for event_id in range(2, 12):
            write_till(connection, event_id, sold_out_evening(event_id, batches=50, days=event_id))
    with written_database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE TABLE bookings, changes" if is_mysql(connection) else "ANALYZE")
        connection.commit()
    plans: list[str] = []
    with plans_of(written_database, plans):
        ledger(written_database, 1, count_max=50)
        for sold in till.bookings[:5]:
            written_database.read(partial(find_story, booking_id=sold.id, viewer=ADMIN))
    assert len(plans) > 20
    assert scans(plans) == []
