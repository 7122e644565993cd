"""The outbox on each kind of database: who gets which row, and what becomes of it."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Connection

from auth_service.domain.models import Outbox
from auth_service.domain.outbox import VERIFICATION, Letter, put
from shared.database.clock import database_now
from shared.database.units import Database
from shared.errors import Unavailable
from shared.outbox import claims, rows
from shared.outbox.claims import Claim
from shared.outbox.rows import DELIVERED, DONE_KEPT, DUE, FAILED, FAILED_KEPT
from shared.outbox.turn import TOO_LATE, Deliverer, Later, Refused, Retries
from tests.fixtures import outbox
from tests.fixtures.accounts import accounts_database, auth_settings
from tests.fixtures.databases import REAL
from tests.fixtures.outbox import let_pass, put_letter

LEASE = timedelta(seconds=60)
RACERS = 4
LETTERS = 20
RETRIES = Retries(attempts_max=3, pause_seconds=10, pause_seconds_max=100)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    settings = auth_settings(database_url)
    with accounts_database(settings):
        database = Database.connect(database_url, settings, RACERS)
        yield database
        database.close()


def claim(database: Database) -> Claim | None:
    return database.write(partial(claims.claim, outbox=Outbox, lease=LEASE), repeat_lost=False)


def deliverer(database: Database, send: Callable[[Claim], None]) -> Deliverer:
    return Deliverer(database, Outbox, send, RETRIES, LEASE)


def states(database: Database) -> list[tuple[str, int]]:
    return [(row.state, row.attempts) for row in outbox.rows(database)]


def take(_claim: Claim) -> None:
    """Be a receiver that takes everything."""


def test_a_letter_is_delivered_once_and_nothing_of_its_reader_is_kept(database: Database) -> None:
    letter_id = put_letter(database)
    sent: list[Claim] = []

    deliverer(database, sent.append).run()
    deliverer(database, sent.append).run()

    assert [claimed.id for claimed in sent] == [letter_id]
    (row,) = outbox.rows(database)
    assert (row.state, row.attempts, row.payload, row.due_at) == (DELIVERED, 1, None, None)


def test_what_was_rolled_back_is_not_delivered(database: Database) -> None:
    def write_and_fail(connection: Connection) -> None:
        put(connection, Letter(VERIFICATION, "ada@example.com", "en"), database_now(connection))
        raise LookupError

    with pytest.raises(LookupError):
        database.write(write_and_fail, repeat_lost=False)

    assert outbox.rows(database) == []


def test_the_longest_due_is_first(database: Database) -> None:
    first, second = put_letter(database), put_letter(database)

    assert [claimed.id for claimed in (claim(database), claim(database)) if claimed] == [first, second]


def test_what_one_has_claimed_nobody_else_gets_until_its_lease_ends(database: Database) -> None:
    letter_id = put_letter(database)
    first = claim(database)
    assert claim(database) is None

    let_pass(database, LEASE.total_seconds() + 1)

    again = claim(database)
    assert first is not None
    assert again is not None
    assert (first.id, first.attempt, again.id, again.attempt) == (letter_id, 1, letter_id, 2)


def test_many_at_once_deliver_each_letter_once(database: Database) -> None:
    letters = {put_letter(database) for _ in range(LETTERS)}
    sent: list[Claim] = []
    together = threading.Barrier(RACERS)

    def run(_racer: int) -> None:
        together.wait()
        deliverer(database, sent.append).run()

    with ThreadPoolExecutor(RACERS) as threads:
        list(threads.map(run, range(RACERS)))
    deliverer(database, sent.append).run()  # what they passed over for each other, if all ended with that

    assert len(sent) == LETTERS
    assert {claimed.id for claimed in sent} == letters
    assert set(states(database)) == {(DELIVERED, 1)}


@pytest.mark.parametrize("database_kind", REAL)  # SQLite has one writer at a time
def test_one_that_is_being_claimed_is_passed_over_and_not_waited_for(database: Database) -> None:
    put_letter(database)
    second = put_letter(database)

    with database.engine.connect() as other, other.begin():
        held = claims.claim(other, Outbox, LEASE)
        got = claim(database)

    assert held is not None
    assert got is not None
    assert got.id == second


def test_what_cannot_be_taken_now_waits_longer_each_time_and_then_has_failed(database: Database) -> None:
    put_letter(database)

    def later(_claim: Claim) -> None:
        msg = "451 greylisted"
        raise Later(msg)

    seen = []
    for _ in range(RETRIES.attempts_max):
        deliverer(database, later).run()
        deliverer(database, later).run()  # it is not due before its pause is over
        seen += states(database)
        let_pass(database, 2 * RETRIES.pause_seconds_max)

    assert seen == [(DUE, 1), (DUE, 2), (FAILED, 3)]
    assert outbox.rows(database)[0].reply == "451 greylisted"


def test_what_is_refused_has_failed_at_once_with_its_reply(database: Database) -> None:
    put_letter(database)
    kept = outbox.rows(database)[0].payload

    def refuse(_claim: Claim) -> None:
        raise Refused("550 " + "no such user " * 100)

    deliverer(database, refuse).run()

    (row,) = outbox.rows(database)
    assert (row.state, row.attempts, row.payload) == (FAILED, 1, kept)
    assert row.reply.startswith("550 no such user")


def test_a_bug_in_one_letter_holds_up_no_other(database: Database) -> None:
    bad, good = put_letter(database), put_letter(database)

    def stumble(claimed: Claim) -> None:
        if claimed.id == bad:
            raise KeyError(claimed.kind)

    deliverer(database, stumble).run()

    assert {row.id: row.state for row in outbox.rows(database)} == {bad: DUE, good: DELIVERED}


def test_a_worker_that_died_is_followed_by_another(database: Database) -> None:
    put_letter(database)

    def die(_claim: Claim) -> None:
        raise SystemExit

    with pytest.raises(SystemExit):
        deliverer(database, die).run()
    assert states(database) == [(DUE, 1)]
    let_pass(database, LEASE.total_seconds() + 1)
    deliverer(database, take).run()

    assert states(database) == [(DELIVERED, 2)]


def test_whoever_was_too_slow_changes_nothing_but_that_it_was_delivered(database: Database) -> None:
    put_letter(database)
    slow = claim(database)
    assert slow is not None
    let_pass(database, LEASE.total_seconds() + 1)
    assert claim(database) is not None

    database.write(partial(claims.fail, outbox=Outbox, claimed=slow, reply="550"), repeat_lost=True)
    assert states(database) == [(DUE, 2)]
    database.write(partial(claims.deliver, outbox=Outbox, claimed=slow), repeat_lost=True)
    assert states(database) == [(DELIVERED, 2)]


def test_what_nobody_could_use_any_more_is_not_delivered(database: Database) -> None:
    put_letter(database, good_for=timedelta(seconds=30))
    let_pass(database, 31)
    sent: list[Claim] = []

    deliverer(database, sent.append).run()

    assert sent == []
    assert [(row.state, row.reply) for row in outbox.rows(database)] == [(FAILED, TOO_LATE)]
    assert database.write(partial(rows.resend, outbox=Outbox, ids=None), repeat_lost=False) == []


def test_an_operator_sends_again_what_has_failed(database: Database) -> None:
    letter_id, other = put_letter(database), put_letter(database)

    def refuse(_claim: Claim) -> None:
        msg = "550 no"
        raise Refused(msg)

    deliverer(database, refuse).run()
    again = partial(rows.resend, outbox=Outbox, ids=[letter_id])
    assert database.write(again, repeat_lost=False) == [letter_id]
    assert database.write(again, repeat_lost=False) == []  # it has not failed any more
    deliverer(database, take).run()

    assert {row.id: (row.state, row.attempts) for row in outbox.rows(database)} == {
        letter_id: (DELIVERED, 1),
        other: (FAILED, 1),
    }


def test_what_was_done_long_ago_is_forgotten(database: Database) -> None:
    put_letter(database)
    deliverer(database, take).run()
    let_pass(database, (FAILED_KEPT - DONE_KEPT).total_seconds() + 1)
    failed = put_letter(database)
    refused = claim(database)
    assert refused is not None
    database.write(partial(claims.fail, outbox=Outbox, claimed=refused, reply="550"), repeat_lost=True)
    forget = partial(rows.forget, outbox=Outbox)

    let_pass(database, DONE_KEPT.total_seconds() + 1)
    assert database.write(forget, repeat_lost=True) == 1
    assert [row.id for row in outbox.rows(database)] == [failed]
    let_pass(database, FAILED_KEPT.total_seconds())
    assert database.write(forget, repeat_lost=True) == 1


def test_what_nobody_takes_is_overdue(database: Database) -> None:
    overdue = partial(rows.is_overdue, outbox=Outbox, age=timedelta(seconds=60))
    put_letter(database)
    assert not database.read(overdue)
    let_pass(database, 61)
    assert database.read(overdue)
    assert claim(database) is not None
    assert not database.read(overdue)


def test_a_database_that_is_away_is_told(database: Database) -> None:
    put_letter(database)
    absent = Database.connect("mysql+pymysql://root@127.0.0.1:1/nowhere", auth_settings("sqlite:///x"), 1)

    with pytest.raises(Unavailable):
        deliverer(absent, take).run()
