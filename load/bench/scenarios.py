"""What the contestants are put through."""

from load.bench.measure import Scenario

HOT = Scenario("1 hot event")
HUNDRED = Scenario("100 events", 100)
MANY = Scenario("10,000 events", 10_000)
SOLD_OUT = Scenario("sold out", seats=0)
POLLS = Scenario("polls", polls=True)
HALF_POLLS = Scenario("half polls", 100, half_polls=True)
NOTHING = Scenario("100 events", 100, settles=False)
HALF_LOAD = "50 % load"
LONE = Scenario("a lone request", connections=1, pause_ms=100, seconds_max=10)
RUSH = "sold-out rush"
EMPTY_TABLE, FULL_TABLE = "empty table", "full table"
