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
ENTITY_TAG = r'(?:W/)?+"[\x21\x23-\x7e\x80-\xff]*+"'
ENTITY_TAGS = re.compile(rf"[ \t,]*+(?:{ENTITY_TAG}[ \t]*+(?:,[ \t,]*+|\Z))*+")
OPAQUE_TAG = re.compile(r'"[^"]*+"')


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


def is_among(etag: str, if_none_match: Sequence[str]) -> bool:
    """Whether ``etag`` is one of the lines of an If-None-Match header, by weak comparison (RFC 9110, section 13.1.2).

    `*` means any, alone; what is no list of entity tags means none.
    """
    field = ", ".join(if_none_match).strip(" \t")
    if field == "*":
        return True
    return ENTITY_TAGS.fullmatch(field) is not None and etag in OPAQUE_TAG.findall(field)
