"""Lists of bookings, on each database: whole and in order, however they are read, and from an index."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection

from booking_service.domain.bookings.history import ID_SKEW_MAX, SCAN_MAX, Page, Wanted, list_bookings
from booking_service.domain.bookings.ids import first_id
from booking_service.domain.bookings.lookup import BookingState
from booking_service.domain.models import CANCELLED, CONFIRMED, PENDING, REJECTED, SOLD_OUT, WAITLISTED
from shared.database.engines import is_mysql
from shared.database.units import Database
from tests.fixtures.databases import REAL
from tests.fixtures.lives import BEGIN, OWNER, at
from tests.fixtures.rows import booking_row, plans_of, scans, write_bookings, write_event

OTHER = OWNER + 1
PAGES_MAX = 50


@pytest.fixture
def database(written_database: Database) -> Database:
    with written_database.engine.begin() as connection:
        for event_id in (1, 2):
            write_event(connection, event_id)
    return written_database


def page(database: Database, wanted: Wanted, behind: UUID | None = None, count_max: int = 100) -> Page:
    return database.read(partial(list_bookings, wanted=wanted, behind=behind, count_max=count_max))


def pages(database: Database, wanted: Wanted, count_max: int) -> Iterator[list[BookingState]]:
    behind = None
    for _ in range(PAGES_MAX):
        bookings, behind = page(database, wanted, behind, count_max)
        yield bookings
        if behind is None:
            return
    pytest.fail("the pages do not end")


def found(database: Database, wanted: Wanted, count_max: int = 100) -> list[UUID]:
    return [state.id for bookings in pages(database, wanted, count_max) for state in bookings]


def write(database: Database, *rows: dict[str, Any]) -> list[UUID]:
    """Write rows; return their ids, the newest first."""
    write_bookings(database, list(rows))
    return sorted((row["id"] for row in rows), reverse=True)


def mixed(seconds: int) -> dict[str, Any]:
    """One of each kind in turn, of two users and two events."""
    status = (CONFIRMED, REJECTED, CANCELLED, WAITLISTED, PENDING)[seconds % 5]
    return booking_row(
        at(seconds),
        user_id=OWNER + seconds % 2,
        event_id=1 + seconds % 3 % 2,
        status=status,
        reason=SOLD_OUT if status == REJECTED else None,
        due_lane=1 if status == PENDING else None,
        settled_at=None if status == PENDING else at(seconds),
    )


def test_pages_lead_through_all_of_ones_own_the_newest_first(database: Database) -> None:
    mine = write(database, *(booking_row(at(second)) for second in range(15)))
    write(database, *(booking_row(at(second), 1, user_id=OTHER) for second in range(15)))
    for count_max in (1, 2, 7, 15, 100):
        read = list(pages(database, Wanted(user_id=OWNER), count_max))
        assert [state.id for bookings in read for state in bookings] == mine
        assert [len(bookings) for bookings in read[:-1]] == [count_max] * (len(read) - 1)


def test_bookings_that_are_made_meanwhile_are_neither_dropped_nor_repeat_others(database: Database) -> None:
    there = write(database, *(booking_row(at(2 * second)) for second in range(9)))
    seen: list[UUID] = []
    made_late: list[UUID] = []
    for number, bookings in enumerate(pages(database, Wanted(user_id=OWNER), 2)):
        seen += [state.id for state in bookings]
        # One at the head, and one that was made long ago and is stored only now, behind where the next page begins.
        write(database, booking_row(at(100 + number)))
        made_late += write(database, booking_row(at(-1 - number)))
    assert seen[: len(there)] == there
    assert set(seen[len(there) :]) <= set(made_late)
    assert len(seen) == len(set(seen))


FILTERS = [
    Wanted(user_id=OWNER),
    Wanted(event_id=1),
    Wanted(user_id=OWNER, event_id=2),
    Wanted(user_id=OTHER, statuses=(CANCELLED,)),
    Wanted(event_id=2, statuses=(PENDING, REJECTED)),
    Wanted(user_id=OWNER, created_from=at(7), created_before=at(21)),
    Wanted(event_id=1, statuses=(CONFIRMED, WAITLISTED), created_from=at(3), created_before=at(28)),
]


def passes(wanted: Wanted, row: dict[str, Any]) -> bool:
    return (
        wanted.user_id in {None, row["user_id"]}
        and wanted.event_id in {None, row["event_id"]}
        and (not wanted.statuses or row["status"] in wanted.statuses)
        and (wanted.created_from is None or row["created_at"] >= wanted.created_from)
        and (wanted.created_before is None or row["created_at"] < wanted.created_before)
    )


def test_a_filter_lets_pass_what_it_says(database: Database) -> None:
    rows = [mixed(second) for second in range(30)]
    write(database, *rows)
    for wanted in FILTERS:
        expected = sorted((row["id"] for row in rows if passes(wanted, row)), reverse=True)
        assert expected
        assert [found(database, wanted, count_max) for count_max in (1, 3, 100)] == [expected] * 3, wanted


def test_moments_count_as_they_are_shown_though_an_id_was_made_a_little_later(database: Database) -> None:
    moments = [BEGIN.replace(microsecond=microsecond) for microsecond in (678_000, 678_999, 679_000, 679_001)]
    lag = timedelta(milliseconds=40)
    rows = [booking_row(moment + lag, number, created_at=moment) for number, moment in enumerate(moments)]
    write(database, *rows)

    def between(first: datetime, end: datetime) -> list[int]:
        ids = found(database, Wanted(user_id=OWNER, created_from=first, created_before=end))
        return sorted(number for number, row in enumerate(rows) if row["id"] in ids)

    assert between(moments[1], moments[3]) == [1, 2]
    assert between(moments[0], moments[0]) == []
    assert between(moments[3], moments[3] + timedelta(microseconds=1)) == [3]
    assert between(moments[3] + timedelta(microseconds=1), BEGIN + timedelta(days=1)) == []


def test_windows_that_meet_share_no_booking_and_leave_none_out(database: Database) -> None:
    rows = [booking_row(BEGIN + ID_SKEW_MAX * step / 3, step) for step in range(24)]
    write(database, *rows)
    edges = [BEGIN + ID_SKEW_MAX * step / 2 for step in range(17)]
    windows = [
        found(database, Wanted(user_id=OWNER, created_from=first, created_before=end)) for first, end in pairwise(edges)
    ]
    assert sorted(booking_id for window in windows for booking_id in window) == sorted(row["id"] for row in rows)


def test_a_key_finds_the_booking_that_came_with_it_and_nobody_elses(database: Database) -> None:
    mine, _, _ = (
        write(database, booking_row(at(number), user_id=user, idempotency_key=key))
        for number, (user, key) in enumerate([(OWNER, "k"), (OTHER, "k"), (OWNER, "K")])
    )
    assert found(database, Wanted(user_id=OWNER, idempotency_key="k")) == mine
    assert found(database, Wanted(user_id=OWNER, idempotency_key="k", event_id=2)) == []
    assert found(database, Wanted(user_id=OWNER, idempotency_key="none")) == []


def test_a_page_looks_at_a_bounded_number_and_says_where_to_go_on(database: Database) -> None:
    # The last that the first page looks at, the first that it does not, and the last of all.
    rare = (SCAN_MAX - 1, SCAN_MAX, 2 * SCAN_MAX)
    rows = [booking_row(at(-age), status=CANCELLED if age in rare else CONFIRMED) for age in range(2 * SCAN_MAX + 1)]
    write(database, *rows)
    wanted = Wanted(user_id=OWNER, statuses=(CANCELLED,))
    assert [[state.id for state in bookings] for bookings in pages(database, wanted, 10)] == [
        [rows[age]["id"]] for age in rare
    ]


@pytest.fixture
def crowded(database: Database) -> Database:
    """Thousands of bookings, most of them of others: a plan for a table that is nearly empty proves nothing."""
    count = 4 * SCAN_MAX
    write_bookings(database, [booking_row(at(s), user_id=OWNER + s % 5, event_id=1 + s % 2) for s in range(count)])
    with database.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE TABLE bookings" if is_mysql(connection) else "ANALYZE")
        connection.commit()
    return database


EVERY_SHAPE = [
    Wanted(user_id=OWNER),
    Wanted(event_id=1),
    Wanted(user_id=OWNER, event_id=1),
    Wanted(user_id=OWNER, statuses=(CANCELLED,)),
    Wanted(event_id=1, statuses=(CANCELLED, REJECTED)),
    Wanted(user_id=OWNER, created_from=at(5), created_before=at(900)),
    Wanted(event_id=1, created_from=at(5)),
    Wanted(user_id=OWNER, created_before=at(5)),
    Wanted(user_id=OWNER, idempotency_key="k"),
]


def test_no_page_goes_through_a_table_or_sorts(crowded: Database) -> None:
    for wanted in EVERY_SHAPE:
        plans: list[str] = []
        with plans_of(crowded, plans):
            page(crowded, wanted, count_max=10)
            page(crowded, wanted, behind=first_id(at(900)), count_max=10)
        assert plans
        assert scans(plans) == [], wanted
        assert [plan for plan in plans if "filesort" in plan or "TEMP B-TREE" in plan] == [], wanted


@pytest.mark.parametrize("database_kind", REAL)
def test_a_page_touches_a_bounded_number_of_rows(crowded: Database) -> None:
    def rows_read(connection: Connection) -> int:
        reads = connection.exec_driver_sql("SHOW SESSION STATUS LIKE 'Handler_read%%'").all()
        return sum(int(value) for _, value in reads)

    with crowded.engine.connect() as connection:
        for wanted in EVERY_SHAPE:
            before = rows_read(connection)
            list_bookings(connection, wanted, behind=None, count_max=10)
            # To find by the index where to stop, and to look at the rows until there.
            assert rows_read(connection) - before <= 2 * SCAN_MAX + 50, wanted
