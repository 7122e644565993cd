"""Who may create which account."""

from auth_service.domain.errors import RoleNotAllowed
from shared.identity.permissions import WRITE_USERS, Permissions

NOBODY = Permissions()
# Whoever registers may choose one of these; they may do no more than anyone may have done.
OPEN_ROLES = frozenset({"user", "public"})


def require_may_create(role: str, granted: Permissions) -> None:
    """Allow everyone the open roles, and any role to who may write users. Raises RoleNotAllowed."""
    if role not in OPEN_ROLES and WRITE_USERS not in granted:
        raise RoleNotAllowed
