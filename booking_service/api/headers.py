"""Request headers with a grammar of their own."""

import re

from booking_service.domain.models import IDEMPOTENCY_KEY_LENGTH_MAX
from shared.errors import InvalidInput

KEY_PATTERN = re.compile(rf"[\x21-\x7e]([\x20-\x7e]{{0,{IDEMPOTENCY_KEY_LENGTH_MAX - 2}}}[\x21-\x7e])?")
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
WAIT_PATTERN = re.compile(r"wait\s*=\s*\"?([0-9]{1,9})\"?", re.IGNORECASE)


def parse_idempotency_key(header: str | None) -> str | None:
    """Read an Idempotency-Key (IETF httpapi draft 07): a quoted structured string, or the same unquoted.

    Raises InvalidInput when it is empty, too long or not printable ASCII.
    """
    if header is None:
        return None
    key = header.strip(" \t")
    if quoted := QUOTED.fullmatch(key):
        key = re.sub(r"\\(.)", r"\1", quoted[1]).strip(" ")
    if not KEY_PATTERN.fullmatch(key):
        message = f"Use 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters."
        raise InvalidInput.at("#/header/Idempotency-Key", message)
    return key


def parse_wait_seconds(prefer: str | None, wait_seconds_max: int) -> int | None:
    """Read `wait=n` from a Prefer header (RFC 7240), capped; None when there is none that can be understood."""
    for preference in (prefer or "").split(","):
        if wait := WAIT_PATTERN.fullmatch(preference.split(";")[0].strip()):
            return min(int(wait[1]), wait_seconds_max)
    return None
