"""Statements of whoever holds a lane's lock, who knows what is there."""

from sqlalchemy import Connection


class SettlementConflictError(RuntimeError):
    """The rows are not as the lane's holder left them: somebody wrote without the lock. Nothing is committed."""


def run(connection: Connection, statement: str, *, rows: int) -> None:
    """Execute ``statement``, which changes so many ``rows``. Raises SettlementConflictError when it does not."""
    changed = connection.exec_driver_sql(statement).rowcount
    if changed != rows:
        msg = f"{changed} rows changed where {rows} should have"
        raise SettlementConflictError(msg)
