"""What a role is made of, and what a token's scope allows."""

import json
from typing import get_args

import pytest

from auth_service.api.schemas import Role
from auth_service.domain.permissions import OPEN_ROLES
from shared.errors import Forbidden, Unauthenticated
from shared.identity.permissions import (
    ALL,
    BOOK,
    READ_ALL_BOOKINGS,
    ROLES,
    WRITE_ALL_EVENTS,
    WRITE_EVENTS,
    WRITE_USERS,
    permissions_of,
    scope_of,
)
from shared.identity.tokens import require
from tests.fixtures.tokens import assemble, claims, judge


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_token_says_what_its_role_is_made_of(role: str) -> None:
    assert permissions_of(scope_of(role), role) == ROLES[role]
    assert judge(assemble(json.dumps(claims(role=role, scope=scope_of(role))).encode())).permissions == ROLES[role]


def test_the_roles_of_the_interface_are_those_that_there_are() -> None:
    assert set(get_args(Role)) == set(ROLES)
    assert set(ROLES) > OPEN_ROLES


def test_what_anyone_may_become_may_do_nothing_to_others() -> None:
    for role in OPEN_ROLES:
        assert not ROLES[role] & {READ_ALL_BOOKINGS, WRITE_EVENTS, WRITE_ALL_EVENTS, WRITE_USERS}


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        ("public", ""),
        ("admin", "bookings:read events:write users:write"),
        (
            "admin",
            "bookings:confirm bookings:read bookings:read:all bookings:write:all events:write users:write",
        ),
    ],
)
def test_tokens_of_before_there_were_these_names_keep_working(role: str, scope: str) -> None:
    assert judge(assemble(json.dumps(claims(role=role, scope=scope)).encode())).permissions == ROLES[role]
    assert judge(assemble(json.dumps(claims(role=role)).encode())).permissions == ROLES[role]


def test_who_might_book_by_the_old_name_may_book() -> None:
    old = judge(assemble(json.dumps(claims(role="user", scope="bookings:read bookings:write")).encode()))
    assert old.permissions >= ROLES["user"]
    assert old.permissions & ALL == ROLES["user"]


def test_a_scope_is_never_widened_to_its_role_otherwise() -> None:
    assert permissions_of("events:write", "admin") == {WRITE_EVENTS}
    assert permissions_of("", "admin") == set()
    assert not permissions_of("bookings:read events:write users:write", "user") & {WRITE_ALL_EVENTS, WRITE_USERS}


@pytest.mark.parametrize("role", ["king", "", None, ..., ["admin"], 7])
def test_a_role_counts_only_where_there_is_no_scope(role: object) -> None:
    scope = "bookings:read bookings:create"
    assert judge(assemble(json.dumps(claims(role=role, scope=scope)).encode())).permissions == set(scope.split())
    assert judge(assemble(json.dumps(claims(role=role, scope="")).encode())).permissions == set()
    for without in (..., None):
        with pytest.raises(Unauthenticated):
            judge(assemble(json.dumps(claims(role=role, scope=without)).encode()))


@pytest.mark.parametrize("scope", [["bookings:create"], 1, {"bookings:create": True}, True])
def test_a_scope_that_is_no_text_is_not_ours(scope: object) -> None:
    with pytest.raises(Unauthenticated):
        judge(assemble(json.dumps(claims(scope=scope)).encode()))


def test_a_permission_is_asked_for_by_its_name() -> None:
    principal = judge(assemble(json.dumps(claims(role="user")).encode()))
    require(principal, BOOK)
    for permission in ALL - principal.permissions:
        with pytest.raises(Forbidden):
            require(principal, permission)
