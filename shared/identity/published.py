"""What the auth service publishes for whoever believes its tokens, fetched again and again at little cost."""

import asyncio
import ssl
from typing import Any

import httpx

NOT_MODIFIED = 304
# Whatever stands between may keep a document for others, and must ask for us (RFC 9111, section 5.2.1.4).
FROM_THE_SOURCE = {"Cache-Control": "no-cache"}


class CannotFetchError(Exception):
    """The document cannot be had at this moment; its text says why."""


class PublishedDocument:
    """A JSON document at a URL, asked for with its entity tag (RFC 9110, section 13.1.2)."""

    def __init__(self, url: str, *, timeout_seconds: float, authorities: str | None = None) -> None:
        """Fetch from ``url``.

        ``authorities``: PEM of those that a server with TLS is trusted by; the public ones, if not given.
        """
        self._url = url
        self._timeout_seconds = timeout_seconds
        trusted = True if authorities is None else ssl.create_default_context(cadata=authorities)
        # Straight there, whatever proxies and certificates the environment names: they are meant for others.
        self._client = httpx.AsyncClient(timeout=timeout_seconds, verify=trusted, trust_env=False)
        self._etag = ""

    async def fetch(self) -> Any:  # noqa: ANN401  whatever is published
        """Return the document, or None when it is the one that was fetched last. Raises CannotFetchError."""
        headers = FROM_THE_SOURCE | ({"If-None-Match": self._etag} if self._etag else {})
        try:
            async with asyncio.timeout(self._timeout_seconds):  # httpx would wait that long for each byte
                response = await self._client.get(self._url, headers=headers)
            if response.status_code == NOT_MODIFIED:
                return None
            response.raise_for_status()
            document = response.json()
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, RecursionError, ValueError) as error:
            msg = f"{type(error).__name__}: {error}"
            raise CannotFetchError(msg) from error
        self._etag = response.headers.get("etag", "")
        return document

    def forget(self) -> None:
        """Fetch the whole next time: what came last was of no use."""
        self._etag = ""

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
