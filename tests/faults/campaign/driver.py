"""Careful clients: they keep a key for each booking, wait as they are told, and ask again until they know."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field

import uvloop

from tests.faults.campaign.crowd import Crowd
from tests.faults.campaign.history import BOOK, LATE, LOST, POLL, Answer, Asked, History
from tests.faults.campaign.http_client import HttpClient

# The longest chain of the service's own bounds is near 40 s (a flight of the intake behind another, each with a
# repeat after DATABASE_READ_TIMEOUT_SECONDS): what takes longer hangs.
ANSWER_SECONDS_MAX = 60
TICK_SECONDS = 0.02
CATCH_UP = 2  # after an outage bookings come at most so many times as fast
WAIT_SECONDS = 3  # of Prefer: wait
PREFER_SHARE = 0.3
REPEAT_SHARE = 0.03  # asks again although it has its answer, with the same key
PAUSE_SECONDS_MAX = 16
ACCEPTED, SHOWN, UNAVAILABLE = 202, 200, 503
PENDING = "pending"


@dataclass
class Driver:
    """Books at ``rate_per_second`` until told to stop, then until each client knows."""

    crowd: Crowd
    ports: list[int]
    rng: random.Random
    rate_per_second: float
    asking_max: int = 250  # bookings without an answer at a time
    open_max: int = 8_000  # accepted bookings whose decision is not known yet
    answer_seconds_max: float = ANSWER_SECONDS_MAX
    prefer_share: float = PREFER_SHARE
    repeat_share: float = REPEAT_SHARE
    history: History = field(default_factory=History)
    requests: int = 0
    retries: int = 0
    accepted: int = 0
    lag_seconds_max: float = 0.0  # of the clients' own loop: what they call late is no later than that too late
    _asking: int = 0
    _open: int = 0

    def __post_init__(self) -> None:
        self._clients = [HttpClient(port) for port in self.ports]
        self._stopping = asyncio.Event()

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
        due, before = 0.0, time.monotonic()
        last = None if bookings_max is None else self.crowd.asked + bookings_max
        while not self._stopping.is_set() and (last is None or self.crowd.asked < last):
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            self.lag_seconds_max = max(self.lag_seconds_max, now - before - TICK_SECONDS)
            due += (now - before) * self.rate_per_second
            before = now
            burst = min(due, CATCH_UP * self.rate_per_second * TICK_SECONDS + 1)
            for _ in range(int(burst)):
                if self._asking >= self.asking_max or self._open >= self.open_max:
                    break
                due -= 1
                task = asyncio.create_task(self._follow(self.crowd.next()))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        while self._tasks:
            await asyncio.wait(self._tasks)
        for client in self._clients:
            client.close()

    async def _follow(self, asked: Asked) -> None:
        self.history.asked.append(asked)
        self.history.unresolved.add(asked.number)
        head = _book(asked, self.crowd.token(asked.user))
        self._asking += 1
        try:
            booking_id = await self._book(asked, head)
        finally:
            self._asking -= 1
        if booking_id is not None:
            self.accepted += 1
            self._open += 1
            try:
                await self._poll(asked, booking_id)
            finally:
                self._open -= 1
            if asked.key is not None and self.rng.random() < self.repeat_share:
                await self._ask(asked, BOOK, head)
        self.history.unresolved.discard(asked.number)

    async def _book(self, asked: Asked, head: bytes) -> str | None:
        pause = 0.1
        while True:
            answer, retry_after = await self._ask(asked, BOOK, head)
            if answer.status == ACCEPTED:
                return answer.booking_id
            if answer.status not in {LOST, LATE, UNAVAILABLE}:
                if answer.status == 409:
                    self.crowd.refused(asked.event_id)
                return None
            if asked.key is None:
                return None  # it may be stored or not: without a key one does not ask twice
            self.retries += 1
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
            await asyncio.sleep((retry_after or 0) + self.rng.uniform(0, pause))

    async def _poll(self, asked: Asked, booking_id: str) -> None:
        token = self.crowd.token(asked.user)
        prefers = self.rng.random() < self.prefer_share  # the first time; then they ask as often as they are told
        pause = 0.0 if prefers else self.rng.uniform(0.05, 0.3)
        while True:
            await asyncio.sleep(pause)
            answer, retry_after = await self._ask(asked, POLL, _show(booking_id, token, prefers=prefers))
            prefers = False
            if answer.status == SHOWN and answer.state != PENDING:
                return
            if answer.status not in {SHOWN, LOST, LATE, UNAVAILABLE}:
                return  # a booking that was accepted, and now is not shown: the checker will say so
            pause = min(max(pause * 2, float(retry_after or 1)), PAUSE_SECONDS_MAX) * self.rng.uniform(1, 1.2)

    async def _ask(self, asked: Asked, kind: str, request: bytes) -> tuple[Answer, int | None]:
        self.requests += 1
        client = self.rng.choice(self._clients)
        began = time.time()
        status, booking_id, state, retry_after = LOST, None, None, None
        try:
            async with asyncio.timeout(self.answer_seconds_max):
                response = await client.ask(request, fresh=asked.key is None)
            status, retry_after = response.status, response.retry_after_seconds
            if status in {ACCEPTED, SHOWN}:
                body = json.loads(response.body)
                booking_id, state = body["booking_id"], body["status"]
        except TimeoutError:
            status = LATE
        except (OSError, EOFError):
            pass
        answer = Answer(asked.number, kind, began, time.time(), status, booking_id, state)
        self.history.answers.append(answer)
        return answer, retry_after


def _book(asked: Asked, token: str) -> bytes:
    key = "" if asked.key is None else f"Idempotency-Key: {asked.key}\r\n"
    return (
        f"POST /events/{asked.event_id}/book?seats={asked.seats} HTTP/1.1\r\nHost: campaign\r\n"
        f"Authorization: Bearer {token}\r\n{key}Content-Length: 0\r\n\r\n"
    ).encode()


def _show(booking_id: str, token: str, *, prefers: bool) -> bytes:
    prefer = f"Prefer: wait={WAIT_SECONDS}\r\n" if prefers else ""
    return (
        f"GET /bookings/{booking_id} HTTP/1.1\r\nHost: campaign\r\nAuthorization: Bearer {token}\r\n{prefer}\r\n"
    ).encode()
