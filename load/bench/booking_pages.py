"""The newest page of a user's bookings: of one who has a million, beside one who has ten."""

import time
from dataclasses import replace
from itertools import product

from booking_service.domain.models import REJECTED
from load.bench import events, generator
from load.bench.bulk import FEW, MANY, insert_histories
from load.bench.comparison import alternating, say, tell
from load.bench.contestants import OURS, Running, running, user_token
from load.bench.events import prepared_database
from load.bench.generator import Load
from load.bench.measure import WARM_UP_SECONDS, Bench, Figure
from load.bench.mysql import Mysql

EVENTS = 1_000
USERS = {FEW: "ten bookings", MANY: "a million"}
FILTERS = {"": "", f"?status={REJECTED}": ", filtered"}


def scenario_name(user_id: int, query: str) -> str:
    """Name the page that a user asks for."""
    return f"page of {USERS[user_id]}{FILTERS[query]}"


def measure(server: Mysql, bench: Bench, rounds: int, bookings: int) -> list[Figure]:
    """Ask for pages, one after the other, ``rounds`` times: the user MANY has so many ``bookings``."""
    figures = []
    with prepared_database(server) as (url, database):
        began = time.monotonic()
        insert_histories(database, bookings, EVENTS)
        tell(f"inserted {2 * bookings:,} bookings in {time.monotonic() - began:.0f} s")
        audit = events.verdict(database)
        stand = replace(bench.stand, database_url=url)
        with running(replace(OURS, worker=None, beat=None), stand) as system:
            for turn in range(rounds):
                for user_id, query in alternating(list(product(USERS, FILTERS)), turn):
                    figure = Figure(OURS.name, scenario_name(user_id, query), audit=audit)
                    _measure(bench, system, figure, user_id, query)
                    say(figure)
                    figures.append(figure)
    return figures


def _measure(bench: Bench, system: Running, figure: Figure, user_id: int, query: str) -> None:
    load = Load("GET", f"/bookings{query}", 0, 1, bench.seconds, connections=1)
    tokens = [user_token(user_id)]
    generator.send(system.urls, tokens, replace(load, seconds=WARM_UP_SECONDS))
    before = bench.reading(system)
    answers = generator.send(system.urls, tokens, load)
    figure.seconds = answers.seconds
    figure.http_p50_ms, figure.http_p95_ms, figure.http_p99_ms = answers.p50_ms, answers.p95_ms, answers.p99_ms
    figure.unexpected = answers.count - answers.statuses["200"] + answers.failed
    used = bench.reading(system).since(before)
    used.cpu_seconds["load generator"] = answers.generator_cpu_seconds
    if answers.count:
        figure.cpu_ms_per_answer = used.cpu_ms_per(answers.count)
