"""Delivering what is due, one row after another. Between claim and outcome no transaction is open."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from sqlalchemy import Connection

from shared.database.units import Database
from shared.outbox import claims
from shared.outbox.claims import Claim
from shared.outbox.rows import Outbox, forget

TOO_LATE: Final = "too late: nobody could have used it any more"
TURN_SECONDS: Final = 10  # no delivery begins later in a turn
CHORES_SECONDS: Final = 600
# Of a pause, so that those who were refused together do not come back together.
JITTER: Final = (0.5, 1.5)

log = logging.getLogger(__name__)


class Later(Exception):  # noqa: N818  what is to be done, not what went wrong
    """The receiver cannot take it now; the text says why."""


class Refused(Exception):  # noqa: N818  what the receiver has done
    """The receiver will never take it; the text is its reply."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often something is tried, and how long the pauses between are: each twice as long as the one before."""

    attempts_max: int
    pause_seconds: float
    pause_seconds_max: float

    def pause(self, attempt: int) -> timedelta | None:
        """Return how long to wait after ``attempt`` (1 is the first), with jitter; None when it was the last one."""
        if attempt >= self.attempts_max:
            return None
        # The exponent is bounded too: a float has no room for 2 to the thousandth.
        seconds = min(self.pause_seconds * 2 ** min(attempt - 1, 60), self.pause_seconds_max)
        return timedelta(seconds=seconds * random.uniform(*JITTER))  # noqa: S311  not a secret


Chore = Callable[[Connection], object]


class Deliverer:
    """Delivers one outbox, and does ``chores`` now and then. Several may, in any number of processes."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        send: Callable[[Claim], None],
        retries: Retries,
        lease: timedelta,
        *chores: Chore,
    ) -> None:
        """Deliver with ``send``, which raises Later or Refused. Whoever calls `run` ends it before ``lease`` does.

        Chores can be done twice.
        """
        self._database = database
        self._outbox = outbox
        self._send = send
        self._retries = retries
        self._lease = lease
        self._chores: tuple[Chore, ...] = (partial(forget, outbox=outbox), *chores)
        self._chores_at = time.monotonic()

    def run(self) -> None:
        """Deliver until nothing is due, or TURN_SECONDS have passed. Raises Unavailable when the database is away."""
        end = time.monotonic() + TURN_SECONDS
        while time.monotonic() < end:
            claim = partial(claims.claim, outbox=self._outbox, lease=self._lease)
            # Not repeated when its commit is in doubt: what it has claimed is out of sight until the lease ends.
            claimed = self._database.write(claim, repeat_lost=False)
            if claimed is None:
                break
            self._deliver(claimed)
        self._do_chores()

    def _deliver(self, claimed: Claim) -> None:
        if claimed.is_late:
            self._fail(claimed, TOO_LATE)
            return
        try:
            self._send(claimed)
        except Later as error:
            self._postpone(claimed, str(error))
        except Refused as error:
            self._fail(claimed, str(error))
        except Exception as error:  # whatever it is, the other rows must not wait for its end
            log.exception("%s %s cannot be delivered", claimed.kind, claimed.id)
            self._postpone(claimed, f"{type(error).__name__}: {error}")
        else:
            self._database.write(partial(claims.deliver, outbox=self._outbox, claimed=claimed), repeat_lost=True)
            log.info("%s %s was delivered, at attempt %d", claimed.kind, claimed.id, claimed.attempt)

    def _postpone(self, claimed: Claim, reply: str) -> None:
        pause = self._retries.pause(claimed.attempt)
        if pause is None:
            self._fail(claimed, reply)
            return
        work = partial(claims.postpone, outbox=self._outbox, claimed=claimed, reply=reply, pause=pause)
        self._database.write(work, repeat_lost=True)
        log.warning("%s %s waits for %d s: %s", claimed.kind, claimed.id, pause.total_seconds(), reply)

    def _fail(self, claimed: Claim, reply: str) -> None:
        self._database.write(partial(claims.fail, outbox=self._outbox, claimed=claimed, reply=reply), repeat_lost=True)
        log.error("%s %s failed at attempt %d: %s", claimed.kind, claimed.id, claimed.attempt, reply)

    def _do_chores(self) -> None:
        if time.monotonic() < self._chores_at:
            return
        self._chores_at = time.monotonic() + CHORES_SECONDS
        for chore in self._chores:
            self._database.write(chore, repeat_lost=True)
