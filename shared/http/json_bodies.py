"""JSON as it is sent between machines (RFC 8259, section 8.1): UTF-8, and each member of an object once (section 4).

Python's json finds out by itself that bytes are UTF-16, and of two members of one name it takes the last, where another
reader takes the first.
"""

import json
from collections import Counter
from typing import Any

from starlette.requests import Request

from shared.errors import FieldError, InvalidInput
from shared.http.problems import pointer_to

UTF_8 = "utf-8"
NOT_UTF_8 = "Send the body as JSON in UTF-8, without a byte order mark."
MEMBER_ONCE = "Give this once."
MEMBERS_ONCE = "Give each member of an object once."
# Of a whole number: more are beyond every bound, and int() gives up after some thousands of them.
DIGITS_MAX = 100


class JsonRequest(Request):
    """A request whose body is read by `read_json`."""

    async def json(self) -> Any:  # noqa: ANN401  Starlette's own signature
        """Return the body's value. Raises what `read_json` does."""
        return read_json(await self.body())


def read_json(body: bytes) -> Any:  # noqa: ANN401  whatever is in it
    """Return the value of ``body``.

    Raises InvalidInput when it is not UTF-8 or has a member twice, json.JSONDecodeError or RecursionError when it is no
    JSON, or deeper than Python can read.
    """
    if json.detect_encoding(body) != UTF_8:
        raise InvalidInput.at("#", NOT_UTF_8)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput.at("#", NOT_UTF_8) from error
    members = _Members()
    value = json.loads(text, object_pairs_hook=members, parse_int=_whole_number)
    if members.repeated_somewhere:
        # The outermost object is the last to be complete.
        outermost = members.repeated if isinstance(value, dict) else []
        errors = [FieldError(MEMBER_ONCE, pointer_to(name)) for name in outermost[:1]]
        raise InvalidInput(errors=tuple(errors or [FieldError(MEMBERS_ONCE, "#")]))
    return value


class _Members:
    """Makes objects, and takes note of the names that come twice."""

    def __init__(self) -> None:
        self.repeated: list[str] = []  # in the object that was made last
        self.repeated_somewhere = False

    def __call__(self, members: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(members)
        self.repeated = []
        if len(made) < len(members):
            self.repeated = [name for name, count in Counter(name for name, _ in members).items() if count > 1]
            self.repeated_somewhere = True
        return made


def _whole_number(digits: str) -> int:
    return int(digits[:DIGITS_MAX])
