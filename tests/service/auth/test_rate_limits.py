"""Limits of logins and registrations: who is refused, in which words, and that nobody learns who has an account."""

import logging

import pytest
from httpx import Response

from auth_service.settings import AuthSettings
from tests.fixtures.accounts import ADA, disable
from tests.fixtures.entrance import CAFE, HOME, STRANGER, WRONG, entrance

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"
NOBODY = "nobody@example.com"


def test_answers_of_limited_calls_tell_what_is_left_good_or_not(settings: AuthSettings) -> None:
    with entrance(settings, logins_per_address_max=10) as auth:
        answers = [auth.log_in(HOME), auth.log_in(HOME, WRONG), auth.log_in(HOME, email=NOBODY)]
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert [answer.headers["RateLimit-Policy"] for answer in answers] == ['"login-address";q=10;w=600'] * 3
    assert [answer.headers["RateLimit"].rpartition(";")[0] for answer in answers] == [
        f'"login-address";r={left}' for left in (9, 8, 7)
    ]
    assert "Retry-After" not in answers[0].headers


def test_an_address_that_asks_too_often_is_told_when_to_come_back(settings: AuthSettings) -> None:
    with entrance(settings, logins_per_address_max=3) as auth:
        answers = [auth.log_in(STRANGER, email=f"{number}@example.com") for number in range(4)]
        elsewhere = auth.log_in(HOME)
        verified = auth.hasher.verified
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    refused = answers[-1]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["type"] == QUOTA_EXCEEDED
    assert refused.json()["detail"]
    seconds = int(refused.headers["Retry-After"])
    assert 0 < seconds <= 1_200
    assert refused.headers["RateLimit"] == f'"login-address";r=0;t={seconds}'
    assert elsewhere.status_code == 200
    assert verified == 4  # no hash for who is refused by address


def test_an_address_of_ipv6_is_its_64(settings: AuthSettings) -> None:
    with entrance(settings, logins_per_address_max=2) as auth:
        same = [auth.log_in(f"2001:db8:0:1::{number}", email=NOBODY).status_code for number in range(3)]
        other = auth.log_in("2001:db8:0:2::1", email=NOBODY).status_code
    assert (same, other) == ([401, 401, 429], 401)


def test_what_is_no_json_is_said_before_and_what_is_wrong_with_it_after(settings: AuthSettings) -> None:
    with entrance(settings, logins_per_address_max=1) as auth:
        bodies = [("text/plain", b"{}"), ("application/json", b"{"), ("application/json", b"{}")]
        statuses = [
            auth.client.post("/login", content=content, headers={"Content-Type": kind}).status_code
            for kind, content in (*bodies, *bodies)
        ]
    assert statuses == [415, 422, 422, 415, 422, 429]


def test_registrations_are_limited_by_address_and_by_mailbox(settings: AuthSettings) -> None:
    with entrance(settings, registrations_per_address_max=3, registrations_per_account_max=2) as auth:
        by_address = [auth.register(STRANGER, f"{number}@example.com").status_code for number in range(4)]
        by_mailbox = [auth.register(f"192.0.2.{number}", NOBODY) for number in range(3)]
        spelled = auth.register(CAFE, NOBODY.upper())
    assert by_address == [201, 201, 201, 429]
    assert [answer.status_code for answer in by_mailbox] == [201, 409, 429]
    assert by_mailbox[-1].headers["RateLimit-Policy"] == '"registration-account";q=2;w=600'
    assert spelled.status_code == 429


def test_guesses_cost_more_and_more_time(settings: AuthSettings) -> None:
    with entrance(settings) as auth:
        statuses = auth.guess(STRANGER, times=7)
        refused = auth.log_in(STRANGER)
    assert statuses == [401] * 5 + [429] * 2
    assert refused.status_code == 429  # a right guess is not told while a guess must wait
    assert refused.json()["type"] == QUOTA_EXCEEDED
    assert refused.headers["Retry-After"] == "1"
    assert refused.headers["RateLimit"] == '"login-delay";r=0;t=1'


