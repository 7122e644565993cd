"""What clients do with what they have got: keep it, give it back, want it otherwise; chosen by a seed."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from booking_service.domain.models import (
    CANCEL_BOOKING,
    CONFIRM_HOLD,
    CONFIRMED,
    HELD,
    PENDING,
    REJECTED,
    SET_SEATS,
    WAITLISTED,
)
from tests.faults.campaign.history import Asked
from tests.faults.campaign.offers import Terms

SEATS_MAX = 4
SOON_SECONDS = (0.0, 2.0)
LATER_SECONDS = (2.0, 40.0)
LATER_SHARE = 0.1
# A confirmation that comes when the hold ends, give or take.
AT_THE_END_SECONDS = 0.4


class Whim(NamedTuple):
    """An act to come. Those that are chosen together are asked for at the same time."""

    kind: str
    argument: int | None = None


class Whims(NamedTuple):
    """What comes next, and after how many seconds; then the client looks again."""

    after_seconds: float
    acts: Sequence[Whim]


NOTHING = Whims(0, ())
CANCEL, CONFIRM = Whim(CANCEL_BOOKING, 0), Whim(CONFIRM_HOLD)  # 0: by who booked, not by an admin


class Minded(Protocol):
    """Chooses what comes when a booking was seen in a state."""

    def after(self, state: str | None, asked: Asked, terms: Terms) -> Whims:
        """Choose."""


@dataclass(frozen=True)
class Resolute:
    """Does in each state always the same, with one in ``every`` so many bookings."""

    acts: Mapping[str, Whims]
    every: int = 1

    def after(self, state: str | None, asked: Asked, terms: Terms) -> Whims:  # noqa: ARG002  whatever the event is
        """Look up what comes next."""
        return NOTHING if asked.number % self.every else self.acts.get(state or "", NOTHING)


@dataclass(frozen=True)
class Temper:
    """How restless clients are: ``share`` of those who have seats change that, each in its way."""

    rng: random.Random
    share: float

    def after(self, state: str | None, asked: Asked, terms: Terms) -> Whims:
        """Choose what comes when the booking was seen in ``state``."""
        roll = self.rng.random()
        if state == HELD:
            return self._held(roll, terms.hold_seconds or 0)
        choose = {PENDING: self._pending, CONFIRMED: self._confirmed, WAITLISTED: self._waiting}.get(state or "")
        if choose is not None:
            acts = choose(roll, asked)
            return Whims(self._soon_or_later(), acts) if acts or state == WAITLISTED else NOTHING
        # It is over, and some cannot believe it.
        return Whims(0, [CANCEL]) if state == REJECTED and roll < 0.02 else NOTHING

    def _held(self, roll: float, hold_seconds: float) -> Whims:
        if roll < 0.6:
            return Whims(self.rng.uniform(0, 0.7 * hold_seconds), [CONFIRM])
        if roll < 0.72:
            return Whims(hold_seconds + self.rng.uniform(-AT_THE_END_SECONDS, AT_THE_END_SECONDS), [CONFIRM])
        if roll < 0.77:
            return Whims(self.rng.uniform(0, hold_seconds), [CONFIRM, CANCEL])
        if roll < 0.9:
            return Whims(self.rng.uniform(0, hold_seconds), [CANCEL])
        return Whims(hold_seconds + 1, ())  # it expires

    def _pending(self, roll: float, asked: Asked) -> Sequence[Whim]:
        if roll < 0.1 * self.share:
            return [CANCEL]
        return [self._other_seats(asked)] if roll < 0.15 * self.share else []

    def _confirmed(self, roll: float, asked: Asked) -> Sequence[Whim]:
        roll /= self.share
        if roll < 0.55:
            return [CANCEL]
        if roll < 0.85:
            return [self._other_seats(asked)]
        if roll < 0.93:
            return [CANCEL, CANCEL]
        if roll < 1:
            return [CANCEL, self._other_seats(asked)]
        return []

    def _waiting(self, roll: float, asked: Asked) -> Sequence[Whim]:
        if roll < 0.5 * self.share:
            return [CANCEL]
        return [self._other_seats(asked)] if roll < 0.8 * self.share else []

    def _other_seats(self, asked: Asked) -> Whim:
        others = [seats for seats in range(1, SEATS_MAX + 2) if seats != asked.seats]
        return Whim(SET_SEATS, self.rng.choice(others))

    def _soon_or_later(self) -> float:
        return self.rng.uniform(*(LATER_SECONDS if self.rng.random() < LATER_SHARE else SOON_SECONDS))
