"""What the contestants are put through."""

from booking_service.domain.models import FIT
from load.bench.events import EventRules
from load.bench.measure import Scenario

DAY_SECONDS = 86_400
# A limit that nobody reaches, a list that nobody needs to wait on, holds that outlive the run: what is measured is what
# it costs to watch over them.
ALL_RULES = EventRules(seats_per_user_max=1_000_000, hold_seconds=DAY_SECONDS, waitlist=FIT, waiting_max=1_000)

HOT = Scenario("1 hot event")
HUNDRED = Scenario("100 events", 100)
MANY = Scenario("10,000 events", 10_000)
SOLD_OUT = Scenario("sold out", seats=0)
POLLS = Scenario("polls", polls=True)
HALF_POLLS = Scenario("half polls", 100, half_polls=True)
PLAIN = "hot event without rules"
RULED = Scenario("hot event with rules", rules=ALL_RULES, users=4_000)
BOOK_AND_CANCEL = Scenario("book and cancel", users=1_000, cancels=True)
NOTHING = Scenario("100 events", 100, settles=False)
HALF_LOAD = "50 % load"
LONE = Scenario("a lone request", connections=1, pause_ms=100, seconds_max=10)
RUSH = "sold-out rush"
EMPTY_TABLE, FULL_TABLE = "empty table", "full table"
