"""What the clients want: users with tokens, events of every size, and bookings chosen by a seed."""

import random
import time
from dataclasses import dataclass, field

from booking_service.domain.catalogue import EventState
from tests.faults.campaign.history import Asked
from tests.faults.campaign.tokens import signer

USERS = 40
KEYLESS_SHARE = 0.03
KEYLESS_USERS_FROM = 1_000_000
SMALL_SHARE = 0.4
SEATS_MAX = 4
# A small event is left alone after so many refusals at the door.
REFUSALS_MAX = 5


@dataclass
class Crowd:
    """Decides what is asked next. Big events never sell out; small ones do, one after the other."""

    rng: random.Random
    big: list[EventState]
    small: list[EventState]
    on_sale: int = 8  # small events at a time
    keyless_share: float = KEYLESS_SHARE
    asked: int = 0
    _refusals: dict[int, int] = field(default_factory=dict)
    _tokens: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._signer = signer()

    def next(self) -> Asked:
        """Choose a booking."""
        number, self.asked = self.asked, self.asked + 1
        event = self._event()
        seats = self.rng.randint(1, SEATS_MAX)
        if self.rng.random() < self.keyless_share:
            return Asked(number, KEYLESS_USERS_FROM + number, None, event.id, seats, time.time())
        return Asked(number, 1 + number % USERS, f"k{number}", event.id, seats, time.time())

    def refused(self, event_id: int) -> None:
        """Hear that an event is sold out."""
        self._refusals[event_id] = self._refusals.get(event_id, 0) + 1
        if self._refusals[event_id] == REFUSALS_MAX:
            self.small = [event for event in self.small if event.id != event_id]

    def token(self, user: int) -> str:
        """Return the token of ``user``; those who ask once are not remembered."""
        if user in self._tokens:
            return self._tokens[user]
        token = self._signer.sign(user, f"user{user}@example.com", "user")
        if user < KEYLESS_USERS_FROM:
            self._tokens[user] = token
        return token

    def _event(self) -> EventState:
        if self.small and self.rng.random() < SMALL_SHARE:
            return self.rng.choice(self.small[: self.on_sale])
        return self.rng.choice(self.big)
