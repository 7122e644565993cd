"""What all lists that come in pages take: how many at once, and where to go on."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator

PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 500
PAGE_SIZE_DIGITS_MAX = 9  # more are more than any maximum, and int() does not read thousands of them
CURSOR_LENGTH_MAX = 64

Cursor = Annotated[
    str | None, Query(max_length=CURSOR_LENGTH_MAX, description="From the `Link` header of the page before.")
]


def capped(size_max: int) -> Callable[[object], object]:
    """Read a number of so many digits that nobody can mean it as ``size_max``."""

    def cap(value: object) -> object:
        too_long = isinstance(value, str) and len(digits := value.lstrip("0")) > PAGE_SIZE_DIGITS_MAX
        return size_max if too_long and digits.isascii() and digits.isdecimal() else value

    return cap


Limit = Annotated[
    int,
    Query(ge=0, description=f"How many a page; more than {PAGE_SIZE_MAX} count as that."),
    BeforeValidator(capped(PAGE_SIZE_MAX)),
]


def page_size(limit: int) -> int:
    """Tell how many a page has, when ``limit`` was asked for; 0 leaves it to us."""
    return min(limit, PAGE_SIZE_MAX) or PAGE_SIZE_DEFAULT
