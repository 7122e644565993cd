"""The quotients that the benchmark is about, and what each is to be."""

from dataclasses import dataclass, replace

from load.bench import booking_pages, waiting_lists
from load.bench.bulk import FEW
from load.bench.bulk import MANY as MANY_BOOKINGS
from load.bench.contestants import EMPTY, OURS, ROW_LOCK, TASK_PER_BOOKING
from load.bench.scenarios import EMPTY_TABLE, FULL_TABLE, HOT, HUNDRED, MANY, NOTHING, PLAIN, POLLS, RULED, SOLD_OUT
from load.bench.summary import Spread, Summary

Key = tuple[str, str, str]  # contestant, scenario, figure

SETTLED, ACCEPTED = "settled_per_second", "accepted_per_second"
OURS_HOT: Key = (OURS.name, HOT.name, SETTLED)
EMPTY_ACCEPTED: Key = (EMPTY.name, NOTHING.name, ACCEPTED)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One figure over another."""

    name: str
    text: str
    over: Key
    under: Key
    target: float
    at_least: bool = True  # else below

    def of(self, summary: Summary) -> Spread | None:
        """Divide medians by medians, and for the spread run by run; None when either was not measured."""
        over, under = summary.values(*self.over), summary.values(*self.under)
        if not over or not under:
            return None
        quotients = [_quotient(a, b) for a, b in zip(over, under, strict=False)]
        return Spread(_quotient(Spread.of(over).median, Spread.of(under).median), min(quotients), max(quotients))


RATIOS = (
    # The row lock's own rows tell its rate: its answers that are under way when the load ends would be missing.
    Ratio(
        "settled_vs_row_lock",
        "ours settled ÷ row lock accepted, hot event",
        OURS_HOT,
        (ROW_LOCK.name, HOT.name, SETTLED),
        10,
    ),
    Ratio(
        "settled_vs_task_per_booking",
        "ours settled ÷ task-per-booking settled, hot event",
        OURS_HOT,
        (TASK_PER_BOOKING.name, HOT.name, SETTLED),
        20,
    ),
    Ratio(
        "accepted_vs_empty",
        "ours accepted ÷ empty endpoint, 100 events",
        (OURS.name, HUNDRED.name, ACCEPTED),
        EMPTY_ACCEPTED,
        0.75,
    ),
    Ratio("many_events_vs_hot", "10,000 events ÷ 1 hot event, settled", (OURS.name, MANY.name, SETTLED), OURS_HOT, 0.9),
    Ratio(
        "sold_out_vs_empty",
        "sold-out answers ÷ empty endpoint",
        (OURS.name, SOLD_OUT.name, "rejected_per_second"),
        EMPTY_ACCEPTED,
        0.9,
    ),
    Ratio(
        "polls_vs_empty", "polls ÷ empty endpoint", (OURS.name, POLLS.name, "polls_per_second"), EMPTY_ACCEPTED, 0.75
    ),
)
FULL_VS_EMPTY_TABLE = Ratio(
    "full_vs_empty_table",
    "full table ÷ empty table, hot event, settled",
    (OURS.name, FULL_TABLE, SETTLED),
    (OURS.name, EMPTY_TABLE, SETTLED),
    0.9,
)


RULED_VS_HOT = Ratio(
    "ruled_vs_hot",
    "hot event with a limit, a list and holds ÷ without, settled",
    (OURS.name, RULED.name, SETTLED),
    OURS_HOT,
    0.8,
)


def _list_ratio(kind: str) -> Ratio:
    long, short = (
        (OURS.name, waiting_lists.scenario_name(kind, length), "changed_p50_ms")
        for length in (waiting_lists.LONG, waiting_lists.SHORT)
    )
    text = f"promotion from a long waiting list ÷ from a short one, {kind}, p50"
    return Ratio(f"{kind}_list_vs_short", text, long, short, 1.5, at_least=False)


def _page_ratio(query: str) -> Ratio:
    many, few = (
        (OURS.name, booking_pages.scenario_name(user_id, query), "http_p50_ms") for user_id in (MANY_BOOKINGS, FEW)
    )
    text = f"page of a user with a million bookings ÷ with ten{booking_pages.FILTERS[query]}, p50"
    return Ratio("page_vs_few", text, many, few, 2, at_least=False)


SEATS = (
    # With its own plain event, of the same hour.
    replace(RULED_VS_HOT, under=(OURS.name, PLAIN, SETTLED)),
    *map(_list_ratio, waiting_lists.SEATS_WANTED_MAX),
    *map(_page_ratio, booking_pages.FILTERS),
)


def _quotient(over: float, under: float) -> float:
    return round(over / under, 3) if under else 0.0
