"""`python -m booking_service serve | migrate | audit`."""

import argparse
import json
import sys
from datetime import timedelta
from functools import partial
from typing import NoReturn

from booking_service.domain.audit import Violation, audit
from booking_service.main import create_app
from booking_service.migrations import MIGRATIONS
from booking_service.settings import BookingDatabaseSettings, BookingSettings
from shared.clock import utc_now
from shared.database.migrations import patient, upgrade
from shared.database.units import Database
from shared.http.service import serve
from shared.settings import load

OVERDUE_SECONDS_DEFAULT = 60.0


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m booking_service", description=__doc__)
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("serve", help="answer requests (the default)")
    commands.add_parser("migrate", help="bring the database to the newest version")
    auditing = commands.add_parser("audit", help="check every promise; exit 1 with the rows that break one")
    auditing.add_argument(
        "--overdue-seconds",
        type=float,
        default=OVERDUE_SECONDS_DEFAULT,
        help="a booking that waits longer breaks a promise; 0 leaves this out (no workers running)",
    )
    arguments = parser.parse_args()
    match arguments.command:
        case "migrate":
            return _migrate()
        case "audit":
            return _audit(arguments.overdue_seconds)
        case _:
            return _serve()


def _serve() -> NoReturn:
    settings = load(BookingSettings)
    serve(create_app(settings), settings, settings.port)


def _migrate() -> int:
    database = _database(patient(load(BookingDatabaseSettings)))
    upgrade(database, MIGRATIONS)
    database.close()
    return 0


def _audit(overdue_seconds: float) -> int:
    database = _database(load(BookingDatabaseSettings))
    overdue = timedelta(seconds=overdue_seconds) if overdue_seconds > 0 else None
    violations = database.read(partial(audit, now=utc_now(), overdue=overdue))
    database.close()
    for violation in violations:
        sys.stdout.write(_report(violation))
    if not violations:
        sys.stdout.write("audit: ok\n")
    return 1 if violations else 0


def _report(violation: Violation) -> str:
    rows = "".join(f"  {json.dumps(dict(row), default=str)}\n" for row in violation.rows)
    return f"audit: BROKEN: {violation.invariant}\n{rows}"


def _database(settings: BookingDatabaseSettings) -> Database:
    return Database.connect(settings.database_url.get_secret_value(), settings, pool_size=1)


if __name__ == "__main__":
    sys.exit(main())
