"""What a run of the benchmark may be told: which parts, how often, how long."""

import argparse
from dataclasses import dataclass, fields

SECTIONS = ("main", "latency", "rush", "scaling", "settlement", "seats", "history", "memory")


@dataclass(frozen=True, slots=True)
class Options:
    """The lengths of a run. Rounds differ in the order of what they compare."""

    rounds: int = 3
    seconds: int = 5  # of load, for each contestant and scenario
    connections: int = 128  # clients that ask again as soon as they are answered
    rush_requests: int = 100_000
    rows: int = 10_000_000  # in the full table
    backlog_rows: int = 200_000  # for settlement alone
    waiting_rows: int = 100_000  # on the long waiting list
    user_bookings: int = 1_000_000  # of the user who has many; a multiple of ten
    memory_bookings: int = 1_000_000
    memory_step: int = 100_000  # bookings between two looks
    only: tuple[str, ...] = SECTIONS


QUICK = Options(rounds=2, seconds=3)
FULL = Options()
VARIANTS = Options(rounds=3, seconds=5)


def parser() -> argparse.ArgumentParser:
    """Understand `quick | full | variants` and their options."""
    made = argparse.ArgumentParser(prog="python -m load.bench", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    commands = made.add_subparsers(dest="command", required=True)
    for name, defaults, meaning in (
        ("quick", QUICK, "the main scenarios in a few minutes, into results/quick.json"),
        ("full", FULL, "everything, into results/full.json, full.md and full.svg"),
        ("variants", VARIANTS, "ours with other event loops, parsers and servers, into results/variants.json"),
    ):
        command = commands.add_parser(name, help=meaning, formatter_class=made.formatter_class)
        _add(command, defaults, everything=name == "full")
    return made


def options(arguments: argparse.Namespace) -> Options:
    """Take what was said, and for the rest what the command has by default."""
    given = vars(arguments)
    chosen = {field.name: given[field.name] for field in fields(Options) if field.name in given}
    return Options(**chosen | {"only": tuple(chosen.get("only", SECTIONS))})


def _add(command: argparse.ArgumentParser, defaults: Options, *, everything: bool) -> None:
    command.add_argument("--rounds", type=int, default=defaults.rounds, help="runs of each comparison")
    command.add_argument("--seconds", type=int, default=defaults.seconds, help="length of a run")
    command.add_argument("--connections", type=int, default=defaults.connections, help="clients at once")
    if not everything:
        return
    command.add_argument("--rush-requests", type=int, default=defaults.rush_requests, help="for the 100 seats")
    command.add_argument("--rows", type=int, default=defaults.rows, help="in the full table")
    command.add_argument("--backlog-rows", type=int, default=defaults.backlog_rows, help="for settlement alone")
    command.add_argument("--waiting-rows", type=int, default=defaults.waiting_rows, help="on the long waiting list")
    command.add_argument("--user-bookings", type=_tens, default=defaults.user_bookings, help="of the user with many")
    command.add_argument("--memory-bookings", type=int, default=defaults.memory_bookings, help="made by one process")
    command.add_argument("--memory-step", type=int, default=defaults.memory_step, help="bookings between two looks")
    command.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=SECTIONS, help="keep the others as they were found before"
    )


def _tens(given: str) -> int:
    number = int(given)
    if number < 1 or number % 10:
        msg = "a multiple of ten"
        raise argparse.ArgumentTypeError(msg)
    return number
