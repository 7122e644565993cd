"""Selects whose conditions are written out: for one row, putting a statement together costs more than the answer.

What is selected is compiled once for each kind of database, and values are read as their columns' types do.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Dialect, select
from sqlalchemy.orm import InstrumentedAttribute

Column = ColumnElement[Any] | InstrumentedAttribute[Any]
Read = Callable[[Any], Any]


class WrittenSelect:
    """Selects the same columns again and again."""

    def __init__(self, *columns: Column) -> None:
        """Select ``columns``, which together name the tables to select from."""
        self._columns = columns
        self._prepared: dict[str, tuple[str, list[tuple[int, Read]]]] = {}

    def rows(self, connection: Connection, condition: str) -> Iterator[list[Any]]:
        """Read the rows for which ``condition`` holds: SQL made of numbers and `literals`, and no text from outside."""
        dialect = connection.dialect
        columns, reads = self._prepared.get(dialect.name) or self._prepare(dialect)
        for row in connection.exec_driver_sql(f"{columns} WHERE {condition}"):
            values = list(row)
            for position, read in reads:
                values[position] = read(values[position])
            yield values

    def _prepare(self, dialect: Dialect) -> tuple[str, list[tuple[int, Read]]]:
        query = select(*self._columns)
        processors = [
            column.type.dialect_impl(dialect).result_processor(dialect, None) for column in query.selected_columns
        ]
        reads: list[tuple[int, Read]] = [
            (position, read) for position, read in enumerate(processors) if read is not None
        ]
        compiled = query.compile(dialect=dialect, compile_kwargs={"literal_binds": True})
        prepared = self._prepared[dialect.name] = str(compiled), reads
        return prepared
