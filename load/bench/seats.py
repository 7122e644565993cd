"""What else people do with seats: rules, cancellations, waiting lists, and looking back."""

from dataclasses import replace

from load.bench import booking_pages, waiting_lists
from load.bench.comparison import compare
from load.bench.contestants import OURS
from load.bench.measure import Figure
from load.bench.options import Options
from load.bench.scenarios import BOOK_AND_CANCEL, HOT, PLAIN, RULED
from load.bench.session import Session


def measure(at: Session, options: Options) -> list[Figure]:
    """Measure an event with rules beside a plain one, users who cancel, waiting lists, and pages of bookings."""
    return [
        *compare(at.bench, [(OURS, [replace(HOT, name=PLAIN), RULED, BOOK_AND_CANCEL])], options.rounds),
        *waiting_lists.measure(at.server, at.bench, options.rounds, options.waiting_rows),
        *booking_pages.measure(at.server, at.bench, options.rounds, options.user_bookings),
    ]
