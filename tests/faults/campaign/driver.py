"""Careful clients: they keep a key for each booking, wait as they are told, and ask again until they know."""

import asyncio
import random
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field

import uvloop

from booking_service.domain.models import PENDING
from tests.faults.campaign import wire
from tests.faults.campaign.asking import ACCEPTED, REFUSED, SHOWN, UNKNOWN, Asking
from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.history import BOOK, NO_BOOKING, POLL, Act, Asked, History
from tests.faults.campaign.http_client import HttpClient
from tests.faults.campaign.whims import NOTHING, Minded

# The longest chain of the service's own bounds is near 40 s (a flight of the intake behind another, each with a
# repeat after DATABASE_READ_TIMEOUT_SECONDS): what takes longer hangs.
ANSWER_SECONDS_MAX = 60
TICK_SECONDS = 0.02
CATCH_UP = 2  # after an outage bookings come at most so many times as fast
PREFER_SHARE = 0.3
REPEAT_SHARE = 0.03  # asks again although it has its answer, with the same key
PAUSE_SECONDS_MAX = 16
MOVING = (PENDING, "cancelling")  # states that do not last
ROUNDS_MAX = 3  # so often a client thinks again about one booking


@dataclass
class Driver:
    """Books at ``rate_per_second`` until told to stop, then until each client knows.

    ``temper`` says what clients do with their bookings, ``organized_per_second`` how often events are changed. Who
    ``insists`` asks again for a change that was accepted, until it is done; which wakes the lane again, too.
    """

    crowd: Crowd
    ports: list[int]
    rng: random.Random
    rate_per_second: float
    asking_max: int = 250  # bookings without an answer at a time
    open_max: int = 8_000  # accepted bookings that their clients still follow
    answer_seconds_max: float = ANSWER_SECONDS_MAX
    prefer_share: float = PREFER_SHARE
    repeat_share: float = REPEAT_SHARE
    temper: Minded | None = None
    organized_per_second: float = 0.0
    insists: bool = True
    history: History = field(default_factory=History)
    retries: int = 0
    accepted: int = 0
    lag_seconds_max: float = 0.0  # of the clients' own loop: what they call late is no later than that too late
    _in_flight: int = 0
    _open: int = 0

    def __post_init__(self) -> None:
        self._clients = [HttpClient(port) for port in self.ports]
        self._asking = Asking(self._clients, self.rng, self.answer_seconds_max, self.history)
        self._stopping = asyncio.Event()

    @property
    def requests(self) -> int:
        """How many were sent."""
        return self._asking.requests

    def run(self, bookings_max: int | None = None) -> None:
        """Book on an event loop of this thread until `stop`, or until ``bookings_max`` more were asked for."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            self._loop = runner.get_loop()
            runner.run(self._run(bookings_max))

    def stop(self) -> None:
        """Ask for no more; from any thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)

    def give_up(self) -> None:
        """Stop waiting for answers; what has none stays unresolved. From any thread."""
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])

    async def _run(self, bookings_max: int | None) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        due, organized, before = 0.0, 0.0, time.monotonic()
        last = None if bookings_max is None else self.crowd.asked + bookings_max
        while not self._stopping.is_set() and (last is None or self.crowd.asked < last):
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            self.lag_seconds_max = max(self.lag_seconds_max, now - before - TICK_SECONDS)
            due += (now - before) * self.rate_per_second
            organized += (now - before) * self.organized_per_second
            before = now
            burst = min(due, CATCH_UP * self.rate_per_second * TICK_SECONDS + 1)
            for _ in range(int(burst)):
                if self._in_flight >= self.asking_max or self._open >= self.open_max:
                    break
                due -= 1
                self._start(self._follow(self.crowd.next()))
            if organized >= 1:
                organized = 0
                if act := self.crowd.organize():
                    self._start(self._act(act, NO_BOOKING))
        self._stopping.set()
        while self._tasks:
            await asyncio.wait(self._tasks)
        for client in self._clients:
            client.close()

    def _start(self, following: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(following)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, asked: Asked) -> None:
        self.history.asked.append(asked)
        self.history.unresolved.add(asked.number)
        request = wire.book(asked, self.crowd.token(asked.user))
        self._in_flight += 1
        try:
            booking_id = await self._book(asked, request)
        finally:
            self._in_flight -= 1
        if booking_id is not None:
            self.accepted += 1
            self._open += 1
            try:
                await self._live_with(asked, booking_id)
            finally:
                self._open -= 1
            if asked.key is not None and self.rng.random() < self.repeat_share:
                await self._asking.ask(request, BOOK, asked.number)
        self.history.unresolved.discard(asked.number)

    async def _book(self, asked: Asked, request: bytes) -> str | None:
        pause = 0.1
        while True:
            answer, retry_after = await self._asking.ask(request, BOOK, asked.number, fresh=asked.key is None)
            if answer.status == ACCEPTED:
                return answer.booking_id
            if answer.status not in UNKNOWN:
                if answer.status == REFUSED:
                    self.crowd.refused(asked.event_id)
                return None
            if asked.key is None:
                return None  # it may be stored or not: without a key one does not ask twice
            pause = await self._pause_before_repeat(pause, retry_after)

    async def _live_with(self, asked: Asked, booking_id: str) -> None:
        """Do with a booking what comes to mind, from its acceptance on, and look what became of it."""
        state: str | None = PENDING
        terms = self.crowd.terms(asked.event_id)
        for _ in range(ROUNDS_MAX):
            whims = NOTHING if self.temper is None else self.temper.after(state, asked, terms)
            if whims == NOTHING and state not in MOVING:
                return
            await self._sleep(whims.after_seconds)
            acts = [self.crowd.act(asked, booking_id, whim) for whim in whims.acts]
            await asyncio.gather(*(self._act(act, asked.number) for act in acts))
            state = await self._poll(asked, booking_id)

    async def _poll(self, asked: Asked, booking_id: str) -> str | None:
        token = self.crowd.token(asked.user)
        prefers = self.rng.random() < self.prefer_share  # the first time; then they ask as often as they are told
        pause = 0.0 if prefers else self.rng.uniform(0.05, 0.3)
        while True:
            await asyncio.sleep(pause)
            request = wire.show(booking_id, token, prefers=prefers)
            answer, retry_after = await self._asking.ask(request, POLL, asked.number)
            prefers = False
            if answer.status == SHOWN and answer.state not in MOVING:
                return answer.state
            if answer.status not in {SHOWN, *UNKNOWN}:
                return None  # a booking that was accepted, and now is not shown: the checker will say so
            pause = min(max(pause * 2, float(retry_after or 1)), PAUSE_SECONDS_MAX) * self.rng.uniform(1, 1.2)

    async def _act(self, act: Act, number: int) -> None:
        """Have something changed: ask until it is done or refused, or accepted."""
        self.history.acts.append(act)
        self.history.unresolved_acts.add(act.number)
        wait_seconds = wire.WAIT_SECONDS if self.rng.random() < self.prefer_share else None
        request = wire.change(act, self.crowd.token(act.user), wait_seconds=wait_seconds)
        pause = 0.1
        while True:
            answer, retry_after = await self._asking.ask(request, act.kind, number, act=act.number)
            if answer.status not in {ACCEPTED, *UNKNOWN} or (answer.status == ACCEPTED and not self.insists):
                break
            pause = await self._pause_before_repeat(pause, retry_after)
        self.history.unresolved_acts.discard(act.number)

    async def _pause_before_repeat(self, pause: float, retry_after: int | None) -> float:
        self.retries += 1
        pause = min(pause * 2, PAUSE_SECONDS_MAX)
        await asyncio.sleep((retry_after or 0) + self.rng.uniform(0, pause))
        return pause

    async def _sleep(self, seconds: float) -> None:
        """Take one's time, but not once the campaign ends."""
        if self._stopping.is_set() or seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
