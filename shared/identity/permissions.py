"""What a request may do: the one room that says so, for both services.

A permission is a word in the `scope` of a token (RFC 9068, section 2.2.3). A role is a named set of permissions. Who
has which role is the auth service's to know, and nobody else asks for a role by its name.
"""

from collections.abc import Mapping
from typing import Final

BOOK: Final = "bookings:create"
CONFIRM: Final = "bookings:confirm"  # held seats, whose-ever they are: a payment has arrived
READ_BOOKINGS: Final = "bookings:read"
READ_ALL_BOOKINGS: Final = "bookings:read:any"
WRITE_ALL_BOOKINGS: Final = "bookings:write:any"  # cancel and change whose-ever they are; not book for others
WRITE_EVENTS: Final = "events:write"  # create events, change and call off one's own
WRITE_ALL_EVENTS: Final = "events:write:any"
WRITE_USERS: Final = "users:manage"
READ_AUDIT_LOG: Final = "audit-log:read"

Permissions = frozenset[str]

NOTHING: Final = Permissions()
# What a user has only once the address is verified, where REQUIRE_VERIFIED_EMAIL says so.
NEEDS_VERIFIED_EMAIL: Final = Permissions({BOOK})

ROLES: Mapping[str, Permissions] = {
    "public": Permissions(),
    "user": Permissions({READ_BOOKINGS, BOOK}),
    "organizer": Permissions({READ_BOOKINGS, BOOK, WRITE_EVENTS}),
    "admin": Permissions(
        {
            READ_BOOKINGS,
            READ_ALL_BOOKINGS,
            WRITE_ALL_BOOKINGS,
            CONFIRM,
            WRITE_EVENTS,
            WRITE_ALL_EVENTS,
            WRITE_USERS,
            READ_AUDIT_LOG,
        }
    ),
}
ALL: Permissions = Permissions().union(*ROLES.values())
# What tokens of before these names say; the last of them ended long ago once all replicas are newer than that. Only
# admins had the second.
_OLD_BOOK, _OLD_ADMINS = "bookings:write", "users:write"


def scope_of(role: str, withheld: Permissions = NOTHING) -> str:
    """Write what ``role`` may do as a token says it, without what is ``withheld``."""
    return " ".join(sorted(ROLES[role] - withheld))


def permissions_of(scope: str | None, role: str | None) -> Permissions:
    """Read what a token allows: its ``scope``, or without one what its ``role`` is made of.

    A role beside a scope says nothing, so it may be one that this version does not know. Raises ValueError for such a
    role without a scope.
    """
    if scope is None:
        if role is None or role not in ROLES:
            msg = "neither a scope nor a role that we give out"
            raise ValueError(msg)
        return ROLES[role]
    granted = Permissions(scope.split())
    if role == "admin" and _OLD_ADMINS in granted:
        return ROLES["admin"]
    return granted | {BOOK} if _OLD_BOOK in granted else granted
