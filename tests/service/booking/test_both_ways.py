"""Whatever is asked, and by whomever: the fast path and the ordinary route answer the same, 401 and 403 before 422."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from httpx import Response
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jose import jwt

from tests.fixtures.both_ways import UNKNOWN, Both, both_ways
from tests.fixtures.box_office import SECRET, bearer

MAY_BOOK = {"user", "another", "writer", "stranger"}
MAY_READ = {"user", "another", "admin", "reader", "stranger"}
WITHOUT_TOKEN = {"forger", "nobody"}
CALLERS = sorted(MAY_BOOK | MAY_READ | WITHOUT_TOKEN | {"public", "reader of all"})

EVENTS = st.sampled_from(["{event}", "{event}", "{full}", "999999", "0", "01", "x", "%31", "+1", "9" * 18, "9" * 30])
QUERIES = st.sampled_from(
    [
        *("seats=1", "seats=2", "seats=100", "seats=101", "seats=999999999", "seats=9999999999", "seats=0", "seats=-1"),
        *("seats=01", "seats=%31", "seats=x", "seats=", "", "seats=1&seats=1", "seats=1&x=y", "seats=1&", "Seats=1"),
    ]
)
BOOKINGS = st.sampled_from(["{mine}", "{mine}?a=b&a=c", "{MINE}", "{others}", UNKNOWN, "x", "%00", "{mine}0"])
FIELDS = st.lists(
    st.sampled_from(
        [
            *(("Idempotency-Key", key) for key in ("k", "k,l", '"k,l"', '""', "x" * 256, "k2", " ")),
            *(("Prefer", value) for value in ("wait=0", "respond-async", "wait=x", 'x="', "wait=0, wait=9", "")),
            *(("Content-Type", value) for value in ("text/plain", "application/json")),
            *(("Content-Length", value) for value in ("0", "00")),
            ("Content-Encoding", "gzip"),
            ("X-Request-ID", "a"),
        ]
    ),
    max_size=4,
)
CONTENTS = st.sampled_from([None, None, None, b"", b"{}", b"\xff"])
EXAMPLES = settings(
    max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@dataclass(frozen=True)
class Asked:
    """A request, with places in its address that the scene fills in."""

    caller: str
    method: str
    address: str
    fields: list[tuple[str, str]]
    content: bytes | None = None


ASKED_TO_BOOK = st.builds(
    Asked,
    st.sampled_from(CALLERS),
    st.just("POST"),
    st.builds("/events/{}/book?{}".format, EVENTS, QUERIES),
    FIELDS,
    CONTENTS,
)
ASKED_TO_SHOW = st.builds(
    Asked,
    st.sampled_from(CALLERS),
    st.sampled_from(["GET", "HEAD"]),
    BOOKINGS.map("/bookings/{}".format),
    FIELDS,
    CONTENTS,
)


class Scene:
    """Both ways, those who ask, and what is there."""

    def __init__(self, both: Both) -> None:
        self._both = both
        self._callers = {
            "user": both.user,
            "another": bearer(both.settings, uid=2),
            "admin": both.admin,
            "public": bearer(both.settings, "public", uid=3),
            "writer": self._scoped("bookings:create"),
            "reader": self._scoped("bookings:read"),
            "reader of all": self._scoped("bookings:read:any"),
        }
        both.remember(*self._callers.values())
        # Whose tokens were not verified yet, at least the first time.
        self._callers |= {"stranger": bearer(both.settings, uid=4), "forger": {"Authorization": "Bearer x"}}
        self._callers["nobody"] = {}
        mine, others = self._book("user"), self._book("another")
        self.places = {"event": str(both.event), "full": str(both.full), "mine": mine, "others": others}
        self.places["MINE"] = mine.upper()

    def ask(self, asked: Asked) -> Response:
        headers = [*self._callers[asked.caller].items(), *asked.fields]
        return self._both.ask(asked.method, asked.address.format(**self.places), headers, asked.content)[0]

    def _book(self, caller: str) -> str:
        answer = self._both.fast.post(f"/events/{self._both.event}/book?seats=1", headers=self._callers[caller])
        booking = str(answer.json()["booking_id"])
        for client in (self._both.fast, self._both.ordinary):  # both know its place before there are others
            client.get(f"/bookings/{booking}", headers=self._both.admin)
        return booking

    def _scoped(self, scope: str) -> dict[str, str]:
        now = int(time.time())
        claims = {"iss": self._both.settings.token_issuer, "aud": self._both.settings.token_audience, "scope": scope}
        claims |= {"sub": "a@example.com", "jti": "1"}
        numbers = {"exp": now + 600, "iat": now, "uid": 1}
        text = jwt.encode({**claims, **numbers}, SECRET, algorithm="HS256", headers={"typ": "at+jwt"})
        return {"Authorization": f"Bearer {text}"}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with both_ways(tmp_path_factory.mktemp("both")) as both:
        yield Scene(both)


def first_refusal(caller: str, may: set[str]) -> int | None:
    if caller in WITHOUT_TOKEN:
        return 401
    return None if caller in may else 403


@EXAMPLES
@given(ASKED_TO_BOOK)
def test_whoever_asks_to_book_gets_the_same_answer_both_ways(scene: Scene, asked: Asked) -> None:
    status = scene.ask(asked).status_code
    refusal = first_refusal(asked.caller, MAY_BOOK)
    assert status == refusal if refusal else status in {202, 404, 409, 422}


@EXAMPLES
@given(ASKED_TO_SHOW)
def test_whoever_asks_for_a_booking_gets_the_same_answer_both_ways(scene: Scene, asked: Asked) -> None:
    status = scene.ask(asked).status_code
    refusal = first_refusal(asked.caller, MAY_READ)
    assert status == refusal if refusal else status in {200, 404}


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("seats=1", [("Idempotency-Key", "a,b")]),
        ("seats=1", [("Idempotency-Key", "a"), ("Idempotency-Key", "a")]),
        ("seats=1&seats=1", []),
        ("seats=101", []),
        ("seats=x", []),
        ("", []),
    ],
)
def test_who_may_not_book_hears_of_that_before_anything_else(
    scene: Scene, query: str, fields: list[tuple[str, str]]
) -> None:
    address = f"/events/{{event}}/book?{query}"
    heard = {caller: scene.ask(Asked(caller, "POST", address, fields)).status_code for caller in CALLERS}
    assert heard == {caller: first_refusal(caller, MAY_BOOK) or 422 for caller in CALLERS}


def test_who_may_not_read_bookings_sees_none_not_even_their_own(scene: Scene) -> None:
    for booking, good in (("{mine}", 200), (UNKNOWN, 404), ("x", 404)):
        for caller in ("user", "reader", "writer", "reader of all", "nobody"):
            answer = scene.ask(Asked(caller, "GET", f"/bookings/{booking}", []))
            assert answer.status_code == (first_refusal(caller, MAY_READ) or good)
