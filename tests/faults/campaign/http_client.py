"""HTTP/1.1 over plain streams: a request in a tenth of a millisecond, so that clients leave room for the servers."""

import asyncio
import re
from collections import deque
from typing import NamedTuple

HEAD_END = b"\r\n\r\n"
CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nretry-after: *(\d+)", re.IGNORECASE)
LAST_ONE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
IDLE_MAX = 64

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Response(NamedTuple):
    """An answer."""

    status: int
    retry_after_seconds: int | None
    body: bytes


class HttpClient:
    """Asks one server, on connections that are kept."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: deque[Streams] = deque(maxlen=IDLE_MAX)

    async def ask(self, request: bytes, *, fresh: bool = False) -> Response:
        """Send ``request`` and read its answer. Raises OSError or EOFError when the connection does not last.

        ``fresh``: on a connection of its own, so that losing it before anything was sent is known.
        """
        reader, writer = await self._connect() if fresh or not self._idle else self._idle.pop()
        keep = False
        try:
            writer.write(request)
            head = await reader.readuntil(HEAD_END)
            length = CONTENT_LENGTH.search(head)
            body = await reader.readexactly(int(length[1])) if length else b""
            keep = LAST_ONE.search(head) is None and len(self._idle) < IDLE_MAX
        finally:
            if keep:
                self._idle.append((reader, writer))
            else:
                writer.close()
        retry_after = RETRY_AFTER.search(head)
        return Response(int(head[9:12]), int(retry_after[1]) if retry_after else None, body)

    def close(self) -> None:
        """Close what is idle."""
        while self._idle:
            self._idle.pop()[1].close()

    async def _connect(self) -> Streams:
        return await asyncio.open_connection("127.0.0.1", self._port)
