"""What a rate limit says, and how it is told (draft-ietf-httpapi-ratelimit-headers).

A window slides as Redis's and this process's counters both see it: time is cut into slots of one window each, and what
was counted in the slot before weighs less the more of the present one has passed. Two numbers a key, whatever the
quota.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from shared.errors import RateLimited

POLICY_FIELD = "RateLimit-Policy"
STATE_FIELD = "RateLimit"


@dataclass(frozen=True, slots=True)
class Policy:
    """At most ``quota`` requests in any ``window_seconds``; ``name`` is what clients read."""

    name: str
    quota: int
    window_seconds: int

    @property
    def told(self) -> str:
        """The policy as a member of the field RateLimit-Policy."""
        return f'"{self.name}";q={self.quota};w={self.window_seconds}'


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a key stands with a policy.

    ``seconds``: until the slot ends, of which the ``remaining`` requests are left; when it is refused, until one is
    taken again.
    """

    policy: Policy
    remaining: int
    seconds: int
    is_refused: bool = False

    @property
    def told(self) -> str:
        """The standing as a member of the field RateLimit."""
        return f'"{self.policy.name}";r={self.remaining};t={self.seconds}'


def weight(policy: Policy, previous: int, current: int, seconds_left: float) -> int:
    """Return what counts at a moment ``seconds_left`` before the end of a slot."""
    return current + floor(previous * seconds_left / policy.window_seconds)


def seconds_to_wait(policy: Policy, previous: int, current: int, seconds_left: float) -> int:
    """Return after how many whole seconds a request is taken again, when none is now. Never 0."""
    window, room = policy.window_seconds, policy.quota - current
    if room > 0:  # in this slot, as what was counted in the one before fades
        seconds = seconds_left - room * window / previous
    else:  # in the next one, in which this one fades
        seconds = seconds_left + window - policy.quota * window / current
    return floor(seconds) + 1


def standing(policy: Policy, previous: int, current: int, seconds_left: float) -> Standing:
    """Return where a key with these counts stands before its next request."""
    remaining = policy.quota - weight(policy, previous, current, seconds_left)
    if remaining <= 0:
        return Standing(policy, 0, seconds_to_wait(policy, previous, current, seconds_left), is_refused=True)
    return Standing(policy, remaining, floor(seconds_left) + 1)


def rate_headers(*standings: Standing) -> dict[str, str]:
    """Return the two header fields that tell of ``standings``; none for none."""
    if not standings:
        return {}
    policies: Sequence[str] = [standing.policy.told for standing in standings]
    return {POLICY_FIELD: ", ".join(policies), STATE_FIELD: ", ".join(standing.told for standing in standings)}


def refusal(*standings: Standing) -> RateLimited:
    """Return the problem of who is refused by one of ``standings`` or more."""
    seconds = max(standing.seconds for standing in standings if standing.is_refused)
    return RateLimited(seconds, rate_headers(*standings))
