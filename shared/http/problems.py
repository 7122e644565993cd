"""Every error leaves as `application/problem+json` (RFC 9457) through this one place."""

import json
import logging
from collections.abc import Iterable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from shared.errors import (
    FieldError,
    Forbidden,
    InternalError,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    Problem,
    Unauthenticated,
    Unavailable,
    UnsupportedCoding,
    UnsupportedMediaType,
)
from shared.http.methods import allowed_methods
from shared.wording import WORDS, wording

MEDIA_TYPE = "application/problem+json"
# What can be wrong wherever a body is read: see `strict_route.py` and `edge.py`.
OF_BODIES = (InvalidInput, PayloadTooLarge, UnsupportedMediaType, UnsupportedCoding)

log = logging.getLogger(__name__)


class FieldErrorBody(BaseModel):
    """One thing wrong with the input."""

    detail: str
    pointer: str = Field(
        description="JSON pointer into the body (`#/email`), or `#/query/…`, `#/path/…`, `#/header/…`."
    )


class ProblemBody(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(description="Stable URI that identifies the kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What to do about it.")
    errors: list[FieldErrorBody] | None = None


def problem_body(problem: Problem) -> bytes:
    """Write ``problem`` as an RFC 9457 document."""
    document: dict[str, Any] = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = [{"detail": error.detail, "pointer": error.pointer} for error in problem.errors]
    return json.dumps(document).encode()


def problem_headers(problem: Problem) -> dict[str, str]:
    """Return the headers that this kind of problem must carry."""
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **problem.headers, **problem.case_headers}
    if problem.retry_after_seconds is not None:
        headers["Retry-After"] = str(problem.retry_after_seconds)
    return headers


def problem_response(problem: Problem) -> Response:
    """Answer ``problem``."""
    return Response(problem_body(problem), problem.status, problem_headers(problem))


def _schema() -> dict[str, Any]:
    # In one piece: a `$ref` into `$defs` would be looked for at the root of the OpenAPI document.
    schema = ProblemBody.model_json_schema()
    (schema["properties"]["errors"]["anyOf"][0]["items"],) = schema.pop("$defs").values()
    return schema


def answer_problem(problem: Problem) -> Response:
    """Answer ``problem``, and log it when the fault is on our side."""
    if isinstance(problem, Unavailable):
        log.warning("%s: %s", problem.title, problem.__cause__ or problem.detail)
    return problem_response(problem)


def documented(*problems: type[Problem]) -> dict[int | str, dict[str, Any]]:
    """Describe ``problems`` for a route's OpenAPI `responses`, each with an example."""
    responses: dict[int | str, dict[str, Any]] = {}
    for problem in problems:
        entry = responses.setdefault(
            problem.status,
            {
                "description": problem.title,
                "content": {MEDIA_TYPE: {"schema": _schema(), "examples": {}}},
            },
        )
        entry["content"][MEDIA_TYPE]["examples"][problem.code] = {"value": json.loads(problem_body(problem()))}
    return responses


def install(app: FastAPI) -> None:
    """Make every error of ``app`` a problem document, its own OpenAPI included."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_bug)


async def _on_problem(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)  # noqa: S101  what the handler is registered for
    return answer_problem(error)


async def _on_invalid_request(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  what the handler is registered for
    # Never with the input itself: NaN and lone surrogates in it cannot be written as JSON, and it may be a password.
    errors = tuple(FieldError(wording(entry), _pointer(entry["loc"], str(entry["type"]))) for entry in error.errors())
    return problem_response(InvalidInput(errors=errors))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  what the handler is registered for
    known: dict[int, Problem] = {
        # FastAPI's word for a body whose parsing failed in an unforeseen way: too deep.
        400: InvalidInput.at("#", WORDS["json_invalid"]),
        401: Unauthenticated(),
        403: Forbidden(),
        404: NotFound(),
        405: MethodNotAllowed(),
        413: PayloadTooLarge(),
    }
    # FastAPI wraps whatever interrupts its reading of the body, our own refusals too.
    problem = error.__cause__ if isinstance(error.__cause__, Problem) else known.get(error.status_code, InternalError())
    response = problem_response(problem)
    if error.status_code == MethodNotAllowed.status:
        # Of all routes at this address: the framework names those of the first only.
        response.headers["Allow"] = ", ".join(allowed_methods(request.app.routes, request.scope["path"]))
    return response


async def _on_bug(_request: Request, _error: Exception) -> Response:
    return problem_response(InternalError())  # logged at the edge, where it is raised again


def _pointer(location: Iterable[int | str], kind: str) -> str:
    source, *path = location
    if kind == "json_invalid":  # the rest of the location is a character offset
        return "#"
    return pointer_to(*(path if source == "body" else [source, *path]))


def pointer_to(*steps: int | str) -> str:
    """Write a JSON pointer (RFC 6901, as a URI fragment) from the names on the way."""
    # A member's name is the caller's text, so it may hold what UTF-8 cannot carry.
    return "#" + "".join(
        "/" + str(step).encode("utf-8", "replace").decode().replace("~", "~0").replace("/", "~1") for step in steps
    )
