"""The parts of the campaign that a run cannot question itself: its plan, its orders, its wrong clock."""

import json
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from booking_service.domain.models import CANCEL_BOOKING, CONFIRM_HOLD, CONFIRMED, HELD, PENDING, SET_SEATS, WAITLISTED
from lab.waiting import wait_for
from tests.faults.campaign import orders as points
from tests.faults.campaign.crowd import ADMIN, ORGANIZED, Crowd
from tests.faults.campaign.history import Asked
from tests.faults.campaign.kinds.registry import KINDS
from tests.faults.campaign.offers import PLAIN, Offer, small_terms
from tests.faults.campaign.orders import STALL, Orders
from tests.faults.campaign.plan import plan
from tests.faults.campaign.report import Report
from tests.faults.campaign.scheduler import Inflicted
from tests.faults.campaign.skew import skewed_uuid7
from tests.faults.campaign.stored import made_at
from tests.faults.campaign.verdict import Breach, Promise, Verdict
from tests.faults.campaign.whims import Temper

CLOCK_OFF_SECONDS = 60
STALL_SECONDS = 3  # longer than a busy machine stands still
LONG_SECONDS = 60


def test_the_same_seed_makes_the_same_plan() -> None:
    assert list(islice(plan(7), 200)) == list(islice(plan(7), 200))
    assert list(islice(plan(7), 200)) != list(islice(plan(8), 200))


def test_a_round_has_every_kind_once() -> None:
    assert Counter(planned.kind.name for planned in plan(7, rounds=1)) == Counter(list(KINDS))


def test_the_long_plan_has_each_kind_as_often_as_it_should() -> None:
    length = sum(kind.copies for kind in KINDS.values())
    assert Counter(p.kind.name for p in islice(plan(7), length)) == {name: kind.copies for name, kind in KINDS.items()}


@pytest.mark.parametrize("point", [*points.SETTLEMENT_POINTS, *points.INTAKE_POINTS])
def test_a_process_dies_at_every_point(point: str) -> None:
    assert f"kill -9 at {point}" in KINDS


def test_one_of_many_obeys_an_order(tmp_path: Path) -> None:
    orders = Orders(tmp_path / "orders")
    orders.give("point", STALL, STALL_SECONDS)

    def reach(_: int) -> float:
        began = time.monotonic()
        orders.obey("point")
        return time.monotonic() - began

    with ThreadPoolExecutor(8) as pool:
        stalled = [seconds >= STALL_SECONDS for seconds in pool.map(reach, range(8))]
    assert stalled.count(True) == 1
    assert orders.is_taken("point")
    assert not orders.withdraw("point")


def test_who_stalls_goes_on_when_released(tmp_path: Path) -> None:
    orders = Orders(tmp_path)
    orders.give("point", STALL, LONG_SECONDS)
    with ThreadPoolExecutor(1) as pool:
        stalled = pool.submit(orders.obey, "point")
        wait_for(lambda: orders.is_taken("point"), "somebody stalls", LONG_SECONDS)
        assert not stalled.done()
        orders.release("point")
        stalled.result(timeout=LONG_SECONDS / 2)


def test_an_order_that_is_withdrawn_is_obeyed_by_nobody(tmp_path: Path) -> None:
    orders = Orders(tmp_path)
    orders.give("point", points.DIE)
    assert orders.withdraw("point")
    orders.obey("point")
    assert not orders.is_taken("point")


@pytest.mark.parametrize("seconds", [-CLOCK_OFF_SECONDS, CLOCK_OFF_SECONDS])
def test_ids_of_a_wrong_clock_are_in_order_and_off_by_a_minute(seconds: float) -> None:
    make = skewed_uuid7(uuid7, seconds)
    began = time.time()
    ids = [make() for _ in range(1_000)]
    ended = time.time()
    assert ids == sorted(ids)
    assert {identifier.version for identifier in ids} == {7}
    # An id has whole milliseconds.
    assert began - 0.001 <= made_at(str(ids[0])) - seconds <= made_at(str(ids[-1])) - seconds <= ended


def test_the_last_line_says_whether_every_promise_was_kept(tmp_path: Path) -> None:
    planned = next(plan(7))
    breach = Breach(Promise.KEPT, "a booking is not stored")
    report = Report(
        seed=7,
        server="mysql",
        seconds=60,
        inflicted=[Inflicted(planned, 10, 11, 2.5), Inflicted(planned, 20, 21, 4.5), Inflicted(planned, 24, 25, None)],
        not_reached=["deadlock in settlement: no deadlock"],
        bookings=6_000,
        confirmed=5_000,
        changes=1_500,
        changed=1_200,
        promoted=100,
        expired=50,
        requests=12_000,
        retries=3,
        unavailable=2,
        lost_connections=1,
        snapshots=6,
        clients_lag_seconds=0.1,
        verdict=Verdict.of([breach]),
    )
    assert json.loads(report.last_line()) == {
        "faults": 3,
        "bookings": 6_000,
        "lost": 1,
        "doubled": 0,
        "oversold": 0,
        "unsettled": 0,
        "errors_500": 0,
        "other": 0,
        "seed": 7,
    }
    report.write(tmp_path / "report")
    assert json.loads((tmp_path / "report.json").read_text())["cancelled_or_changed_percent"] == 20
    kind = json.loads((tmp_path / "report.json").read_text())["kinds"][planned.kind.name]
    # The second was not alone: the third came before it had recovered.
    assert kind == {"times": 3, "median": 3.5, "longest": 4.5, "longest_alone": 2.5}
    assert f"| {planned.kind.name} | 3 | 3.5 | 4.5 | 2.5 |" in (tmp_path / "report.md").read_text()
    assert "a booking is not stored" in (tmp_path / "report.md").read_text()


def test_clients_do_whatever_can_be_done_with_a_booking() -> None:
    temper = Temper(random.Random(7), share=0.25)
    asked = Asked(0, 1, "k0", 1, 2, 0.0)

    def chosen(state: str) -> list[tuple[str, ...]]:
        return [tuple(sorted(act.kind for act in temper.after(state, asked, PLAIN).acts)) for _ in range(2_000)]

    keep_or_change: set[tuple[str, ...]] = {(), (CANCEL_BOOKING,), (SET_SEATS,)}
    assert set(chosen(PENDING)) == set(chosen(WAITLISTED)) == keep_or_change
    twice_or_both = {(CANCEL_BOOKING, CANCEL_BOOKING), (CANCEL_BOOKING, SET_SEATS)}
    assert set(chosen(CONFIRMED)) == keep_or_change | twice_or_both
    assert set(chosen(HELD)) == {(), (CONFIRM_HOLD,), (CANCEL_BOOKING,), (CANCEL_BOOKING, CONFIRM_HOLD)}
    assert 0.2 < sum(bool(acts) for acts in chosen(CONFIRMED)) / 2_000 < 0.3


def test_organizers_do_whatever_can_be_done_with_an_event() -> None:
    rng = random.Random(7)
    small = [Offer(number, 0, 100, small_terms(rng)) for number in range(40)]
    crowd = Crowd(rng, [Offer(100 + number, 0, 10**7) for number in range(16)], small)
    acts = [act for _ in range(1_000) if (act := crowd.organize())]
    assert {act.kind for act in acts} == set(ORGANIZED)
    assert {act.user for act in acts} == {ADMIN}
    assert len(crowd.big) < 16  # a big one was called off, and is not booked any more
