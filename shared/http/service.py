"""How either service is put together and served, so that both behave alike at their edges."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from types import FrameType

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware

from shared.http import problems
from shared.http.edge import Edge
from shared.http.protocol import bounded_protocol
from shared.logging import configure_logging
from shared.settings import ServiceSettings

EXIT_STARTUP = 3  # as `uvicorn` on the command line

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
LifespanEvents = AsyncIterator[None]


class Server(uvicorn.Server):
    """Says at once that it was told to end, so that those who wait for something are answered in time."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        """Set ``stopping`` at the first signal."""
        super().__init__(config)
        self._stopping = stopping

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take SIGTERM or SIGINT."""
        self._stopping.set()
        super().handle_exit(sig, frame)


def create_service(
    *, title: str, summary: str, settings: ServiceSettings, lifespan: Lifespan, inner: Sequence[Middleware] = ()
) -> FastAPI:
    """Make an application with problem documents, request ids, bounded bodies and documentation without a CDN.

    ``inner`` stands between those edges and the routes.
    """
    edge = Middleware(Edge, body_bytes_max=settings.request_body_bytes_max)
    app = FastAPIOffline(
        title=title,
        summary=summary,
        version="1",
        lifespan=lifespan,
        middleware=[edge, *inner],
        # A redirect would name the host that the caller claims to have asked.
        redirect_slashes=False,
    )
    # Set as soon as the process is told to end; the lifespan's end comes only after the last answer.
    app.state.stopping = asyncio.Event()
    problems.install(app)
    return app


def serve(app: FastAPI, settings: ServiceSettings, port: int) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in flight."""
    configure_logging(settings.log_level)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=port,
        loop="uvloop",
        http=bounded_protocol(settings.request_header_bytes_max, settings.request_timeout_seconds),
        ws="none",
        access_log=settings.access_log,
        log_config=None,
        server_header=False,
        limit_concurrency=settings.connections_max,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )
    server = Server(config, app.state.stopping)
    with suppress(KeyboardInterrupt):  # which uvicorn raises again once all is closed
        server.run()
    if not server.started:
        raise SystemExit(EXIT_STARTUP)
