"""`python -m auth_service outbox list|resend`: mail that could not be sent, for operators."""

import argparse
from functools import partial
from uuid import UUID

from auth_service.domain.models import Outbox
from auth_service.domain.outbox import letter_of
from shared.clock import rfc3339
from shared.console import complain, say
from shared.database.units import Database
from shared.outbox import rows
from shared.outbox.rows import FAILED, STATES, Entry

LISTED_DEFAULT = 100
EXIT_NOT_ALL = 1


def describe(parser: argparse.ArgumentParser) -> None:
    """Give ``parser`` the acts of this command."""
    acts = parser.add_subparsers(dest="act", required=True)
    listing = acts.add_parser("list", help="show mail, the oldest first")
    listing.add_argument("--state", choices=STATES, default=FAILED, help=f"{FAILED}, if not given")
    listing.add_argument("--limit", type=int, default=LISTED_DEFAULT, help=f"{LISTED_DEFAULT}, if not given")
    resending = acts.add_parser("resend", help="send failed mail again, as often as new mail")
    which = resending.add_mutually_exclusive_group(required=True)
    which.add_argument("ids", nargs="*", type=UUID, default=[], metavar="ID", help="as `list` shows them")
    which.add_argument("--all", action="store_true", help="all that failed and is of use still")


def run(database: Database, options: argparse.Namespace) -> int:
    """Perform one act, and return the exit status: 1 when something cannot be sent again."""
    return _list(database, options) if options.act == "list" else _resend(database, options)


def _list(database: Database, options: argparse.Namespace) -> int:
    found = database.read(partial(rows.entries, outbox=Outbox, state=options.state, limit=options.limit))
    for entry in found:
        say(_line(entry))
    if not found:
        say(f"no mail is {options.state}")
    return 0


def _line(entry: Entry) -> str:
    # An address, and what a server said of it, may hold anything: no line of ours is to be made of it.
    address = letter_of(entry.kind, entry.payload).address if entry.payload else "-"
    told = f"{address!r} {entry.reply or ''!r}"
    return f"{entry.id} {rfc3339(entry.created_at)} {entry.kind} {entry.state} attempts={entry.attempts} {told}"


def _resend(database: Database, options: argparse.Namespace) -> int:
    ids = None if options.all else options.ids
    # Repeated after a lost commit it finds nothing that has failed, and would say so: the operator looks again.
    again = database.write(partial(rows.resend, outbox=Outbox, ids=ids), repeat_lost=False)
    for row_id in again:
        say(f"{row_id} is sent again")
    left = [row_id for row_id in options.ids if row_id not in again]
    for row_id in left:
        complain(f"{row_id} is not sent again: it has not failed, or it came too late to be of use")
    return EXIT_NOT_ALL if left else 0
