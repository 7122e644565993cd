"""The ledger over HTTP: pages that add up, for who may write events."""

from collections.abc import Iterator
from pathlib import Path
from struct import pack
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from booking_service.api.ledger import POSITION, LedgerLine, LedgerSum
from booking_service.domain.seats import settlement
from booking_service.settings import BookingSettings
from shared.database.units import Database
from shared.http.cursors import binding, encode_cursor
from tests.fixtures.box_office import EVENT, assert_problem, bearer, booking_settings, migrated_sqlite, running

PAGES_MAX = 50
ROOT = 1_000


class Books:
    """A booking service with an event of ten seats, of which some are sold."""

    def __init__(self, client: TestClient, settings: BookingSettings) -> None:
        self.client = client
        self.root, self.user = bearer(settings, "admin", ROOT), bearer(settings)
        self.other_admin = bearer(settings, "admin", ROOT + 1)
        self.event = int(client.post("/events", json=EVENT, headers=self.root).json()["event_id"])
        self.url = f"/events/{self.event}/ledger"
        for seats in (2, 3, 9, 1):
            client.post(f"/events/{self.event}/book?seats={seats}", headers=self.user)
        database = Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)
        settle = settlement.settle_batch
        database.write(lambda c: settle(c, [self.event % 16], batch_max=100), repeat_lost=True)
        database.close()

    def get(self, query: str = "", headers: dict[str, str] | None = None) -> Response:
        answer: Response = self.client.get(f"{self.url}{query}", headers=headers or self.root)
        return answer

    def cursor(self) -> str:
        link = self.get("?limit=1").links["next"]["url"]
        return parse_qs(urlsplit(link).query)["cursor"][0]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Books]:
    folder: Path = tmp_path_factory.mktemp("ledger")
    settings = booking_settings(migrated_sqlite(folder))
    with running(settings) as client:
        yield Books(client, settings)


def test_each_act_is_told_with_what_was_left_and_the_sum_agrees(books: Books) -> None:
    answer = books.get()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Link" not in answer.headers
    *lines, total = answer.json()
    assert [(line["what"], line["seats"], line["seats_left"], line["capacity"]) for line in lines] == [
        ("opened", 0, 10, 10),
        ("confirmed", 2, 8, 10),
        ("confirmed", 3, 5, 10),
        ("confirmed", 1, 4, 10),
    ]
    assert total == {"what": "sum", "seats_taken": 6, "capacity": 10, "available": 4, "agrees": True}
    mine = {b["booking_id"]: b for b in books.client.get("/bookings", headers=books.user).json()}
    for line in lines[1:]:
        assert line["seats"] == mine[line["booking_id"]]["seats"]
        assert line["at"] == mine[line["booking_id"]]["settled_at"]


def test_what_is_written_by_hand_is_what_the_schema_says(books: Books) -> None:
    *lines, total = books.get().json()
    for line in lines:
        assert LedgerLine.model_validate(line).model_dump(mode="json") == line
    assert LedgerSum.model_validate(total, strict=True).model_dump(mode="json") == total


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 10**15])
def test_pages_lead_through_the_whole_once(books: Books, limit: int) -> None:
    url, lines = f"?limit={limit}", []
    for _ in range(PAGES_MAX):
        page = books.get(url)
        lines += page.json()
        if "next" not in page.links:
            break
        url = f"?{urlsplit(page.links['next']['url']).query}"
        assert f"limit={limit}" in url
    assert lines == books.get().json()


def test_a_cursor_serves_who_got_it_for_this_event(books: Books) -> None:
    cursor = books.cursor()
    assert books.get(f"?cursor={cursor}").status_code == 200
    other = int(books.client.post("/events", json=EVENT, headers=books.root).json()["event_id"])
    for answer in (
        books.get(f"?cursor={cursor}", books.other_admin),
        books.client.get(f"/events/{other}/ledger?cursor={cursor}", headers=books.root),
        books.client.get(f"/bookings?cursor={cursor}", headers=books.root),
    ):
        assert_problem(answer, 422, "#/query/cursor")


def forged(books: Books, microseconds: int = 0, rank: int = 1, key: bytes = b"\xff" * 16) -> str:
    position = pack(POSITION.format, microseconds, rank, key, 2**31 - 1, -(2**63))
    return encode_cursor(position, binding("ledger", ROOT, books.event))


def test_a_cursor_that_somebody_made_breaks_nothing(books: Books) -> None:
    # It needs no secret: whoever makes one up lies to nobody else.
    assert books.get(f"?cursor={forged(books)}").status_code == 200
    for cursor in (
        "",
        "x",
        forged(books)[:-2],
        forged(books, microseconds=-1),
        forged(books, microseconds=2**63 - 1),
        forged(books, rank=2),
    ):
        assert_problem(books.get(f"?cursor={cursor}"), 422, "#/query/cursor")


@pytest.mark.parametrize(
    ("query", "pointer"), [("limit=-1", "limit"), ("limit=x", "limit"), ("limit=1&limit=1", "limit")]
)
def test_what_no_ledger_has_is_pointed_at(books: Books, query: str, pointer: str) -> None:
    assert_problem(books.get(f"?{query}"), 422, f"#/query/{pointer}")


def test_only_who_may_write_events_sees_it(books: Books) -> None:
    assert_problem(books.client.get(f"{books.url}?limit=x"), 401)
    assert_problem(books.get("?limit=x", books.user), 403)


def test_there_is_none_of_an_event_that_is_not_there(books: Books) -> None:
    assert_problem(books.client.get("/events/999999/ledger", headers=books.root), 404)
    assert_problem(books.client.get("/events/x/ledger", headers=books.root), 422, "#/path/event_id")
