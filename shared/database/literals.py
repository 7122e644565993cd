"""Values written out as SQL, for statements about a whole batch of rows.

SQLAlchemy binds and PyMySQL escapes each value of each row, which costs more than all else that a batch needs. What is
written here needs no escaping: bytes are hexadecimal literals, which MySQL, MariaDB and SQLite read alike, and the rest
are numbers and moments. Text from outside goes through `text`, and never into a statement as it is.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

from sqlalchemy import Connection

from shared.database.engines import is_mysql


def blob(value: bytes) -> str:
    """Write bytes."""
    return f"X'{value.hex()}'"


def text(connection: Connection, value: str | None) -> str:
    """Write text, or NULL for None, in the words of the database of ``connection``."""
    if value is None:
        return "NULL"
    literal = blob(value.encode())
    return f"_utf8mb4 {literal}" if is_mysql(connection) else f"CAST({literal} AS TEXT)"


def moment(value: datetime) -> str:
    """Write an aware moment as `UtcDateTime` stores it."""
    return f"'{value.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'microseconds')}'"


def numbers(values: Iterable[int]) -> str:
    """Write a list of numbers, without its brackets."""
    return ",".join(map(str, values))
