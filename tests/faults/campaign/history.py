"""What the clients asked and what they were answered: all that the checker knows of them."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

BOOK: Final = "book"
POLL: Final = "poll"

# Instead of a status:
LOST: Final = 0  # the connection was refused or ended before the answer
LATE: Final = -1  # no answer within its bound


class Asked(NamedTuple):
    """A booking that a client wants. Without ``key`` the ``user`` is its own and asks once."""

    number: int
    user: int
    key: str | None
    event_id: int
    seats: int
    began: float  # seconds of the clock on the wall, as all times here


class Answer(NamedTuple):
    """How one request ended."""

    number: int  # of what was asked
    kind: str
    began: float
    ended: float
    status: int
    booking_id: str | None = None  # in a 202 or 200
    state: str | None = None  # as above


@dataclass
class History:
    """Everything, in the order in which it ended."""

    asked: list[Asked] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    unresolved: set[int] = field(default_factory=set)  # numbers of what has no last answer yet
