"""Pauses between attempts, and nudges."""

import threading
from datetime import timedelta

import pytest

from shared.outbox.nudge import Nudger
from shared.outbox.turn import JITTER, Retries

RETRIES = Retries(attempts_max=12, pause_seconds=10, pause_seconds_max=3_600)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 10), (2, 20), (3, 40), (9, 2_560), (10, 3_600), (11, 3_600)])
def test_each_pause_is_twice_as_long_as_the_one_before_up_to_a_bound(attempt: int, seconds: float) -> None:
    least, most = (timedelta(seconds=seconds * factor) for factor in JITTER)
    for _ in range(100):
        pause = RETRIES.pause(attempt)
        assert pause is not None
        assert least <= pause <= most


def test_pauses_differ_so_that_those_who_were_refused_together_come_apart() -> None:
    assert len({RETRIES.pause(1) for _ in range(100)}) > 90


def test_after_the_last_attempt_there_is_no_pause() -> None:
    assert RETRIES.pause(12) is None
    assert RETRIES.pause(2_000) is None


def test_a_thousand_attempts_are_no_number_that_is_too_large() -> None:
    assert Retries(2_000, 10, 3_600).pause(1_999) is not None


class Broker:
    """Counts nudges; the first few fail."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent = 0
        self.asked = threading.Semaphore(0)

    def publish(self) -> None:
        self.asked.release()
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError(104, "Connection reset by peer")
        self.sent += 1


def test_a_nudge_is_sent() -> None:
    broker = Broker()
    nudger = Nudger(broker.publish, pause_seconds=60)
    nudger.nudge()
    assert broker.asked.acquire(timeout=10)
    nudger.close()
    assert broker.sent == 1


def test_without_a_nudge_nothing_is_sent() -> None:
    broker = Broker()
    Nudger(broker.publish, pause_seconds=60).close()
    assert broker.sent == 0


def test_a_nudge_that_waits_at_the_end_is_sent() -> None:
    broker = Broker()
    nudger = Nudger(broker.publish, pause_seconds=60)
    nudger.nudge()
    nudger.close()
    assert broker.sent == 1


def test_a_broker_that_is_away_is_left_alone_for_a_while_and_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    broker = Broker(failures=1)
    nudger = Nudger(broker.publish, pause_seconds=60)
    nudger.nudge()
    assert broker.asked.acquire(timeout=10)
    for _ in range(100):
        nudger.nudge()
    nudger.close()  # does not wait for the end of the pause
    assert broker.sent == 1
    assert "the sweep will look" in caplog.text
