"""What the clients want: users with tokens, events of every size, and bookings chosen by a seed."""

import random
import time
from dataclasses import dataclass, field
from itertools import count

from booking_service.domain.models import (
    CANCEL_EVENT,
    CONFIRM_HOLD,
    OFF,
    RESUME_WAITLIST,
    SET_CAPACITY,
    SUSPEND_WAITLIST,
)
from tests.faults.campaign.history import Act, Asked
from tests.faults.campaign.offers import PLAIN, Offer, Terms
from tests.faults.campaign.tokens import signer
from tests.faults.campaign.whims import SEATS_MAX, Whim

USERS = 40
KEYLESS_SHARE = 0.03
KEYLESS_USERS_FROM = 1_000_000
# Who confirms what is held, and changes events.
ADMIN = 999_999
SMALL_SHARE = 0.4
# A small event is left alone after so many refusals at the door.
REFUSALS_MAX = 5
SEATS_MIN_SHARE = 0.2  # of those who may have to wait
KEYLESS_ACTS_SHARE = 0.2
# What organizers do, each so often.
ORGANIZED = {SET_CAPACITY: 70, SUSPEND_WAITLIST: 8, RESUME_WAITLIST: 18, CANCEL_EVENT: 4}
BIG_CANCELLED_SHARE = 0.1
BIG_LEFT_MIN = 8
CAPACITY_SHARES = (0.7, 1.4)


@dataclass
class Crowd:
    """Decides what is asked next. Big events never sell out; small ones do, one after the other."""

    rng: random.Random
    big: list[Offer]
    small: list[Offer]
    on_sale: int = 8  # small events at a time
    keyless_share: float = KEYLESS_SHARE
    users: int = USERS
    asked: int = 0
    _refusals: dict[int, int] = field(default_factory=dict)
    _tokens: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._signer = signer()
        self._acts = count()
        self._offers = {offer.id: offer for offer in (*self.big, *self.small)}
        self._left = list(self.small)  # sold out, and so of interest to organizers alone

    def next(self) -> Asked:
        """Choose a booking."""
        number, self.asked = self.asked, self.asked + 1
        offer = self._offer()
        seats = self.rng.randint(1, SEATS_MAX)
        least = None
        if offer.terms.waitlist != OFF and self.rng.random() < SEATS_MIN_SHARE:
            least = self.rng.randint(1, seats)
        if self.rng.random() < self.keyless_share:
            return Asked(number, KEYLESS_USERS_FROM + number, None, offer.id, seats, time.time(), least)
        return Asked(number, 1 + number % self.users, f"k{number}", offer.id, seats, time.time(), least)

    def act(self, asked: Asked, booking_id: str, whim: Whim) -> Act:
        """Make an act of what a client wants with its booking; what is held an admin confirms."""
        user = ADMIN if whim.kind == CONFIRM_HOLD else asked.user
        return self._act(whim.kind, user, asked.event_id, booking_id, whim.argument)

    def organize(self) -> Act | None:
        """Choose what an organizer does; None when there is no event for that."""
        kind = self.rng.choices(list(ORGANIZED), list(ORGANIZED.values()))[0]
        if kind == CANCEL_EVENT:
            return self._call_off()
        offers = [*self.small[: self.on_sale], *self.rng.sample(self._left, min(2, len(self._left)))]
        if kind != SET_CAPACITY:
            offers = [offer for offer in offers if offer.terms.waitlist != OFF]
        if not offers:
            return None
        offer = self.rng.choice(offers)
        capacity = round(offer.capacity * self.rng.uniform(*CAPACITY_SHARES)) if kind == SET_CAPACITY else None
        return self._act(kind, ADMIN, offer.id, None, capacity)

    def terms(self, event_id: int) -> Terms:
        """Return the rules of an event."""
        offer = self._offers.get(event_id)
        return PLAIN if offer is None else offer.terms

    def refused(self, event_id: int) -> None:
        """Hear that an event is sold out."""
        self._refusals[event_id] = self._refusals.get(event_id, 0) + 1
        if self._refusals[event_id] == REFUSALS_MAX:
            self.small = [offer for offer in self.small if offer.id != event_id]

    def token(self, user: int) -> str:
        """Return the token of ``user``; those who ask once are not remembered."""
        if user in self._tokens:
            return self._tokens[user]
        token = self._signer.sign(user, f"user{user}@example.com", "admin" if user == ADMIN else "user")
        if user < KEYLESS_USERS_FROM:
            self._tokens[user] = token
        return token

    def _offer(self) -> Offer:
        if self.small and self.rng.random() < SMALL_SHARE:
            return self.rng.choice(self.small[: self.on_sale])
        return self.rng.choice(self.big)

    def _call_off(self) -> Act | None:
        is_big = len(self.big) > BIG_LEFT_MIN and self.rng.random() < BIG_CANCELLED_SHARE
        offers = self.big if is_big else self.small[: self.on_sale]
        if not offers:
            return None
        offer = self.rng.choice(offers)
        # People go on booking a small one until they are refused.
        self.big = [other for other in self.big if other != offer]
        return self._act(CANCEL_EVENT, ADMIN, offer.id, None, None)

    def _act(self, kind: str, user: int, event_id: int, booking_id: str | None, argument: int | None) -> Act:
        number = next(self._acts)
        key = None if self.rng.random() < KEYLESS_ACTS_SHARE else f"a{number}"
        return Act(number, kind, user, key, event_id, booking_id, argument, time.time())
