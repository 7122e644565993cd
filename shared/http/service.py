"""How either service is put together and served, so that both behave alike at their edges."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from shared.http import problems
from shared.http.edge import Edge
from shared.http.protocol import bounded_protocol
from shared.logging import configure_logging
from shared.settings import ServiceSettings

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
LifespanEvents = AsyncIterator[None]


def create_service(*, title: str, summary: str, settings: ServiceSettings, lifespan: Lifespan) -> FastAPI:
    """Make an application with problem documents, request ids, bounded bodies and documentation without a CDN."""
    app = FastAPIOffline(title=title, summary=summary, version="1", lifespan=lifespan)
    problems.install(app)
    app.add_middleware(Edge, body_bytes_max=settings.request_body_bytes_max)
    return app


def serve(app: FastAPI, settings: ServiceSettings, port: int) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in flight."""
    configure_logging(settings.log_level)
    uvicorn.run(
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
