"""`python -m tests.faults.campaign`: a long campaign on real servers; the exit code is 1 when a promise was broken."""

import argparse
import sys
import tempfile
from pathlib import Path

from lab.mysql import MARIADB, MYSQL, SANDBOX_ROOT, preferred
from lab.server import NoServerError
from tests.faults.campaign.campaign import Options, run

MINUTES_DEFAULT = 30.0
SEED_DEFAULT = 7


def main() -> int:
    """Read the options, run, and print the report and its last line."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--minutes", type=float, default=MINUTES_DEFAULT, help="how long faults are made")
    parser.add_argument("--seed", type=int, default=SEED_DEFAULT, help="of the plan and of what clients want")
    parser.add_argument("--server", choices=[MYSQL, MARIADB], help="MySQL where there is one, unless told")
    parser.add_argument("--rate", type=float, default=Options.rate_per_second, help="bookings a second")
    parser.add_argument("--tracks", type=int, default=Options.tracks, help="faults at a time")
    parser.add_argument("--rounds", type=int, help="end after so many rounds of all kinds of faults")
    parser.add_argument("--patience", type=float, default=1.0, help="share of the usual times that things stay away")
    parser.add_argument("--mutation", default="", help="build these mistakes into the system")
    parser.add_argument("--report", type=Path, help="also write it here, as .json and .md")
    parser.add_argument("--folder", type=Path, help="keep logs and data here")
    arguments = parser.parse_args()
    try:
        kind = preferred([arguments.server] if arguments.server else [MYSQL, MARIADB])
    except NoServerError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if kind == MARIADB and not arguments.server:
        print(f"MariaDB: there is no mysqld on the PATH, and {SANDBOX_ROOT} is not set")
    print(f"seed {arguments.seed}, {kind}, {arguments.minutes:g} minutes", flush=True)
    if arguments.folder is not None:
        arguments.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        report = run(
            Options(
                seed=arguments.seed,
                kind=kind,
                folder=arguments.folder or Path(folder),
                seconds_max=arguments.minutes * 60,
                rounds=arguments.rounds,
                tracks=arguments.tracks,
                patience=arguments.patience,
                rate_per_second=arguments.rate,
                mutation=arguments.mutation,
            )
        )
    if arguments.report is not None:
        report.write(arguments.report)
    print(report.markdown())
    print(report.last_line())
    return 0 if report.verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
