"""One measurement: a contestant, a scenario, figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

import httpx

from lab.waiting import wait_for
from load.bench import events, generator
from load.bench.contestants import Contestant, Running, Stand, running, user_token, user_tokens
from load.bench.events import NO_RULES, EventRules, Settled
from load.bench.generator import Answers, Load
from shared.database.units import Database

PLENTY = 10**9
WARM_UP_SECONDS = 1
WARM_UP_SECONDS_MAX = 300  # of a pass through all events, which more clients make shorter
WARM_UP_CONNECTIONS = 512
SETTLE_SECONDS_MAX = 600
SETTLED_LOOK_SECONDS = 0.2  # seldom, because looking counts among the statements
BOOK = "/events/%d/book?seats=1"
PERCENTILES = 50, 95, 99
# Transactions that wrote, statements that said COMMIT (also after reading), and all statements.
COUNTERS = {"Binlog_cache_use": "writes_per_1000", "Com_commit": "commits_per_1000", "Questions": "statements_per_1000"}


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked for: bookings spread over ``events`` events with ``seats`` seats each, unless it says polls."""

    name: str
    events: int = 1
    seats: int = PLENTY
    settles: bool = True  # whether bookings are to be found in the database
    polls: bool = False  # one booking, again and again, instead of booking
    half_polls: bool = False  # every second request
    cancels: bool = False  # every second request cancels a booking
    rules: EventRules = NO_RULES
    users: int = 1
    connections: int = 0  # 0: as the bench
    pause_ms: int = 0  # mean, of each connection
    answers_max: int = 0  # end after so many; then the warm-up has an event of its own
    seconds_max: int = 0  # of such a run