def test_whoever_waits_as_long_as_told_is_heard_again(settings: AuthSettings) -> None:
    waits = []
    with entrance(settings, login_delay_seconds_max=10) as auth:
        for _ in range(12):
            answer = auth.log_in(STRANGER, WRONG)
            if answer.status_code == 429:
                waits.append(int(answer.headers["Retry-After"]))
                auth.clock.go_on(waits[-1])
        assert auth.log_in(STRANGER).status_code == 200
    assert waits == [1, 2, 4, 8]


def test_a_stranger_locks_nobody_out_who_comes_from_where_he_came_before(settings: AuthSettings) -> None:
    with entrance(settings, logins_per_account_max=8) as auth:
        assert auth.log_in(HOME).status_code == 200
        guesses = [auth.guess(f"203.0.113.{number}", times=2) for number in range(20)]
        assert guesses[-1] == [429, 429]
        assert [auth.log_in(HOME).status_code for _ in range(20)] == [200] * 20
        assert auth.log_in(CAFE).status_code == 429


def test_a_right_password_is_let_in_where_it_was_before_after_any_number_of_typing_errors(
    settings: AuthSettings,
) -> None:
    with entrance(settings) as auth:
        auth.log_in(HOME)
        assert auth.guess(HOME, times=30) == [401] * 5 + [429] * 25
        assert auth.log_in(HOME).status_code == 200
        assert auth.guess(HOME) == [401]


@pytest.mark.parametrize("quota", [6, 60])
def test_known_unknown_and_disabled_accounts_are_refused_alike(settings: AuthSettings, quota: int) -> None:
    told = []
    with entrance(settings, logins_per_account_max=quota) as auth:
        auth.register(HOME, "gone@example.com")
        auth.log_in(HOME)  # which a stranger must not be able to tell
        auth.log_in(HOME, email="gone@example.com")
        disable(settings, "gone@example.com")
        for email in (ADA["email"], NOBODY, "gone@example.com"):
            verified = auth.hasher.verified
            told.append([what_is_told(auth.log_in(f"203.0.113.{number % 2}", WRONG, email)) for number in range(16)])
            assert auth.hasher.verified - verified == 16  # the same work, refused or not
    assert told[0] == told[1] == told[2]
    assert {document["status"] for document, _ in told[0]} == {401, 429}


def what_is_told(answer: Response) -> tuple[dict[str, object], dict[str, str]]:
    """Leave out what is of the request, and what the address has left for any account."""
    of_the_address = {"ratelimit"} if answer.status_code == 401 else set()
    return answer.json(), {
        name: value for name, value in answer.headers.items() if name not in {"x-request-id"} | of_the_address
    }


def test_what_could_not_be_checked_is_not_held_against_anybody(settings: AuthSettings) -> None:
    with entrance(settings) as auth:
        auth.hasher.is_overloaded = True
        assert auth.guess(HOME, times=20) == [503] * 20
        auth.hasher.is_overloaded = False
        assert auth.guess(HOME, times=6) == [401] * 5 + [429]


@pytest.mark.parametrize("limits", ["on", "off"])
def test_one_variable_switches_all_off_and_the_log_says_so(
    settings: AuthSettings, caplog: pytest.LogCaptureFixture, limits: str
) -> None:
    caplog.set_level(logging.WARNING)
    changes = {"rate_limits": limits, "logins_per_address_max": 8, "registrations_per_address_max": 1}
    with entrance(settings, **changes) as auth:
        answers = [
            *auth.guess(STRANGER, times=20),
            *(auth.register(HOME, f"{n}@example.com").status_code for n in (1, 2)),
        ]
        headers = auth.log_in(HOME).headers
    assert (429 in answers) == (limits == "on")
    assert ("RateLimit" in headers) == (limits == "on")
    assert ("RATE_LIMITS is off" in caplog.text) == (limits == "off")


def test_a_school_behind_one_address_registers_and_logs_in(settings: AuthSettings) -> None:
    pupils = [f"pupil{number}@school.example" for number in range(400)]
    with entrance(settings) as auth:
        assert {auth.register(HOME, pupil).status_code for pupil in pupils} == {201}
        mistyped = {auth.log_in(HOME, WRONG, pupil).status_code for pupil in pupils[:80]}
        logged_in = {auth.log_in(HOME, email=pupil).status_code for pupil in pupils}
    assert (mistyped, logged_in) == ({401}, {200})
