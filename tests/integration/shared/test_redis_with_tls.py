"""`rediss://` at a real Redis with TLS: what reads the flags and what carries the messages trust it alike."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import TypeAdapter
from redis.exceptions import RedisError

from booking_service.wake.flags import LaneFlags
from booking_service.wake.messages import BROKER_ERRORS, LanePublisher
from lab import redis
from lab.ports import free_port
from lab.programs import find_program
from shared.configuration.urls import RedisUrl
from tests.fixtures.names import given
from tests.fixtures.servers import missing, wait_until
from tests.fixtures.tls import self_signed

SECONDS_MAX = 10


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def address(certificate: Path) -> Iterator[str]:
    program = find_program("redis-server", "valkey-server")
    if program is None:
        missing("no redis-server")
    port = free_port()
    options = ["--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1", "--save", "", "--tls-auth-clients", "no"]
    files = ["--tls-cert-file", str(certificate), "--tls-key-file", str(certificate)]
    process = subprocess.Popen([program, *options, *files], stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    try:
        wait_until(
            lambda: redis.answers(f"rediss://127.0.0.1:{port}/0?ssl_cert_reqs=none") or process.poll() is not None,
            "redis answers",
        )
        if process.poll() is not None:
            missing("this redis-server has no TLS")
        yield f"rediss://127.0.0.1:{port}/0"
    finally:
        process.kill()
        process.wait()


def as_configured(url: str) -> tuple[LaneFlags, LanePublisher]:
    text = TypeAdapter(RedisUrl).validate_python(url).get_secret_value()
    flags = LaneFlags.connect(text, given, expiry_seconds=10, timeout_seconds=SECONDS_MAX)
    return flags, LanePublisher.connect(text, given, timeout_seconds=SECONDS_MAX)


@pytest.mark.parametrize(
    "options", ["?ssl_cert_reqs=none", "?ssl_ca_certs={}", "?ssl_check_hostname=true&ssl_ca_certs={}"]
)
def test_both_speak_tls_with_a_server_that_they_may_trust(address: str, certificate: Path, options: str) -> None:
    flags, publisher = as_configured(address + options.format(certificate))
    assert flags.ping()
    before = publisher.waiting()
    publisher.publish([1])
    assert publisher.waiting() == before + 1
    flags.close()


def test_neither_speaks_with_a_server_that_nobody_vouches_for(address: str) -> None:
    # Another database: kombu's pool takes two URLs that differ in TLS alone for one, and has a connection already.
    flags, publisher = as_configured(f"{address.removesuffix('0')}1")
    with pytest.raises(RedisError, match="certificate"):
        flags.ping()
    with pytest.raises(BROKER_ERRORS, match="certificate"):
        publisher.publish([1])