@dataclass(slots=True)
class Figure:
    """What one run of a scenario gave."""

    contestant: str
    scenario: str
    seconds: float = 0.0
    accepted_per_second: float = 0.0
    settled_per_second: float = 0.0
    rejected_per_second: float = 0.0
    polls_per_second: float = 0.0
    cancelled_per_second: float = 0.0
    http_p50_ms: float = 0.0
    http_p95_ms: float = 0.0
    http_p99_ms: float = 0.0
    settled_p50_ms: float = 0.0
    settled_p95_ms: float = 0.0
    settled_p99_ms: float = 0.0
    changed_p50_ms: float = 0.0
    changed_p95_ms: float = 0.0
    changed_p99_ms: float = 0.0
    writes_per_1000: float = 0.0  # transactions that wrote, for 1,000 bookings
    commits_per_1000: float = 0.0
    statements_per_1000: float = 0.0
    cpu_ms_per_booking: dict[str, float] = field(default_factory=dict)
    cpu_ms_per_answer: dict[str, float] = field(default_factory=dict)
    memory_mib: dict[str, float] = field(default_factory=dict)
    confirmed: int = 0  # where the seats are fewer than the requests
    audit: str = "ok"
    unexpected: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What has been used up so far."""

    cpu_seconds: dict[str, float]
    counters: dict[str, int]

    def since(self, before: "Reading") -> "Reading":
        """Return what has been used up since ``before``."""
        return Reading(
            {name: seconds - before.cpu_seconds[name] for name, seconds in self.cpu_seconds.items()},
            {name: count - before.counters[name] for name, count in self.counters.items()},
        )

    def cpu_ms_per(self, count: int) -> dict[str, float]:
        """Share the processor time out, in milliseconds."""
        return {name: seconds * 1_000 / count for name, seconds in self.cpu_seconds.items()}

    def fill(self, figure: Figure, bookings: int) -> None:
        """Write into ``figure`` what one booking, or a thousand, used up."""
        if bookings:
            figure.cpu_ms_per_booking = self.cpu_ms_per(bookings)
            for name, field_name in COUNTERS.items():
                setattr(figure, field_name, self.counters[name] * 1_000 / bookings)


@dataclass(frozen=True, slots=True)
class Bench:
    """The servers, the length of a run and the number of clients."""

    database: Database
    stand: Stand
    seconds: int
    connections: int

    def run(self, contestant: Contestant, scenarios: Sequence[Scenario]) -> list[Figure]:
        """Start ``contestant`` once and put it through ``scenarios``."""
        with running(contestant, self.stand) as system:
            return [self.measure(contestant, system, scenario) for scenario in scenarios]

    def measure(self, contestant: Contestant, system: Running, scenario: Scenario) -> Figure:
        """Warm ``system`` up for ``scenario``, load it, wait until all is settled, and let the audit judge."""
        figure = Figure(contestant.name, scenario.name)
        load = self._warmed_up(system, scenario)
        before, began = self.reading(system), datetime.now(UTC)
        answers = generator.send(system.urls, user_tokens(scenario.users), load)
        if scenario.settles:
            self.wait_settled()
            wait_for(system.crew.is_quiet, "what the load left under way is done", SETTLE_SECONDS_MAX)
        self._fill(figure, answers)
        bookings = answers.statuses["202"]
        if scenario.settles:
            bookings = fill_settled(figure, events.settled_since(self.database, began))
        if scenario.cancels:
            fill_cancelled(figure, events.cancelled_since(self.database, began))
        used = self.reading(system).since(before)
        used.cpu_seconds["load generator"] = answers.generator_cpu_seconds
        if answers.count:
            figure.cpu_ms_per_answer = used.cpu_ms_per(answers.count)
        used.fill(figure, bookings)
        if scenario.answers_max:
            figure.confirmed = events.confirmed(self.database, load.first)
        figure.memory_mib = system.crew.memory_mib()
        figure.audit = self._verdict(scenario, figure)
        return figure

    def reading(self, system: Running) -> Reading:
        """Read processor times and the server's counters."""
        return Reading(system.crew.cpu_seconds(), events.counters(self.database, tuple(COUNTERS)))

    def wait_settled(self) -> None:
        """Wait until no booking and no change is due."""
        wait_for(partial(events.all_settled, self.database), "all is settled", SETTLE_SECONDS_MAX, SETTLED_LOOK_SECONDS)

    def _warmed_up(self, system: Running, scenario: Scenario) -> Load:
        load = self._load(system, scenario)
        tokens = user_tokens(scenario.users)
        # A process learns of an event when it is first asked for it, and of a user: each process, each of them, once.
        each = replace(load, seconds=WARM_UP_SECONDS_MAX, in_turn=True, pause_ms=0, connections=WARM_UP_CONNECTIONS)
        all_of_them = max(load.count, len(tokens))
        for url in system.urls if all_of_them > 1 else ():
            answers_max = all_of_them + each.connections
            generator.send([url], tokens, replace(each, cancels=False, answers_max=answers_max))
        warm = replace(load, seconds=WARM_UP_SECONDS, answers_max=0)
        if scenario.answers_max:  # its few seats are for the run
            warm = replace(warm, first=events.make_events(self.database, 1, PLENTY))
        generator.send(system.urls, tokens, warm)
        if scenario.settles:
            self.wait_settled()
        wait_for(system.crew.is_quiet, "what the warm-up left under way is done", SETTLE_SECONDS_MAX)
        return load

    def _load(self, system: Running, scenario: Scenario) -> Load:
        first = events.make_events(self.database, scenario.events, scenario.seats, scenario.rules)
        seconds = scenario.seconds_max or self.seconds
        load = Load(
            "POST",
            BOOK,
            first,
            scenario.events,
            seconds,
            scenario.connections or self.connections,
            pause_ms=scenario.pause_ms,
            answers_max=scenario.answers_max,
            polls=scenario.half_polls,
            cancels=scenario.cancels,
        )
        return replace(load, method="GET", path=self._book_one(system, first), count=1) if scenario.polls else load

    def _book_one(self, system: Running, event_id: int) -> str:
        headers = {"Authorization": f"Bearer {user_token()}"}
        booked = httpx.post(system.urls[0] + BOOK % event_id, headers=headers)
        self.wait_settled()
        return booked.headers["Location"]

    def _verdict(self, scenario: Scenario, figure: Figure) -> str:
        seats = scenario.seats * scenario.events
        wrong = [] if not scenario.answers_max or figure.confirmed == seats else [f"{figure.confirmed} of {seats} sold"]
        found = events.verdict(self.database)
        return "; ".join([*wrong, *([] if found == "ok" else [found])]) or "ok"

    @staticmethod
    def _fill(figure: Figure, answers: Answers) -> None:
        figure.seconds = answers.seconds
        figure.accepted_per_second = answers.per_second("202")
        figure.rejected_per_second = answers.per_second("409")
        figure.polls_per_second = answers.per_second("200")
        figure.http_p50_ms, figure.http_p95_ms, figure.http_p99_ms = answers.p50_ms, answers.p95_ms, answers.p99_ms
        figure.unexpected = answers.statuses["other"] + answers.failed


def fill_settled(figure: Figure, settled: Settled) -> int:
    """Write into ``figure`` how bookings were decided, and return how many were."""
    figure.settled_per_second = settled.per_second
    figure.settled_p50_ms, figure.settled_p95_ms, figure.settled_p99_ms = map(settled.percentile, PERCENTILES)
    return settled.count


def fill_cancelled(figure: Figure, cancelled: Settled) -> None:
    """Write into ``figure`` how cancellations were decided."""
    figure.cancelled_per_second = cancelled.per_second
    figure.changed_p50_ms, figure.changed_p95_ms, figure.changed_p99_ms = map(cancelled.percentile, PERCENTILES)
