"""Column types that mean the same on MySQL, MariaDB and SQLite."""

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Integer, LargeBinary
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

Result = TypeVar("Result")

# Binary collation: equal means equal, on MySQL as on MariaDB. The key columns are normalised before they are stored.
TABLE_OPTIONS: dict[str, Any] = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}

IDEMPOTENCY_KEY_LENGTH_MAX = 255  # characters; what an index takes on every database

# SQLite counts up only in a column that is exactly INTEGER.
RowId = BigInteger().with_variant(Integer, "sqlite")


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, stored as naive UTC with microseconds, because PyMySQL drops zones without a word."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401  SQLAlchemy's own signature
        """Store fractions on MySQL, whose DATETIME has none by default."""
        return dialect.type_descriptor(mysql.DATETIME(fsp=6) if dialect.name in {"mysql", "mariadb"} else DateTime())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn an aware moment into naive UTC. Raises ValueError for a naive one, whose zone nobody knows."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "a moment without a zone cannot be stored"
            raise ValueError(msg)
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give back what was stored as aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


class BinaryUuid(TypeDecorator[UUID]):
    """A UUID in 16 bytes, so that UUIDv7 keys sort by time on every database."""

    impl = LargeBinary(16)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:  # noqa: ANN401  SQLAlchemy's own signature
        """Take exactly 16 bytes on MySQL; SQLite's BLOB has no length."""
        return dialect.type_descriptor(mysql.BINARY(16) if dialect.name in {"mysql", "mariadb"} else LargeBinary(16))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        """Store the 16 bytes."""
        return None if value is None else value.bytes

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> UUID | None:  # noqa: ARG002
        """Read the 16 bytes."""
        return None if value is None else UUID(bytes=value)


class NoneAs(TypeDecorator[Result]):
    """A column whose None is stored as a value that nothing else has, so that filling it in takes no room.

    Queries compare with that value: to the database nothing here is NULL.
    """

    impl = LargeBinary  # replaced for each column
    cache_ok = True

    def __init__(self, impl: TypeEngine[Result], stands_for_none: Result) -> None:
        """Store values as ``impl`` does, and None as ``stands_for_none``."""
        super().__init__()
        # Declared as a class, but SQLAlchemy too has an instance here by now.
        self.impl = impl  # type: ignore[assignment]
        self.stands_for_none = stands_for_none

    def process_bind_param(self, value: Result | None, dialect: Dialect) -> Result | None:  # noqa: ARG002
        """Turn None into what stands for it."""
        return self.stands_for_none if value is None else value

    def process_result_value(self, value: Result | None, dialect: Dialect) -> Result | None:  # noqa: ARG002
        """Turn what stands for None into None."""
        return None if value == self.stands_for_none else value
