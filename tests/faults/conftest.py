"""A database behind a proxy that can make it fail."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.database.units import Database
from tests.faults.campaign.proxy import Proxy, proxy_of


@dataclass(frozen=True)
class Proxied:
    """The test's database, seen through ``proxy`` at ``url``: without TLS, as the proxy needs it."""

    proxy: Proxy
    url: str


@pytest.fixture
def proxied(booking_database: Database) -> Iterator[Proxied]:
    server = booking_database.engine.url
    with proxy_of(server.host or "127.0.0.1", server.port or 3306) as proxy:
        url = server.set(host="127.0.0.1", port=proxy.port).update_query_dict({"ssl_disabled": "true"})
        yield Proxied(proxy, url.render_as_string(hide_password=False))
