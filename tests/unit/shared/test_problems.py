"""The family of errors: each a stable document that agrees with its status and carries the headers it must."""

import json
from urllib.parse import urlsplit

import pytest

import auth_service.domain.errors
import booking_service.domain.errors
import shared.http.framing
import shared.http.protocol
import shared.identity.keys
from shared.errors import Conflict, FieldError, InvalidInput, Overloaded, Problem, Unauthenticated, Unavailable
from shared.http.problems import documented, problem_body, problem_headers

MODULES = (
    auth_service.domain.errors,
    booking_service.domain.errors,
    shared.http.framing,
    shared.http.protocol,
    shared.identity.keys,
)


def family(problem: type[Problem]) -> list[type[Problem]]:
    return [problem, *(member for child in problem.__subclasses__() for member in family(child))]


PROBLEMS = family(Problem)[1:]
STATUSES = {400, 401, 403, 404, 405, 408, 409, 413, 415, 422, 429, 431, 500, 501, 503, 505}


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_is_a_document_that_stands_for_itself(problem: type[Problem]) -> None:
    document = json.loads(problem_body(problem()))
    assert document["status"] == problem.status in STATUSES
    assert urlsplit(document["type"]).scheme in {"urn", "https"}
    assert document["title"]
    assert document["detail"] or problem is Conflict  # whose children say it
    assert document.get("errors") != []


@pytest.mark.parametrize("problem", PROBLEMS)
def test_each_problem_carries_the_headers_of_its_status(problem: type[Problem]) -> None:
    headers = problem_headers(problem())
    assert headers["Content-Type"] == "application/problem+json"
    assert ("WWW-Authenticate" in headers) == (problem.status == 401)
    assert ("Accept" in headers or "Accept-Encoding" in headers) == (problem.status == 415)
    assert ("Retry-After" in headers) == (problem.status in {429, 503})
    assert int(headers.get("Retry-After", 1)) >= 1


def test_each_kind_has_a_type_of_its_own() -> None:
    types = [problem().type for problem in PROBLEMS if "code" in vars(problem)]
    assert len(set(types)) == len(types)


def test_the_families_in_the_modules_are_really_found() -> None:
    found = {problem.__module__ for problem in PROBLEMS}
    assert {module.__name__ for module in MODULES} <= found


def test_the_words_of_one_case_replace_the_classs_own() -> None:
    assert json.loads(problem_body(Conflict("Not today.")))["detail"] == "Not today."


def test_what_is_wrong_is_pointed_at() -> None:
    document = json.loads(problem_body(InvalidInput(errors=(FieldError("Too short", "#/name"),))))
    assert document["errors"] == [{"detail": "Too short", "pointer": "#/name"}]


def test_problems_of_one_status_are_documented_side_by_side() -> None:
    responses = documented(Unavailable, Unauthenticated, Overloaded)
    assert set(responses) == {401, 503}
    content = responses[503]["content"]["application/problem+json"]
    assert set(content["examples"]) == {"unavailable", "temporary-reduced-capacity"}


def test_the_documented_schema_needs_nothing_from_elsewhere() -> None:
    # "#/$defs/…" would be looked for at the root of the OpenAPI document.
    assert "$ref" not in json.dumps(documented(InvalidInput))
