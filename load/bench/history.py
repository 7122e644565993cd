"""A table that holds millions of settled bookings, beside an empty one."""

import time
from dataclasses import replace

from load.bench.bulk import insert_past
from load.bench.comparison import alternating, say, tell
from load.bench.contestants import OURS
from load.bench.events import prepared_database
from load.bench.measure import Bench, Figure
from load.bench.mysql import Mysql
from load.bench.scenarios import EMPTY_TABLE, FULL_TABLE, HOT

EVENTS = 1_000


def measure(server: Mysql, bench: Bench, rounds: int, rows: int) -> list[Figure]:
    """Load the hot event with ``rows`` rows in the table and with none, ``rounds`` times in alternating order."""
    figures = []
    with prepared_database(server) as (empty_url, empty), prepared_database(server) as (full_url, full):
        began = time.monotonic()
        insert_past(full, rows, EVENTS)
        tell(f"inserted {rows:,} settled bookings in {time.monotonic() - began:.0f} s")
        tables = (
            (EMPTY_TABLE, replace(bench, database=empty, stand=replace(bench.stand, database_url=empty_url))),
            (FULL_TABLE, replace(bench, database=full, stand=replace(bench.stand, database_url=full_url))),
        )
        for turn in range(rounds):
            for name, on_table in alternating(tables, turn):
                (figure,) = on_table.run(OURS, [replace(HOT, name=name)])
                say(figure)
                figures.append(figure)
    return figures
