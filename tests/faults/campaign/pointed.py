"""Starts one process of the system as production does, with named points, a skewed clock or a mistake built in.

`python -m tests.faults.campaign.pointed booking_service serve` or `… celery -A worker.app worker …`: what would follow
`python -m` in production. The rest is the environment.
"""

import os
import sys
from pathlib import Path

from tests.faults.campaign.orders import Orders

ORDERS_FOLDER = "CAMPAIGN_ORDERS"
CLOCK_SECONDS = "CAMPAIGN_CLOCK_SECONDS"
MUTATION = "CAMPAIGN_MUTATION"
BOOKING_MODULE = "booking_service"


def main() -> int:
    """Prepare, then become the process that was asked for."""
    if offset := float(os.environ.get(CLOCK_SECONDS, "0")):
        from tests.faults.campaign.skew import skew  # noqa: PLC0415  most processes have the right time

        skew(offset)
    # Only now, because these import the clock and each other by name.
    from tests.faults.campaign.mutations import mutate  # noqa: PLC0415  as above
    from tests.faults.campaign.points import arrange  # noqa: PLC0415  as above

    # The points go around the mistakes: a mistaken commit is a commit.
    mutate(os.environ.get(MUTATION, ""))
    if ORDERS_FOLDER in os.environ:
        arrange(Orders(Path(os.environ[ORDERS_FOLDER])))
    sys.argv = sys.argv[1:]
    return _serve() if sys.argv[0] == BOOKING_MODULE else _celery()


def _serve() -> int:
    from booking_service.__main__ import main as booking  # noqa: PLC0415  as above

    return booking()


def _celery() -> int:
    from celery.__main__ import main as celery  # noqa: PLC0415  as above

    celery()
    return 0


if __name__ == "__main__":
    sys.exit(main())
