"""Wiring: each route is public by decision or demands a token, and tells in OpenAPI all that may come of it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.testclient import TestClient

import auth_service.main
import booking_service.main
from shared.http.authentication import authenticated
from shared.http.problems import MEDIA_TYPE, ProblemBody
from shared.http.strict_route import StrictRoute
from tests.fixtures.accounts import auth_settings
from tests.fixtures.box_office import booking_settings

DOCUMENTATION = {
    ("GET", "/docs"),
    ("GET", "/docs/oauth2-redirect"),
    ("GET", "/redoc"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
    ("*", "/static-offline-docs"),
}
# What anybody may call. A route that is not here must demand a token.
PUBLIC = {
    "auth": {
        ("POST", "/users"),  # which asks for an admin's token itself, when an admin is to be registered
        ("POST", "/login"),
        ("POST", "/token/refresh"),  # the refresh token is the proof
        ("POST", "/verify-email"),  # a mailed token is enough
        ("POST", "/password-reset"),
        ("POST", "/password-reset/confirm"),  # as above
        ("GET", "/"),
        ("GET", "/.well-known/jwks.json"),
        ("GET", "/.well-known/oauth-authorization-server"),
        ("GET", "/.well-known/revocations"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
    },
    "booking": {
        ("GET", "/"),
        ("GET", "/events"),
        ("GET", "/events/{event_id}"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
    },
}
HEALTH, INDEX = "/health/", "/"


def application(service: str) -> FastAPI:
    if service == "auth":
        return auth_service.main.create_app(auth_settings("sqlite:///never-made.db")).api
    return booking_service.main.create_app(booking_settings("sqlite:///never-made.db")).api


@pytest.fixture(scope="module", params=sorted(PUBLIC))
def service(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def app(service: str) -> FastAPI:
    return application(service)


def calls(dependant: Dependant) -> Iterator[object]:
    for dependency in dependant.dependencies:
        yield dependency.call
        yield from calls(dependency)


def demands_token(route: RouteContext) -> bool:
    dependant = getattr(route, "dependant", None)
    return isinstance(dependant, Dependant) and authenticated in calls(dependant)


def addresses(route: RouteContext) -> set[tuple[str, str]]:
    return {(method, route.path or "") for method in route.methods or {"*"}}


def test_each_route_is_on_the_public_list_or_demands_a_token(app: FastAPI, service: str) -> None:
    routes = list(iter_route_contexts(app.routes))
    open_to_all = {address for route in routes if not demands_token(route) for address in addresses(route)}
    assert open_to_all == PUBLIC[service] | DOCUMENTATION


def test_the_guarded_routes_are_really_seen(app: FastAPI, service: str) -> None:
    guarded = {
        address for route in iter_route_contexts(app.routes) if demands_token(route) for address in addresses(route)
    }
    expected = {
        "auth": {
            ("GET", "/users/me"),
            ("POST", "/users/me/verification"),
            ("POST", "/logout"),
            ("POST", "/logout/all"),
            ("GET", "/users/me/sessions"),
            ("GET", "/audit-log"),
            ("PATCH", "/users/me"),
            ("DELETE", "/users/me"),
            ("POST", "/users/me/password"),
            ("GET", "/users/me/export"),
            ("GET", "/users"),
            ("PATCH", "/users/{user_id}"),
            ("GET", "/users/{user_id}/sessions"),
            ("DELETE", "/users/me/sessions/{session_id}"),
        },
        "booking": {
            ("POST", "/events"),
            ("PATCH", "/events/{event_id}"),
            ("DELETE", "/events/{event_id}"),
            ("POST", "/events/{event_id}/book"),
            ("GET", "/bookings/{booking_id}"),
            ("PATCH", "/bookings/{booking_id}"),
            ("DELETE", "/bookings/{booking_id}"),
            ("POST", "/bookings/{booking_id}/confirm"),
        },
    }
    assert guarded >= expected[service]


def test_each_route_of_ours_reads_strictly(app: FastAPI) -> None:
    ours = [route for route in iter_route_contexts(app.routes) if addresses(route).isdisjoint(DOCUMENTATION)]
    assert [route.path for route in ours if not isinstance(route.original_route, StrictRoute)] == []


def test_each_operation_is_described_once(app: FastAPI, service: str) -> None:
    # HEAD and OPTIONS go without saying wherever there is an operation.
    expected = {"auth": {"GET", "POST", "PATCH", "DELETE"}, "booking": {"GET", "POST", "PATCH", "DELETE"}}
    assert {method for method, _, _ in operations(app)} == expected[service]


def operations(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_each_operation_has_a_summary_and_a_tag(app: FastAPI) -> None:
    for method, path, operation in operations(app):
        assert operation.get("summary"), (method, path)
        assert operation.get("tags"), (method, path)


def test_each_operation_documents_what_can_go_wrong(app: FastAPI) -> None:
    guarded = {
        address for route in iter_route_contexts(app.routes) if demands_token(route) for address in addresses(route)
    }
    for method, path, operation in operations(app):
        if path == INDEX or path.startswith((HEALTH, "/.well-known")):
            continue
        statuses = set(operation["responses"])
        takes_input = "requestBody" in operation or "parameters" in operation
        assert {"422", "503"} <= statuses or (not takes_input and "503" in statuses), (method, path)
        assert "401" in statuses or (method, path) not in guarded, (method, path)
        assert {"413", "415"} <= statuses or "requestBody" not in operation, (method, path)


def test_each_documented_problem_is_one(app: FastAPI) -> None:
    for method, path, operation in operations(app):
        for status, response in operation["responses"].items():
            if int(status) < 400 or path.startswith(HEALTH):
                continue
            assert list(response["content"]) == [MEDIA_TYPE], (method, path, status)
            examples = response["content"][MEDIA_TYPE]["examples"]
            assert examples, (method, path, status)
            for example in examples.values():
                problem = ProblemBody.model_validate(example["value"], strict=True)
                assert problem.status == int(status)


def test_the_description_refers_to_nothing_that_is_not_in_it(app: FastAPI) -> None:
    document = app.openapi()
    for reference in set(re.findall(r'"\$ref": "([^"]*)"', json.dumps(document))):
        target: Any = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_the_documentation_works_without_the_internet(app: FastAPI, page: str) -> None:
    client = TestClient(app)  # not entered: nothing is started for it
    html = client.get(page).text
    assert re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]+", html) == []
    own = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert any(address.endswith(".js") for address in own)
    for address in own:
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.content
