"""How either service is put together and served, so that both behave alike at their edges."""

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import FrameType
from typing import NoReturn

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.configuration.settings import ServiceSettings, refuse, variable_of
from shared.http import index, problems
from shared.http.edge import Edge
from shared.http.listening import CannotListenError, bind
from shared.http.protocol import bounded_protocol
from shared.logging import configure_logging

METHODS = (
    "`HEAD` is answered wherever `GET` is, and `OPTIONS` everywhere, with `Allow`. Another method is 405, "
    "one that no address knows 501."
)
EXIT_STARTUP = 3  # as `uvicorn` on the command line

log = logging.getLogger(__name__)

# Opens what a process holds while it runs. The event is set as soon as the process is told to end, whereas what was
# opened is closed only after the last answer.
OpenProcess = Callable[[asyncio.Event], AbstractAsyncContextManager[object]]


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


class HttpService:
    """A FastAPI application behind layers that see each request before any part of the framework does."""

    def __init__(self, api: FastAPI, layers: Sequence[Middleware], stopping: asyncio.Event) -> None:
        """Put ``layers``, the outermost first, around ``api``; ``stopping`` is set when the process is told to end."""
        self.api = api
        self.layers = layers
        self.stopping = stopping
        self._outermost: ASGIApp = api
        for layer in reversed(layers):
            self._outermost = layer.cls(self._outermost, *layer.args, **layer.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; it is this object that a server serves."""
        scope["app"] = self.api
        await self._outermost(scope, receive, send)


def create_service(
    *, title: str, summary: str, settings: ServiceSettings, open_process: OpenProcess, inner: Sequence[Middleware] = ()
) -> HttpService:
    """Make a service with problem documents, request ids, bounded bodies and documentation without a CDN.

    Routes find what ``open_process`` opens as `app.state.process`; ``inner`` stands between those edges and FastAPI,
    and never sees HEAD or OPTIONS.
    """
    stopping = asyncio.Event()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with open_process(stopping) as process:
            app.state.process = process
            yield

    api = FastAPIOffline(
        title=title,
        summary=summary,
        description=METHODS,
        version="1",
        lifespan=lifespan,
        # A redirect would name the host that the caller claims to have asked.
        redirect_slashes=False,
    )
    problems.install(api)
    api.include_router(index.router())
    return HttpService(api, [Middleware(Edge, body_bytes_max=settings.request_body_bytes_max), *inner], stopping)


def listen(settings: ServiceSettings, port: int) -> list[socket.socket]:
    """Take the addresses that ``settings`` name, without accepting anything. Raises CannotListenError."""
    host_variable, port_variable = (variable_of(type(settings), name) for name in ("host", "port"))
    return bind(settings.host, port, host_variable=host_variable, port_variable=port_variable)


def serve(service: HttpService, settings: ServiceSettings, port: int) -> NoReturn:
    """Answer requests until SIGTERM or SIGINT, finish what is in flight, and end the process."""
    configure_logging(settings.log_level)
    try:
        listeners = listen(settings, port)
    except CannotListenError as error:
        refuse(str(error))
    config = uvicorn.Config(
        service,
        # Given, where uvicorn would look into WEB_CONCURRENCY and FORWARDED_ALLOW_IPS.
        workers=1,
        forwarded_allow_ips=settings.forwarded_allow_ips,
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
    server = Server(config, service.stopping)
    log.info("listening on %s", ", ".join(str(listener.getsockname()[:2]) for listener in listeners))
    with suppress(KeyboardInterrupt):  # which uvicorn raises again once all is closed
        server.run(listeners)
    if not server.started:
        raise SystemExit(EXIT_STARTUP)
    # Everybody was answered, and all is closed. Python would now wait for threads that wait for a database.
    logging.shutdown()
    os._exit(0)
