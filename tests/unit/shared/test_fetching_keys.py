"""How the key set is fetched: straight, and by those whom the configuration trusts, whatever the environment says."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.identity.jwk import public_jwk, rsa_key
from shared.identity.keys import KeysUnavailable, Pace, PublishedKeys
from tests.fixtures.accounts import private_key_pem
from tests.fixtures.tls import self_signed
from tests.fixtures.web import Page, serving

SECONDS_MAX = 20
KEY = public_jwk(rsa_key(private_key_pem()).public_key())
OF_OTHERS = {
    "HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1",
    "ALL_PROXY": "socks5://127.0.0.1:1", "NO_PROXY": "[::1", "SSL_CERT_FILE": "/nowhere", "SSL_CERT_DIR": "/nowhere",
    "NETRC": "/nowhere",
}  # fmt: skip


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in OF_OTHERS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_page(certificate: Path) -> Iterator[Page]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with serving(Page(json.dumps({"keys": [KEY]}).encode()), context) as page:
        yield page


def fetch(url: str, authorities: str | None = None) -> None:
    """Raises KeysUnavailable."""

    async def ask() -> None:
        keys = PublishedKeys(url, Pace(SECONDS_MAX, 1, 1), authorities=authorities)
        try:
            assert await keys.find(KEY["kid"]) is not None
        finally:
            await keys.close()

    asyncio.run(ask())


def test_no_proxy_and_no_certificate_of_others_stands_in_the_way() -> None:
    with serving(Page(json.dumps({"keys": [KEY]}).encode())) as page:
        fetch(page.url)
    assert page.asked == 1


def test_a_server_is_trusted_by_the_authorities_that_are_configured(tls_page: Page, certificate: Path) -> None:
    pem = certificate.read_text()
    fetch(tls_page.url, pem[pem.index("-----BEGIN CERTIFICATE") :])


def test_a_server_that_nobody_vouches_for_is_not_believed(tls_page: Page) -> None:
    with pytest.raises(KeysUnavailable):
        fetch(tls_page.url)
    assert tls_page.asked == 0


def test_an_address_that_the_client_cannot_read_is_no_bug() -> None:
    with pytest.raises(KeysUnavailable):
        fetch("http://exa mple/")
