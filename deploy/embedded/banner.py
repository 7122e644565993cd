"""What `make run` says once everything is ready, and when it is not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).parent.parent / "example.sh"
# Where the reason is, when it is not in the log of the service that tells of it.
LOGS = {"workers": ("worker", "beat"), "redis": ("broker", "booking"), "mail": ("deliveries", "deliveries-beat")}
BANNER = """
Ready.

  auth     {auth}   documentation: {auth}/docs
  booking  {booking}   documentation: {booking}/docs
  admin    {email}   password: {password}
  data     {data}   logs: {data}/logs
  broker   {broker}
  mail     {mail}

To try it, paste this into another terminal:

AUTH={auth}
BOOKING={booking}
ADMIN_EMAIL={email}
ADMIN_PASSWORD='{password}'

{example}
Ctrl-C stops everything; the data stays.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What differs from run to run."""

    auth: str
    booking: str
    email: str
    password: str
    data: Path
    broker: str
    mail: str


def banner(facts: Facts) -> str:
    """Write the addresses, the admin's login and the example of README with them filled in."""
    return BANNER.format(
        auth=facts.auth,
        booking=facts.booking,
        email=facts.email,
        password=facts.password,
        data=facts.data,
        broker=facts.broker,
        mail=facts.mail,
        example=EXAMPLE.read_text(encoding="utf-8"),
    )


def missing_parts(missing: Mapping[str, Mapping[str, str]], logs: Path) -> str:
    """Write a line for each thing that each service lacks, with the logs that have the reason."""
    return "\n".join(_lines(missing, logs))


def _lines(missing: Mapping[str, Mapping[str, str]], logs: Path) -> Iterator[str]:
    for name, lacks in missing.items():
        for what, state in lacks.items():
            files = " and ".join(f"{logs / log}.log" for log in LOGS.get(what, (name,)))
            yield f"{name} did not become ready: {what}: {state}; see {files}"
