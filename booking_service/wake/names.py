"""What one installation calls its queues and keys, so that several may share a broker and never hear each other."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Names:
    """The names that carry an installation's own."""

    lanes_queue: str
    sweep_queue: str
    key_prefix: str  # of everything in Redis that is not the broker's

    @classmethod
    def of(cls, installation: str) -> "Names":
        """Name what belongs to ``installation``."""
        return cls(f"lanes.{installation}", f"sweep.{installation}", f"event-booking:{installation}:")


# Asked when a name is first needed, because the database that knows it may be away until then.
FindNames = Callable[[], Names]
