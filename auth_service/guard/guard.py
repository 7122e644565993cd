"""Who may go on, and who is told to wait."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil

from auth_service.domain.mailboxes import email_key
from auth_service.guard.actions import LOGIN, Action
from auth_service.guard.counts import Counts
from auth_service.guard.delays import Attempt
from shared.errors import RateLimited
from shared.rate_limits.policies import Policy, Standing, rate_headers, refusal

DELAY = "login-delay"


@dataclass(frozen=True, slots=True)
class Guard:
    """Counts requests, and refuses those that are too many. An account is a mailbox, whether somebody has it or not."""

    actions: Mapping[str, Action]
    counts: Counts | None  # None: everybody may go on

    async def from_address(self, action: str, address: str) -> dict[str, str]:
        """Count an action by the address it comes from; return the header fields that tell of it.

        Raises RateLimited.
        """
        if self.counts is None:
            return {}
        return rate_headers(_taken(await self.counts.take(self.actions[action].by_address, address)))

    async def about(self, action: str, account: str) -> None:
        """Count an action by the account it is about, other than a login. Raises RateLimited.

        ``account`` is its e-mail address, or whatever else names it, as long as it is the same for all spellings.
        What is left is told to nobody: it would show strangers what others do with an account.
        """
        if self.counts is not None:
            _taken(await self.counts.take(self.actions[action].by_account, email_key(account)))

    async def begin_login(self, address: str, email: str) -> Attempt:
        """Count a login before its password is checked, which must be done also when it must wait.

        Else the time of the answer would tell what the answer does not.
        """
        account = email_key(email)
        if self.counts is None:
            return Attempt(address, account)
        attempt = await self.counts.begin(address, account)
        if attempt.is_delayed or attempt.is_known:
            return attempt
        standing = await self.counts.look(self.actions[LOGIN].by_account, account)
        if not standing.is_refused:
            return attempt
        await self.counts.give_back(attempt)
        return replace(attempt, is_counted=False, wait_seconds=standing.seconds)

    async def failed(self, attempt: Attempt) -> None:
        """Count a login whose password was wrong by its account; a right one must leave no trace there.

        Else a stranger, who is refused that much earlier, could tell an account that somebody uses.
        """
        if self.counts is not None and not attempt.is_delayed:
            await self.counts.take(self.actions[LOGIN].by_account, attempt.account)

    async def succeeded(self, attempt: Attempt) -> None:
        """Remember a login whose password was right."""
        if self.counts is not None:
            await self.counts.succeeded(attempt)

    async def give_back(self, attempt: Attempt) -> None:
        """Undo the count of a login whose password could not be checked."""
        if self.counts is not None:
            await self.counts.give_back(attempt)


def told_to_wait(attempt: Attempt) -> RateLimited:
    """Return the problem of a login that must wait."""
    seconds = ceil(attempt.wait_seconds)
    return refusal(Standing(Policy(DELAY, 1, seconds), 0, seconds, is_refused=True))


def _taken(standing: Standing) -> Standing:
    if standing.is_refused:
        raise refusal(standing)
    return standing
