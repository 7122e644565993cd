"""The fast path: the two requests that come in crowds, answered without FastAPI's resolution of dependencies.

FastAPI takes longer to find out what a booking request asks for than the rest of this service takes to store it. So a
request to book or to poll that is wholly ordinary is recognised here, before the router: its path and query match a
plain pattern, and it has one Authorization header whose token was verified before. It is answered by the same calls to
the box office and in the same words (`answers.py`) as on the ordinary route. Anything else, valid or
not, goes on to the ordinary route, which alone decides what is wrong with it; so the rules of validation stand in one
place, and OpenAPI describes them. `tests/service/booking/test_fast_path.py` sends the same requests down both.
"""

import re
from uuid import UUID

from starlette.types import ASGIApp, Receive, Scope, Send

from booking_service.api.answers import RawHeaders, accepted, shown
from booking_service.api.headers import parse_wait_seconds
from booking_service.process import Process
from shared.errors import Forbidden, Problem
from shared.http.idempotency import parse_idempotency_key
from shared.http.problems import answer_problem
from shared.identity.permissions import BOOK
from shared.identity.tokens import Principal

# At most 18 digits, so that no number is out of bounds; a leading zero is not ordinary.
BOOK_PATH = re.compile(r"/events/([1-9][0-9]{0,17})/book")
SEATS = re.compile(rb"seats=([1-9][0-9]{0,8})")
POLL_PATH = re.compile(r"/bookings/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")

Answer = tuple[int, RawHeaders, bytes]


class FastPath:
    """Answers ordinary requests to book and to poll; hands on all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            answer = await _answer(scope)
        except Problem as problem:
            await answer_problem(problem)(scope, receive, send)
            return
        if answer is None:
            await self._app(scope, receive, send)
            return
        status, headers, body = answer
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def _answer(scope: Scope) -> Answer | None:
    """Answer an ordinary request; None for any other."""
    path: str = scope["path"]
    if scope["method"] == "POST" and (booking := BOOK_PATH.fullmatch(path)):
        return await _book(scope, _process(scope), int(booking[1]))
    if scope["method"] == "GET" and (poll := POLL_PATH.fullmatch(path)):
        return await _poll(scope, _process(scope), UUID(poll[1]))
    return None


def _process(scope: Scope) -> Process:
    # As an item. As an attribute, Python looks for it among the methods first, and makes an AttributeError of that.
    process: Process = scope["app"].state["process"]
    return process


async def _book(scope: Scope, process: Process, event_id: int) -> Answer | None:
    seats, headers = SEATS.fullmatch(scope["query_string"]), _Headers(scope, process)
    user = headers.principal
    if seats is None or user is None or headers.has_body or len(headers.idempotency_keys) > 1:
        return None
    if BOOK not in user.permissions:  # before the key is looked at, as on the ordinary route
        raise Forbidden
    paced = process.pace.admit(user.uid) if process.pace is not None else ()
    key = parse_idempotency_key(headers.idempotency_keys[0] if headers.idempotency_keys else None)
    return accepted(await process.sales.book(user, event_id, int(seats[1]), key), paced)


async def _poll(scope: Scope, process: Process, booking_id: UUID) -> Answer | None:
    headers = _Headers(scope, process)
    if headers.principal is None or headers.has_body:
        return None
    wait_seconds = parse_wait_seconds(headers.preferences, process.settings.wait_seconds_max)
    return shown(await process.watch.show(headers.principal, booking_id, wait_seconds or 0), wait_seconds)


class _Headers:
    """What the fast path wants of the headers, found in one pass."""

    __slots__ = ("has_body", "idempotency_keys", "preferences", "principal")

    def __init__(self, scope: Scope, process: Process) -> None:
        self.has_body = False
        self.idempotency_keys: list[str] = []
        self.preferences: list[str] = []
        authorizations: list[str] = []
        for name, value in scope["headers"]:
            if name == b"authorization":
                authorizations.append(value.decode("latin-1"))
            elif name == b"idempotency-key":
                self.idempotency_keys.append(value.decode("latin-1"))
            elif name == b"prefer":
                self.preferences.append(value.decode("latin-1"))
            elif name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
                self.has_body = True
        self.principal: Principal | None = process.authenticator.remembered(authorizations)
