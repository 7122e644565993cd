"""Sending one request, and noting how it ended."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.faults.campaign.history import LATE, LOST, Answer, History
from tests.faults.campaign.http_client import HttpClient

SHOWN, ACCEPTED, REFUSED, UNAVAILABLE = 200, 202, 409, 503
UNKNOWN = (LOST, LATE, UNAVAILABLE)


@dataclass
class Asking:
    """Asks any of the API processes. ``answer_seconds_max``: what takes longer is late."""

    clients: Sequence[HttpClient]
    rng: random.Random
    answer_seconds_max: float
    history: History = field(default_factory=History)
    requests: int = 0

    async def ask(
        self, request: bytes, kind: str, number: int, *, act: int | None = None, fresh: bool = False
    ) -> tuple[Answer, int | None]:
        """Send ``request`` about the booking with this ``number``; return the answer and its `Retry-After`."""
        self.requests += 1
        client = self.rng.choice(self.clients)
        began = time.time()
        status, retry_after, body = LOST, None, {}
        try:
            async with asyncio.timeout(self.answer_seconds_max):
                response = await client.ask(request, fresh=fresh)
            status, retry_after = response.status, response.retry_after_seconds
            if status in {SHOWN, ACCEPTED, REFUSED}:
                body = json.loads(response.body)
        except TimeoutError:
            status = LATE
        except (OSError, EOFError):
            pass
        answer = Answer(number, kind, began, time.time(), status, act=act)
        if status == REFUSED:
            answer = answer._replace(problem=body["type"].rpartition(":")[2])
        elif "booking_id" in body:
            answer = answer._replace(booking_id=body["booking_id"], state=body["status"], seats=body["seats"])
        self.history.answers.append(answer)
        return answer, retry_after
