"""Puts a route under the limits of an action, in one line."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import Depends, Response

from auth_service.api.dependencies import Running
from shared.errors import Problem
from shared.http.addresses import address_of

Address = Annotated[str, Depends(address_of)]


class Limited:
    """Counts a request by the address it comes from, and tells of it in whatever is answered; a route's dependency."""

    def __init__(self, action: str) -> None:
        self._action = action

    async def __call__(self, address: Address, process: Running, response: Response) -> AsyncIterator[None]:
        """Let the request pass. Raises RateLimited."""
        told = await process.guard.from_address(self._action, address)
        response.headers.update(told)
        try:
            yield
        except Problem as problem:
            problem.case_headers = {**told, **problem.case_headers}
            raise


def limited(action: str) -> Any:  # noqa: ANN401  as FastAPI's own Depends
    """Return what a route has among its `dependencies`; it documents RateLimited beside."""
    # Ends before the answer is sent, so that a problem gets its headers.
    return Depends(Limited(action), scope="function")
