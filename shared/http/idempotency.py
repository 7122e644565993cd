"""Requests that may be repeated: the key that a caller gives one, and how an answer says that it repeats another."""

import re
from typing import Annotated, Final

from fastapi import Header

from shared.database.types import IDEMPOTENCY_KEY_LENGTH_MAX
from shared.errors import InvalidInput

# On an answer that repeats what an earlier request with the same key has done. No standard names it; others call it so.
REPLAYED: Final = "Idempotency-Replayed"

KEY_PATTERN = re.compile(rf"[\x21-\x7e]([\x20-\x7e]{{0,{IDEMPOTENCY_KEY_LENGTH_MAX - 2}}}[\x21-\x7e])?")
QUOTED = re.compile(r'"((?:[^"\\]|\\["\\])*)"')

IdempotencyKey = Annotated[
    str | None,
    Header(description=f"Repeats are answered as the first request was, with `{REPLAYED}: true`."),
]


def parse_idempotency_key(header: str | None, pointer: str = "#/header/Idempotency-Key") -> str | None:
    """Read an Idempotency-Key (IETF httpapi draft 07): a quoted structured string, or the same unquoted.

    Raises InvalidInput, pointing with ``pointer``, when it is empty, too long or not printable ASCII, or has a comma
    outside of quotes: those may have been two lines.
    """
    if header is None:
        return None
    key = header.strip(" \t")
    if quoted := QUOTED.fullmatch(key):
        key = re.sub(r"\\(.)", r"\1", quoted[1]).strip(" ")
    elif "," in key:
        raise InvalidInput.at(pointer, "Give one key, in double quotes if it has a comma.")
    if not KEY_PATTERN.fullmatch(key):
        message = f"Use 1 to {IDEMPOTENCY_KEY_LENGTH_MAX} printable ASCII characters."
        raise InvalidInput.at(pointer, message)
    return key
