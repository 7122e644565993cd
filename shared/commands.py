"""What the commands of both services share: a database for one command, whose trouble is told in one line."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from shared.configuration.settings import Settings, variable_of
from shared.console import complain
from shared.database.units import Database, reason
from shared.errors import Unavailable

EXIT_FAILED = 1
AWAY = (OperationalError, InterfaceError, Unavailable)


@contextmanager
def database_of(command: str, settings: Settings, url: SecretStr) -> Iterator[Database]:
    """Give ``command`` one connection to ``url``; end the process with a line that names the variable if that fails."""
    database = Database.connect(url.get_secret_value(), settings, pool_size=1)
    try:
        yield database
    except (DBAPIError, Unavailable, CommandError, TimeoutError) as error:
        what = "the database does not answer" if isinstance(error, AWAY) else "the database is not as it should be"
        complain(f"{command} failed: {variable_of(type(settings), 'database_url')}: {what}: {reason(error)}")
        raise SystemExit(EXIT_FAILED) from error
    finally:
        database.close()
