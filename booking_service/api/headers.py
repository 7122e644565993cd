"""Request headers with a grammar of their own.

Those that are lists come as their lines, which mean the same as one line joined by commas (RFC 9110, section 5.3).
"""

import re
from collections.abc import Sequence

# What follows scans a text once: a possessive quantifier (`*+`) gives nothing back.
# In a preference, commas within quotes are no ends; quotes that never end take the rest.
QUOTED_IN_LIST = r'"(?:[^"\\]|\\.?)*+(?:"|\Z)'
OTHER_PREFERENCE = rf'(?![ \t]*+wait[ \t]*+(?:[=;,]|\Z))(?:[^",]|{QUOTED_IN_LIST})*+,'
FIRST_WAIT = re.compile(
    rf'(?:{OTHER_PREFERENCE})*+[ \t]*+wait[ \t]*+=[ \t]*+(?:([0-9]++)|"([0-9]++)")[ \t]*+(?:[;,]|\Z)',
    re.IGNORECASE | re.DOTALL,
)
WAIT_DIGITS_MAX = 9  # more are more than any maximum


def parse_wait_seconds(prefer: Sequence[str], wait_seconds_max: int) -> int | None:
    """Read `wait=n` from the lines of a Prefer header (RFC 7240), capped; None when there is none.

    Of several only the first counts, which is none when it cannot be understood.
    """
    if not prefer:
        return None
    wait = FIRST_WAIT.match(", ".join(prefer))
    if wait is None:
        return None
    digits = (wait[1] or wait[2]).lstrip("0") or "0"
    return wait_seconds_max if len(digits) > WAIT_DIGITS_MAX else min(int(digits), wait_seconds_max)
