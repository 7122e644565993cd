"""What this installation is called. It stands with the data: whoever shares them shares the name."""

from sqlalchemy import Connection, select

from auth_service.domain.models import Installation


def installation_name(connection: Connection) -> str:
    """Return the name that the migration gave. Raises LookupError when somebody deleted it."""
    name: str | None = connection.scalar(select(Installation.name))
    if name is None:
        msg = "the table `auth_installation` is empty; put one row with a name of 1 to 12 letters or digits into it"
        raise LookupError(msg)
    return name
