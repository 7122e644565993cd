"""The growing delay: whom it holds up, for how long, and whom it never does."""

import pytest

from auth_service.guard.delays import (
    ACCOUNT_DELAY_SECONDS_MAX,
    ACCOUNT_TRIES_FREE,
    KNOWN_SECONDS,
    KNOWN_TRIES_MAX,
    Delays,
    Rules,
    growing,
)
from auth_service.guard.memory import Memory
from tests.fixtures.hours import Clock

HOME, CAFE, STRANGER = "192.0.2.1", "192.0.2.2", "203.0.113.66"
ADA = "ada@example.com"
RULES = Rules.of(tries_free=5, delay_seconds_max=900)
DAY = 86_400


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def delays(clock: Clock) -> Delays:
    return Delays(RULES, 1_000, clock)


def guess(delays: Delays, clock: Clock, address: str, account: str, tries: int) -> None:
    """Send wrong passwords, each as soon as it is taken."""
    for _ in range(tries):
        while (attempt := delays.begin(address, account)).is_delayed:
            clock.go_on(attempt.wait_seconds)


def log_in(delays: Delays, address: str, account: str = ADA) -> None:
    attempt = delays.begin(address, account)
    assert attempt.may_pass
    delays.succeeded(attempt)


def test_the_delay_doubles_from_a_second_on_and_is_bounded() -> None:
    assert growing(5, 60) == [0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60]
    assert growing(1, 1) == [1]


def test_a_few_wrong_passwords_cost_nothing_and_the_next_ones_time(delays: Delays, clock: Clock) -> None:
    waits = []
    for _ in range(9):
        waits.append(delays.begin(STRANGER, ADA).wait_seconds)
        clock.go_on(waits[-1])
        if waits[-1]:
            assert not delays.begin(STRANGER, ADA).is_delayed
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8]


def test_what_comes_during_the_wait_makes_it_no_longer(delays: Delays, clock: Clock) -> None:
    guess(delays, clock, STRANGER, ADA, 9)
    assert delays.begin(STRANGER, ADA).wait_seconds == 16
    for _ in range(100):
        clock.go_on(0.1)
        delays.begin(STRANGER, ADA)
    assert delays.begin(STRANGER, ADA).wait_seconds == pytest.approx(6)


def test_a_thousand_tries_at_the_same_moment_are_as_many_as_one_after_the_other(delays: Delays) -> None:
    assert sum(not delays.begin(STRANGER, ADA).is_delayed for _ in range(1_000)) == 5


def test_in_a_day_one_address_gets_about_a_hundred_guesses(delays: Delays, clock: Clock) -> None:
    begun, tries = clock.now, 0
    while clock.now - begun < DAY:
        guess(delays, clock, STRANGER, ADA, 1)
        tries += 1
    assert tries < 120


def test_a_stranger_does_not_keep_out_who_comes_from_where_he_came_before(delays: Delays, clock: Clock) -> None:
    log_in(delays, HOME)
    for number in range(300):
        delays.begin(f"203.0.113.{number}", ADA)
    attempt = delays.begin(HOME, ADA)
    assert attempt.is_delayed
    assert attempt.may_pass
    clock.go_on(KNOWN_SECONDS - 1)
    log_in(delays, HOME)


def test_who_comes_from_elsewhere_waits_a_minute_at_most_whatever_strangers_do(delays: Delays, clock: Clock) -> None:
    for number in range(2_000):
        delays.begin(f"address {number}", ADA)
        clock.go_on(1)
    attempt = delays.begin(CAFE, ADA)
    assert 0 < attempt.wait_seconds <= ACCOUNT_DELAY_SECONDS_MAX
    assert not attempt.may_pass
    clock.go_on(attempt.wait_seconds)
    log_in(delays, CAFE)


def test_from_many_addresses_an_account_has_a_guess_a_minute_after_the_first_hundred(
    delays: Delays, clock: Clock
) -> None:
    taken = 0
    for number in range(DAY):
        taken += not delays.begin(f"address {number}", ADA).is_delayed
        clock.go_on(1)
    assert taken <= ACCOUNT_TRIES_FREE + DAY / ACCOUNT_DELAY_SECONDS_MAX + 10


