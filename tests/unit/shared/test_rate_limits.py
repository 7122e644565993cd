"""Sliding windows in memory: who is refused, until when, and that a million keys cost no more than some."""

import random

import pytest

from shared.rate_limits.policies import Policy, Standing, rate_headers, refusal, seconds_to_wait, weight
from shared.rate_limits.windows import REFUSED, Windows
from tests.fixtures.hours import Clock

TEN_A_MINUTE = Policy("clicks", 10, 60)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def windows(clock: Clock) -> Windows:
    return Windows(TEN_A_MINUTE, 100, clock)


def taken(windows: Windows, key: str, tries: int) -> int:
    return sum(windows.take(key)[0] != REFUSED for _ in range(tries))


def test_a_key_may_send_its_quota_and_no_more(windows: Windows) -> None:
    assert [windows.take("ada")[0] for _ in range(11)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, REFUSED]


def test_what_one_key_sends_costs_another_nothing(windows: Windows) -> None:
    taken(windows, "ada", 20)
    assert windows.take("bob")[0] == 9


def test_the_window_slides_so_that_no_two_quotas_come_at_once(windows: Windows, clock: Clock) -> None:
    clock.go_on(59)
    assert taken(windows, "ada", 20) == 10
    clock.go_on(2)
    assert taken(windows, "ada", 20) == 1
    clock.go_on(30)
    assert taken(windows, "ada", 20) == 5


def test_after_two_windows_all_is_forgotten(windows: Windows, clock: Clock) -> None:
    taken(windows, "ada", 20)
    clock.go_on(121)
    assert taken(windows, "ada", 20) == 10
    assert len(windows) == 1


@pytest.mark.parametrize("seconds_between", [0.4, 3, 7, 59.9, 61])
def test_whoever_waits_as_long_as_told_is_taken_and_not_before(
    windows: Windows, clock: Clock, seconds_between: float
) -> None:
    refused = 0
    for _ in range(200):
        remaining, seconds = windows.take("ada")
        if remaining == REFUSED:
            refused += 1
            assert 1 <= seconds <= 120
            clock.go_on(seconds - 1.001)
            assert windows.take("ada")[0] == REFUSED
            clock.go_on(1.001)
            assert windows.take("ada")[0] != REFUSED
        clock.go_on(seconds_between)
    assert refused or seconds_between > 6


def test_a_million_addresses_cost_no_more_memory_than_the_bound(clock: Clock) -> None:
    windows = Windows(TEN_A_MINUTE, 1_000, clock)
    for number in range(1_000_000):
        windows.take(number)
        clock.go_on(0.001)
    assert len(windows) <= 2_000


def test_a_crowd_of_addresses_does_not_push_out_who_was_counted_before(clock: Clock) -> None:
    windows = Windows(TEN_A_MINUTE, 100, clock)
    taken(windows, "guesser", 20)
    for number in range(10_000):
        windows.take(number)
    assert windows.take("guesser")[0] == REFUSED


def test_over_any_time_nobody_gets_more_than_twice_the_quota_in_a_window(windows: Windows, clock: Clock) -> None:
    at_random = random.Random(12)
    moments: list[float] = []
    for _ in range(5_000):
        clock.go_on(at_random.expovariate(2))
        if windows.take("ada")[0] != REFUSED:
            moments.append(clock.now)
    in_windows = [sum(start <= moment < start + 60 for moment in moments) for start in moments]
    assert max(in_windows) <= 2 * 10
    assert sum(in_windows) / len(in_windows) <= 11


def test_headers_tell_of_the_policy_and_of_what_is_left() -> None:
    headers = rate_headers(Standing(TEN_A_MINUTE, 7, 42), Standing(Policy("hour", 100, 3600), 1, 1800))
    assert headers == {
        "RateLimit-Policy": '"clicks";q=10;w=60, "hour";q=100;w=3600',
        "RateLimit": '"clicks";r=7;t=42, "hour";r=1;t=1800',
    }
    assert rate_headers() == {}


def test_a_refusal_names_the_longest_wait_of_those_that_refuse() -> None:
    problem = refusal(
        Standing(TEN_A_MINUTE, 0, 7, is_refused=True),
        Standing(Policy("hour", 100, 3600), 50, 1800),
        Standing(Policy("day", 100, 86_400), 0, 99, is_refused=True),
    )
    assert problem.retry_after_seconds == 99
    assert problem.case_headers["RateLimit"] == '"clicks";r=0;t=7, "hour";r=50;t=1800, "day";r=0;t=99'


@pytest.mark.parametrize(
    ("previous", "current", "left"), [(10, 0, 60), (10, 9, 59), (3, 8, 50), (0, 10, 1), (9, 10, 9)]
)
def test_a_request_is_taken_again_exactly_when_it_was_told(previous: int, current: int, left: float) -> None:
    wait = seconds_to_wait(TEN_A_MINUTE, previous, current, left)

    def is_taken(after: float) -> bool:
        at = left - after
        counted = weight(TEN_A_MINUTE, previous, current, at) if at > 0 else weight(TEN_A_MINUTE, current, 0, at + 60)
        return counted < TEN_A_MINUTE.quota

    assert is_taken(wait)
    assert not is_taken(wait - 1.001)


def test_looking_counts_nothing(windows: Windows, clock: Clock) -> None:
    looks = [windows.look("ada") for _ in range(20)]
    taken(windows, "ada", 10)
    looks.append(windows.look("ada"))
    clock.go_on(looks[-1].seconds)
    looks.append(windows.look("ada"))
    assert [look.remaining for look in looks] == [*[10] * 20, 0, 1]
    assert [look.is_refused for look in looks] == [*[False] * 20, True, False]
