"""Who may give which role."""

from auth_service.domain.errors import RoleNotAllowed
from shared.identity.permissions import ROLES, WRITE_USERS, Permissions

NOBODY = Permissions()
# Whoever registers may choose one of these; they may do no more than anyone may have done.
OPEN_ROLES = frozenset({"user", "public"})
OPEN_PERMISSIONS = Permissions().union(*(ROLES[role] for role in OPEN_ROLES))


def require_may_give(role: str, granted: Permissions) -> None:
    """Allow everyone the open roles, and who may write users those that may do no more than they and everyone may.

    Raises RoleNotAllowed.
    """
    if role not in OPEN_ROLES and not (WRITE_USERS in granted and ROLES[role] <= granted | OPEN_PERMISSIONS):
        raise RoleNotAllowed
