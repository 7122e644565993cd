"""One measurement: a contestant, a scenario, a number."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx

from load.bench import events, generator
from load.bench.contestants import Contestant, Running, running, user_token
from load.bench.generator import Answers, Load
from load.bench.servers import wait_until
from shared.database import Database

PLENTY = 10**6
WARM_UP_SECONDS = 1
SETTLE_SECONDS_MAX = 300
BOOK = "/events/%d/book?seats=1"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Bookings spread over ``events`` events with ``seats`` seats each."""

    name: str
    events: int
    seats: int = PLENTY
    settles: bool = True  # whether bookings are to be found in the database
    polls: bool = False


@dataclass(slots=True)
class Figure:
    """What one run of a scenario gave."""

    contestant: str
    scenario: str
    accepted_per_second: float = 0.0
    settled_per_second: float = 0.0
    rejected_per_second: float = 0.0
    polls_per_second: float = 0.0
    settled_p50_ms: float = 0.0
    settled_p95_ms: float = 0.0
    settled_p99_ms: float = 0.0
    cpu_ms_per_booking: dict[str, float] = field(default_factory=dict)
    memory_mib: dict[str, float] = field(default_factory=dict)
    audit: str = "ok"
    unexpected: int = 0


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers and the length of a run."""

    database: Database
    database_url: str
    redis_url: str
    folder: Path
    seconds: int

    def run(self, contestant: Contestant, scenarios: Sequence[Scenario]) -> list[Figure]:
        """Start ``contestant`` once and put it through ``scenarios``."""
        with running(contestant, self.database_url, self.redis_url, self.folder) as system:
            token = user_token()
            warm = self._bookings(Scenario("warm-up", 1), WARM_UP_SECONDS)
            generator.send(system.url, token, warm)
            self._wait_settled()
            return [self._measure(contestant, system, token, scenario) for scenario in scenarios]

    def _measure(self, contestant: Contestant, system: Running, token: str, scenario: Scenario) -> Figure:
        figure = Figure(contestant.name, scenario.name)
        load = self._bookings(scenario, self.seconds)
        if scenario.polls:
            load = self._polls(system, token, load)
        elif scenario.seats == 0:
            self._until_known_full(system, token, load.first)
        before, began = system.cpu_seconds(), datetime.now(UTC)
        answers = generator.send(system.url, token, load)
        if scenario.settles:
            self._wait_settled()
        self._fill(figure, answers)
        if scenario.settles and not scenario.polls and scenario.seats:
            self._fill_settled(figure, began)
            after = system.cpu_seconds()
            bookings = max(1, answers.statuses["202"])
            figure.cpu_ms_per_booking = {n: (after[n] - before[n]) * 1_000 / bookings for n in after}
        figure.memory_mib = system.memory_mib()
        figure.audit = events.verdict(self.database)
        return figure

    @staticmethod
    def _fill(figure: Figure, answers: Answers) -> None:
        figure.accepted_per_second = answers.per_second("202")
        figure.rejected_per_second = answers.per_second("409")
        figure.polls_per_second = answers.per_second("200")
        figure.unexpected = answers.statuses["other"] + answers.failed

    def _fill_settled(self, figure: Figure, began: datetime) -> None:
        settled = events.settled_since(self.database, began)
        figure.settled_per_second = settled.count / settled.seconds
        figure.settled_p50_ms, figure.settled_p95_ms, figure.settled_p99_ms = map(settled.percentile, (50, 95, 99))

    def _bookings(self, scenario: Scenario, seconds: int) -> Load:
        first = events.make_events(self.database, scenario.events, scenario.seats)
        return Load("POST", BOOK, first, scenario.events, seconds)

    def _polls(self, system: Running, token: str, load: Load) -> Load:
        headers = {"Authorization": f"Bearer {token}"}
        booked = httpx.post(system.url + BOOK % load.first, headers=headers)
        self._wait_settled()
        return Load("GET", booked.headers["Location"], 0, 1, load.seconds)

    @staticmethod
    def _until_known_full(system: Running, token: str, event_id: int) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        full = httpx.codes.CONFLICT
        wait_until(lambda: httpx.post(system.url + BOOK % event_id, headers=headers).status_code == full, "it is full")

    def _wait_settled(self) -> None:
        wait_until(lambda: events.pending(self.database) == 0, "all bookings are settled", SETTLE_SECONDS_MAX)
