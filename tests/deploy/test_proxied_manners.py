"""What the proxy (nginx) answers itself, and both services at its one address: as a client would have them of each."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from shared.errors import MethodNotImplemented, Problem
from shared.http.problems import problem_body
from tests.fixtures.both_services import BothServices, application, both_services
from tests.fixtures.exchange import Answer, assert_problem, exchange
from tests.fixtures.reverse_proxy import CONFIGURATION, reverse_proxy

# What both services have; at the proxy's address it is the booking service's, and auth's is below /auth.
OF_BOTH = ("/", "/health/live", "/health/ready")
ADDRESSES = [
    (service, path, f"/auth{path}" if service == "auth" and path in OF_BOTH else path)
    for service in ("auth", "booking")
    for path in application(service).openapi()["paths"]
    if (service, path) != ("auth", "/")
]
DOCUMENTS = re.findall(r"return ([0-9]{3}) '(.*)';", CONFIGURATION.read_text())
KNOWN = {problem().type: problem for problem in Problem.__subclasses__()}


@dataclass(frozen=True)
class Proxied:
    """Both services, and the proxy in front of them."""

    both: BothServices
    port: int

    def ask(self, method: str, path: str, *lines: str) -> Answer:
        return exchange(self.port, method, path, *lines)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder: Path = tmp_path_factory.mktemp("proxied")
    with (
        both_services(folder) as both,
        reverse_proxy(folder, [str(both.port("auth"))], [str(both.port("booking"))]) as url,
    ):
        yield Proxied(both, int(urlsplit(url).port or 0))


def without_coding(answer: Answer) -> bytes:
    """Return the body of an answer in one chunk, or of one with a length."""
    return answer.body.split(b"\r\n")[1] if "Transfer-Encoding" in answer else answer.body


def test_the_bare_address_says_where_both_services_have_what(proxied: Proxied) -> None:
    answer = proxied.ask("GET", "/")
    assert (answer.status, answer["Content-Type"]) == (200, "application/json")
    index = json.loads(without_coding(answer))
    own = exchange(proxied.both.port("booking"), "GET", "/").document
    assert {name: value for name, value in index.items() if name != "accounts"} == own
    for found in (own, index["accounts"]):
        for name in ("documentation", "openapi", "health"):
            assert proxied.ask("GET", found[name]).status == 200
    assert b"Event booking: accounts" in proxied.ask("GET", index["accounts"]["openapi"]).body


def test_the_bare_address_has_its_methods_behind_the_proxy_too(proxied: Proxied) -> None:
    head = proxied.ask("HEAD", "/")
    assert (head.status, head.body, head["Content-Type"]) == (200, b"", "application/json")
    assert proxied.ask("OPTIONS", "/")["Allow"] == "GET, HEAD, OPTIONS"
    assert_problem(proxied.ask("POST", "/"), 405)


@pytest.mark.parametrize("path", ["/", "/events", "/users/me", "/auth/docs"])
@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
def test_unknown_methods_are_the_same_problem_whoever_refuses_them(proxied: Proxied, method: str, path: str) -> None:
    answer = proxied.ask(method, path)
    assert_problem(answer, 501)
    assert answer.document == json.loads(problem_body(MethodNotImplemented()))


@pytest.mark.parametrize("path", ["/", "/events", "/auth/docs", "/auth/health/live", "/.well-known/jwks.json"])
def test_a_callers_request_id_goes_through_the_proxy(proxied: Proxied, path: str) -> None:
    assert proxied.ask("GET", path, "X-Request-ID: mine")["X-Request-ID"] == "mine"


def test_preferences_on_several_lines_go_through_the_proxy(proxied: Proxied) -> None:
    poll = proxied.both.address("/bookings/{booking_id}")
    lines = (proxied.both.user, "Prefer: respond-async", "Prefer: wait=0")
    assert proxied.ask("GET", poll, *lines)["Preference-Applied"] == "wait=0"


@pytest.mark.parametrize(("service", "path", "proxied_path"), ADDRESSES)
def test_every_operation_is_reached_through_the_proxy(
    proxied: Proxied, service: str, path: str, proxied_path: str
) -> None:
    # Only the service that has an address knows what may be sent to it.
    own = exchange(proxied.both.port(service), "OPTIONS", proxied.both.address(path))
    assert own.status == 204
    through = proxied.ask("OPTIONS", proxied.both.address(proxied_path))
    assert (through.status, through["Allow"]) == (204, own["Allow"])


@pytest.mark.parametrize(("status", "document"), DOCUMENTS)
def test_what_nginx_answers_by_itself_is_in_the_words_of_the_services(status: str, document: str) -> None:
    assert len(DOCUMENTS) == len(re.findall("location = /problems/", CONFIGURATION.read_text()))
    said = json.loads(document)
    assert said["status"] == int(status)
    assert said == json.loads(problem_body(KNOWN[said["type"]]()))