def test_wrong_passwords_of_one_account_hold_up_no_other(delays: Delays, clock: Clock) -> None:
    guess(delays, clock, STRANGER, ADA, 12)
    assert not delays.begin(STRANGER, "bob@example.com").is_delayed


def test_a_right_password_forgets_the_wrong_ones_from_there(delays: Delays, clock: Clock) -> None:
    guess(delays, clock, HOME, ADA, 4)
    log_in(delays, HOME)
    guess(delays, clock, HOME, ADA, 4)
    assert not delays.begin(HOME, ADA).is_delayed


def test_a_login_to_an_account_of_ones_own_forgets_nothing_of_the_others(delays: Delays, clock: Clock) -> None:
    guess(delays, clock, STRANGER, ADA, 12)
    log_in(delays, STRANGER, "mallory@example.com")
    assert delays.begin(STRANGER, ADA).is_delayed


def test_good_logins_from_ever_new_addresses_are_no_attack(delays: Delays) -> None:
    for number in range(3 * ACCOUNT_TRIES_FREE):
        log_in(delays, f"address {number}")
    assert not delays.begin(CAFE, ADA).is_delayed


def test_who_guesses_where_the_owner_has_logged_in_is_a_stranger_after_a_hundred_tries(
    delays: Delays, clock: Clock
) -> None:
    log_in(delays, HOME)
    passed = 0
    while delays.begin(HOME, ADA).may_pass:
        passed += 1
    assert passed == KNOWN_TRIES_MAX
    clock.go_on(900)
    log_in(delays, HOME)
    assert delays.begin(HOME, ADA).is_known


def test_what_could_not_be_checked_was_no_try(delays: Delays) -> None:
    log_in(delays, HOME)
    for _ in range(2 * KNOWN_TRIES_MAX):
        delays.give_back(delays.begin(HOME, ADA))
    attempt = delays.begin(HOME, ADA)
    assert attempt.is_known
    assert not attempt.is_delayed


def test_after_four_of_the_longest_delays_all_is_forgotten(delays: Delays, clock: Clock) -> None:
    guess(delays, clock, STRANGER, ADA, 30)
    clock.go_on(4 * 900 + 1)
    guess(delays, clock, STRANGER, ADA, 4)
    assert not delays.begin(STRANGER, ADA).is_delayed


def test_many_addresses_cost_no_more_memory_than_the_bound(clock: Clock) -> None:
    delays = Delays(RULES, 500, clock)
    for number in range(20_000):
        delays.succeeded(delays.begin(f"address {number}", f"account {number}"))
        delays.begin(f"address {number}", f"account {number}")
        clock.go_on(0.01)
    assert len(delays) <= 3 * 500


def test_a_crowd_does_not_push_out_who_was_counted_before(clock: Clock) -> None:
    delays = Delays(RULES, 100, clock)
    guess(delays, clock, STRANGER, ADA, 12)
    for number in range(10_000):
        delays.begin(f"address {number}", f"account {number}")
    assert delays.begin(STRANGER, ADA).is_delayed


@pytest.mark.parametrize(("spares_oldest", "stays"), [(True, [1, 2, 9]), (False, [7, 8, 9])])
def test_what_is_too_much_is_forgotten(stays: list[int], *, spares_oldest: bool) -> None:
    memory = Memory[int, int](60, 3, spares_oldest=spares_oldest)
    for number in range(1, 10):
        memory.put(number, number, now=0)
    assert [number for number in range(10) if memory.get(number, now=59)] == stays


def test_what_is_too_old_makes_room() -> None:
    memory = Memory[str, int](60, 2, spares_oldest=True)
    memory.put("old", 1, now=0)
    memory.put("older than it was put", 1, now=1)
    memory.put("old", 2, now=30)
    memory.put("new", 3, now=61)
    assert [memory.get(key, now=61) for key in ("old", "older than it was put", "new")] == [2, None, 3]
    assert memory.get("old", now=90) is None
