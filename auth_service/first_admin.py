"""The first admin, whom nobody with a token could register."""

from pydantic import ValidationError

from auth_service.api.schemas import UserIn
from auth_service.domain import accounts
from auth_service.domain.accounts import Account, NewAccount
from auth_service.domain.errors import EmailTaken
from auth_service.domain.passwords import Hasher, require_good
from shared.database.units import Database
from shared.errors import FieldError, InvalidInput
from shared.wording import wording

NAME = "Administrator"


class AddressTaken(Exception):  # noqa: N818  named as what happened
    """The address belongs to someone who is no admin; nobody becomes one by a restart."""

    def __init__(self, account: Account) -> None:
        super().__init__(f"{account.email} is taken by an account with role {account.role}")


def checked(email: str, password: str, length_min: int) -> UserIn:
    """Hold an admin's address and password to the rules of everyone's. Raises InvalidInput."""
    try:
        new = UserIn(name=NAME, email=email, password=password, role="admin")
    except ValidationError as error:
        complaints = tuple(FieldError(wording(line), f"#/{line['loc'][0]}") for line in error.errors())
        raise InvalidInput(errors=complaints) from error
    require_good(new.password, length_min)
    return new


def ensure(database: Database, hasher: Hasher, new: UserIn) -> bool:
    """Make the admin; return False when it is there already, whatever its password. Raises AddressTaken.

    Several may call this at once.
    """
    if _is_there(database, new.email):
        return False
    account = NewAccount(new.name, new.email, hasher.hash(new.password), new.role)
    try:
        database.write(lambda connection: accounts.add(connection, account), repeat_lost=True)
    except EmailTaken:  # by another who called this, or registered, at the same moment
        _is_there(database, new.email)
        return False
    return True


def _is_there(database: Database, email: str) -> bool:
    existing: Account | None = database.read(lambda connection: accounts.with_email(connection, email))
    if existing is not None and existing.role != "admin":
        raise AddressTaken(existing)
    return existing is not None
