"""What a process opens it closes, however far it came."""

import asyncio
import threading
from pathlib import Path

import pytest

from booking_service.process import running
from tests.fixtures.box_office import booking_settings, migrated_sqlite
from tests.fixtures.servers import wait_until


def others() -> set[threading.Thread]:
    return set(threading.enumerate()) - {threading.main_thread()}


@pytest.mark.parametrize("change", [{}, {"database_threads": 0}, {"intake_threads": 0}])
def test_an_opening_that_fails_leaves_nothing_behind(tmp_path: Path, change: dict[str, int]) -> None:
    # No such number of threads can be configured; it makes the opening fail at a step of our choice.
    settings = booking_settings(migrated_sqlite(tmp_path)).model_copy(update=change)
    before = others()

    async def story() -> None:
        async with running(settings, asyncio.Event()):
            assert others() - before  # it really had something to close
            raise ValueError

    with pytest.raises(ValueError, match="^$" if not change else "max_workers"):
        asyncio.run(story())
    wait_until(lambda: others() <= before, "all threads of the process to end")


def test_who_waits_for_a_decision_is_told_before_anything_is_closed(tmp_path: Path) -> None:
    async def story() -> bool:
        stopping = asyncio.Event()
        async with running(booking_settings(migrated_sqlite(tmp_path)), stopping):
            assert not stopping.is_set()
        return stopping.is_set()

    assert asyncio.run(story())
