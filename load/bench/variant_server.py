"""The booking service on another event loop or parser than it ships with; and for servers that want a factory."""

import argparse
from collections.abc import Callable
from typing import Any

import uvicorn

from booking_service.main import create_app
from booking_service.settings import BookingSettings
from shared.configuration.settings import load
from shared.http.protocol import bounded_protocol


def application() -> Callable[..., Any]:
    """Make the service, configured by the environment."""
    return create_app(load(BookingSettings))


def main() -> None:
    """Answer requests until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    parser.add_argument("--http", choices=("bounded", "httptools", "h11"), default="bounded")
    arguments = parser.parse_args()
    settings = load(BookingSettings)
    bounded = bounded_protocol(settings.request_header_bytes_max, settings.request_timeout_seconds)
    uvicorn.run(
        application(),
        host=settings.host,
        port=settings.port,
        loop=arguments.loop,
        http=bounded if arguments.http == "bounded" else arguments.http,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        limit_concurrency=settings.connections_max,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.shutdown_seconds,
    )


if __name__ == "__main__":
    main()
