"""The named points inside a settlement and an intake flush, put around the production functions."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from sqlalchemy.engine.default import DefaultDialect

from booking_service.domain.bookings import intake
from booking_service.domain.changes import intake as changes
from booking_service.domain.seats import settlement
from booking_service.wake.flags import LaneFlags
from tests.faults.campaign import orders as names
from tests.faults.campaign.orders import Orders
from tests.faults.campaign.replacing import replace

Function = Callable[..., Any]


class Unit(threading.local):
    """What this thread will commit next: nothing, an "intake" of bookings, a "request" of changes or a "settlement"."""

    name = ""


def arrange(orders: Orders) -> None:
    """Make this process obey ``orders``. Call it before the modules that import these functions by name."""
    unit = Unit()

    def at(point: str, begins: str = "") -> Callable[[Function], Function]:
        def make(function: Function) -> Function:
            def reached(*arguments: object, **named: object) -> object:
                orders.obey(point)
                unit.name = begins
                return function(*arguments, **named)

            return reached

        return make

    replace(settlement, "settle_batch", at(names.BEFORE_LOCK))
    replace(settlement, "write_decided", at(names.AFTER_DECISION, begins="settlement"))
    replace(LaneFlags, "clear", at(names.BEFORE_FLAGS_FREED))
    replace(intake, "accept", at(names.BEFORE_INSERT, begins="intake"))
    replace(changes, "request", at(names.BEFORE_REQUEST, begins="request"))
    replace(DefaultDialect, "do_commit", partial(_around_commit, orders, unit))
    replace(DefaultDialect, "do_rollback", partial(_forgetting, unit))


def _around_commit(orders: Orders, unit: Unit, commit: Function) -> Function:
    def do_commit(dialect: object, connection: object) -> None:
        name, unit.name = unit.name, ""
        if name:
            orders.obey(f"{name}-before-commit")
        commit(dialect, connection)
        if name:
            orders.obey(f"{name}-after-commit")

    return do_commit


def _forgetting(unit: Unit, rollback: Function) -> Function:
    def do_rollback(dialect: object, connection: object) -> None:
        unit.name = ""
        rollback(dialect, connection)

    return do_rollback
