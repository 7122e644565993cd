"""Access tokens that are no longer good although they have not ended (`docs/decisions/0018-sessions.md`).

The auth service publishes what was revoked; each process remembers it until the last token that it is about has ended.
What is remembered only grows, apart from that: replicas of the auth service may tell of a revocation a little later
than others, and none is forgotten for that.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

log = logging.getLogger(__name__)

MARGIN: Final = timedelta(seconds=60)  # by which the clocks of two machines may differ, and a revocation is kept longer


@dataclass(frozen=True, slots=True)
class Revoked:
    """Some revocations, each with the moment, in seconds since 1970, until when it matters."""

    sessions: Mapping[str, int] = field(default_factory=dict)  # by their ids, as `sid` writes them
    # By the account's id: tokens with a lower version than this are revoked.
    accounts: Mapping[int, tuple[int, int]] = field(default_factory=dict)


class Revocations:
    """All that is revoked, as far as this process knows."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Know of none yet; ``clock`` gives seconds since 1970."""
        self._clock = clock
        # The verifier looks into these for each request, so they stand open, and are replaced and never changed.
        self.sessions: Mapping[str, int] = {}
        self.versions: Mapping[int, int] = {}  # of accounts: lower ones are revoked
        self._accounts: Mapping[int, tuple[int, int]] = {}
        self.document = b""
        self.etag = ""
        self.add(Revoked())

    def cover(self, uid: int, session_id: str, token_version: int) -> bool:
        """Tell whether a token that says this is revoked."""
        return session_id in self.sessions or self.versions.get(uid, 0) > token_version

    def add(self, revoked: Revoked) -> None:
        """Remember more, and forget what matters no longer."""
        now = self._clock()
        sessions = {name: until for name, until in {**self.sessions, **revoked.sessions}.items() if until > now}
        accounts = dict(self._accounts)
        for uid, (version, until) in revoked.accounts.items():
            accounts[uid] = max(accounts.get(uid, (version, until)), (version, until))
        accounts = {uid: entry for uid, entry in accounts.items() if entry[1] > now}
        if self.document and (sessions, accounts) == (self.sessions, self._accounts):
            return
        self.sessions, self._accounts = sessions, accounts
        self.versions = {uid: version for uid, (version, _) in accounts.items()}
        self.document = _written(sessions, accounts)
        self.etag = f'"{hashlib.sha256(self.document).hexdigest()[:32]}"'


def _written(sessions: Mapping[str, int], accounts: Mapping[int, tuple[int, int]]) -> bytes:
    entries = {str(uid): {"version": version, "until": until} for uid, (version, until) in sorted(accounts.items())}
    return json.dumps({"sessions": dict(sorted(sessions.items())), "accounts": entries}).encode()


def read_revoked(document: Any) -> Revoked:  # noqa: ANN401  whatever was published
    """Read what `Revocations.document` wrote. Raises ValueError, TypeError, KeyError or AttributeError otherwise."""
    sessions = {str(name): int(until) for name, until in document["sessions"].items()}
    accounts = {int(uid): (int(each["version"]), int(each["until"])) for uid, each in document["accounts"].items()}
    return Revoked(sessions, accounts)


class RevocationWatch:
    """Keeps what is known of revocations fresh, and tells how fresh it is."""

    def __init__(
        self,
        revocations: Revocations,
        ask: Callable[[], Awaitable[Revoked | None]],
        interval_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Add what ``ask`` tells (None: nothing new) every ``interval_seconds``; ``clock`` gives seconds."""
        self.revocations = revocations
        self._ask = ask
        self._interval_seconds = interval_seconds
        self._clock = clock
        self._heard_at = clock()
        self._is_heard = True

    @property
    def age_seconds(self) -> float:
        """How long ago somebody last told what is revoked, or the process began."""
        return self._clock() - self._heard_at

    async def refresh(self) -> None:
        """Ask now. When nobody answers, what is known goes on to count."""
        began_at = self._clock()
        try:
            revoked = await self._ask()
        except Exception as error:  # noqa: BLE001  whatever it is, nobody else would ever ask again
            if self._is_heard:
                log.warning("what is revoked cannot be had, going on with what is known: %r", error.__cause__ or error)
            self._is_heard = False
            return
        if revoked is not None:
            self.revocations.add(revoked)
        if not self._is_heard:
            log.info("what is revoked is known again")
        self._is_heard, self._heard_at = True, began_at

    async def keep_fresh(self) -> None:
        """Ask for ever; cancel it at the end."""
        while True:
            await self.refresh()
            await asyncio.sleep(self._interval_seconds)
