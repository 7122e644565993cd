"""`python -m load.bench quick | full | variants`."""

import signal
import sys
from types import FrameType

from lab.server import NoServerError
from lab.waiting import InVainError
from load.bench import full, quick, variants
from load.bench.options import options, parser

COMMANDS = {"quick": quick.run, "full": full.run, "variants": variants.run}


def main() -> int:
    """Run one command; 1 when the audit does not hold."""
    # So that servers and processes are ended then, too.
    signal.signal(signal.SIGTERM, _end)
    arguments = parser().parse_args()
    try:
        return 0 if COMMANDS[arguments.command](options(arguments)) else 1
    except (NoServerError, InVainError) as error:
        sys.exit(str(error))


def _end(_signal: int, _frame: FrameType | None) -> None:
    sys.exit("told to end")


if __name__ == "__main__":
    sys.exit(main())
