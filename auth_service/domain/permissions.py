"""Who may create which account."""

from auth_service.domain.errors import RoleNotAllowed

OPEN_ROLES = frozenset({"user", "public"})


def require_may_create(role: str, creator_role: str | None) -> None:
    """Allow anyone the open roles and an admin all; ``creator_role`` None is nobody. Raises RoleNotAllowed."""
    if role not in OPEN_ROLES and creator_role != "admin":
        raise RoleNotAllowed
