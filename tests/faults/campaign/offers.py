"""The events of a campaign: how many seats, by which rules."""

import random
from typing import NamedTuple

from booking_service.domain.models import FIT, OFF, STRICT

BIG_SEATS = 10**7
SMALL_SEATS = (20, 400)
# Of the small ones so many are plain; the others have rules, each by chance.
PLAIN_SHARE = 0.4
HOLD_SECONDS = (4, 15)
# Never more than have their turn in one batch (`seats/queues.py`): so it can be told who is next.
WAITING_MAX = (5, 40)
USER_SEATS = (6, 20)
# A big event's limit is reached after some minutes, and then again and again, as its users give seats back.
BIG_USER_SEATS = 60
CANCEL_UNTIL_SECONDS = (60, 600)


class Terms(NamedTuple):
    """The rules of an event; the campaign's own names for some of the columns of `events` and `stock`."""

    seats_per_user_max: int | None = None
    hold_seconds: int | None = None
    waitlist: str = OFF
    waiting_max: int = 0
    cancel_seconds: float | None = None  # for so long from its creation what is confirmed can be cancelled


PLAIN = Terms()


class Offer(NamedTuple):
    """An event that clients may book."""

    id: int
    lane: int
    capacity: int
    terms: Terms = PLAIN


def big_terms(number: int) -> Terms:
    """Return the rules of the big event with this ``number``: one in four has holds or a limit."""
    return {1: Terms(hold_seconds=8), 5: Terms(seats_per_user_max=BIG_USER_SEATS)}.get(number % 8, PLAIN)


def small_terms(rng: random.Random) -> Terms:
    """Choose rules for a small event."""
    if rng.random() < PLAIN_SHARE:
        return PLAIN
    waitlist = rng.choice([OFF, STRICT, STRICT, FIT, FIT])
    return Terms(
        seats_per_user_max=rng.randint(*USER_SEATS) if rng.random() < 0.3 else None,
        hold_seconds=rng.randint(*HOLD_SECONDS) if rng.random() < 0.4 else None,
        waitlist=waitlist,
        waiting_max=0 if waitlist == OFF else rng.randint(*WAITING_MAX),
        cancel_seconds=rng.uniform(*CANCEL_UNTIL_SECONDS) if rng.random() < 0.2 else None,
    )
