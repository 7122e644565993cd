"""What the clients asked and what they were answered: all that the checker knows of them."""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

BOOK: Final = "book"
POLL: Final = "poll"

# Instead of a status:
LOST: Final = 0  # the connection was refused or ended before the answer
LATE: Final = -1  # no answer within its bound

NO_BOOKING: Final = -1  # the number in answers to acts upon a whole event


class Asked(NamedTuple):
    """A booking that a client wants. Without ``key`` the ``user`` is its own and asks once."""

    number: int
    user: int
    key: str | None
    event_id: int
    seats: int
    began: float  # seconds of the clock on the wall, as all times here
    seats_min: int | None = None


class Act(NamedTuple):
    """A change that ``user`` wants, of a ``kind`` that `models.py` lists: of a booking, or of a whole event."""

    number: int
    kind: str
    user: int
    key: str | None
    event_id: int
    booking_id: str | None
    argument: int | None
    began: float


class Answer(NamedTuple):
    """How one request ended."""

    number: int  # of what was asked
    kind: str  # BOOK, POLL or that of an act
    began: float
    ended: float
    status: int
    booking_id: str | None = None  # in a 202 or 200
    state: str | None = None  # as above
    seats: int | None = None  # as above
    act: int | None = None  # its number
    problem: str | None = None  # the code of a refusal


@dataclass
class History:
    """Everything, in the order in which it ended."""

    asked: list[Asked] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    unresolved: set[int] = field(default_factory=set)  # numbers of what has no last answer yet
    unresolved_acts: set[int] = field(default_factory=set)  # as above
