"""`python -m booking_service serve | migrate | audit`."""

import argparse
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NoReturn

from booking_service.domain.audit import Violation, audit
from booking_service.main import create_app
from booking_service.migrations import MIGRATIONS
from booking_service.settings import BookingDatabaseSettings, BookingSettings
from shared.clock import utc_now
from shared.commands import database_of
from shared.configuration.settings import load
from shared.console import open_console, say
from shared.database.migrations import patient, upgrade
from shared.http.service import serve

OVERDUE_SECONDS_DEFAULT = 60.0
HELP = {
    "serve": "answer requests (the default)",
    "migrate": "bring the database to the newest version",
    "audit": "check every promise; exit 1 with the rows that break one",
}


def main() -> int:
    """Run one command and return the exit code."""
    open_console()
    options = _parser().parse_args()
    command: Callable[[argparse.Namespace], int] = COMMANDS[options.command]
    return command(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m booking_service", description=__doc__)
    parser.set_defaults(command="serve")
    commands = parser.add_subparsers()
    for name, words in HELP.items():
        commands.add_parser(name, help=words).set_defaults(command=name)
    commands.choices["audit"].add_argument(
        "--overdue-seconds",
        type=float,
        default=OVERDUE_SECONDS_DEFAULT,
        help="a booking that waits longer breaks a promise; 0 leaves this out (no workers running)",
    )
    return parser


def _serve(_options: argparse.Namespace) -> NoReturn:
    settings = load(BookingSettings)
    serve(create_app(settings), settings, settings.port)


def _migrate(_options: argparse.Namespace) -> int:
    settings = patient(load(BookingDatabaseSettings))
    with database_of("migrate", settings, settings.database_url) as database:
        upgrade(database, MIGRATIONS)
    return 0


def _audit(options: argparse.Namespace) -> int:
    settings = load(BookingDatabaseSettings)
    overdue = timedelta(seconds=options.overdue_seconds) if options.overdue_seconds > 0 else None
    with database_of("audit", settings, settings.database_url) as database:
        violations = database.read(partial(audit, now=utc_now(), overdue=overdue))
    for violation in violations:
        say(_report(violation))
    if not violations:
        say("audit: ok")
    return 1 if violations else 0


def _report(violation: Violation) -> str:
    rows = (f"  {json.dumps(dict(row), default=str)}" for row in violation.rows)
    return "\n".join([f"audit: BROKEN: {violation.invariant}", *rows])


COMMANDS = {"serve": _serve, "migrate": _migrate, "audit": _audit}

if __name__ == "__main__":
    sys.exit(main())
