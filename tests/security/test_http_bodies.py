"""What a body is said to be, as bytes: JSON in UTF-8 and nothing else, wherever a body is read."""

import gzip
import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.fixtures.accounts import ADA, PASSWORD
from tests.fixtures.both_services import SERVICES, BothServices, application, both_services
from tests.fixtures.box_office import EVENT
from tests.fixtures.exchange import Answer, assert_problem, exchange, parse
from tests.fixtures.wire import Wire

JSON = "Content-Type: application/json"
# Each operation that reads a body: where, and what its answer to a good one is.
READERS = {"/events": ("booking", 201), "/users": ("auth", 201), "/login": ("auth", 200)}
PATCHES = {"/events/{event_id}": b'{"capacity": 10}', "/bookings/{booking_id}": b'{"seats": 2}'}

# Read by the same route class, which tests/architecture demands of each; here they would want links and tokens that are
# good once, or passwords that are counted.
OTHERS = {
    ("post", "/token/refresh"),
    ("post", "/users/me/password"),
    ("post", "/verify-email"),
    ("post", "/password-reset"),
    ("post", "/password-reset/confirm"),
    ("patch", "/users/me"),
    ("patch", "/users/{user_id}"),
    ("delete", "/users/me"),
}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServices]:
    with both_services(tmp_path_factory.mktemp("bodies")) as both:
        yield both


def good_body(path: str) -> bytes:
    if path == "/events":
        return json.dumps(EVENT).encode()
    if path == "/users":
        return json.dumps(ADA | {"email": f"{uuid4().hex}@example.com"}).encode()
    return json.dumps({"email": ADA["email"], "password": PASSWORD}).encode()


def send(both: BothServices, path: str, *lines: str, body: bytes) -> Answer:
    service, _ = READERS[path]
    authorization = [both.admin] if service == "booking" else []
    return exchange(both.port(service), "POST", path, *authorization, *lines, body=body)


def test_these_readers_are_really_all() -> None:
    assert OTHERS | {("post", path) for path in READERS} | {("patch", path) for path in PATCHES} == {
        (method, path)
        for service in SERVICES
        for path, operations in application(service).openapi()["paths"].items()
        for method, operation in operations.items()
        if "requestBody" in operation
    }


@pytest.mark.parametrize("path", PATCHES)
def test_the_body_of_a_patch_is_read_as_any_other(both: BothServices, path: str) -> None:
    def patch(*lines: str, body: bytes = PATCHES[path]) -> Answer:
        return exchange(both.port("booking"), "PATCH", both.address(path), both.admin, *lines, body=body)

    # Nobody settles: what is read well is stored.
    assert patch(JSON, "Prefer: wait=0").status == 202
    assert_problem(patch(), 415)
    assert_problem(patch("Content-Type: application/merge-patch"), 415)
    assert_problem(patch(JSON, "Content-Encoding: gzip"), 415)
    assert_problem(patch(JSON, body=PATCHES[path].decode().encode("utf-16")), 422, "#")
    name = next(iter(json.loads(PATCHES[path])))
    assert_problem(patch(JSON, body=PATCHES[path][:-1] + f', "{name}": 1}}'.encode()), 422, f"#/{name}")


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",  # what `curl -d` says
        "multipart/form-data; boundary=x",
        "text/plain",
        "text/json",
        "application/xml",
        "application/octet-stream",
        "application/json-seq",
        "application/jsonx",
        "application/+json",
        "application/json, application/json",
        "application/json text",
        "application",
        "json",
        "*/*",
        "",
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/json; charset=us-ascii",
        "application/json; charset=",
        "application/json; charset",
        "application/json; charset=utf-8; charset=utf-16",
        'application/json; x="; charset=utf-8',
    ],
)
def test_what_is_not_json_by_its_type_is_told_what_to_be(both: BothServices, path: str, content_type: str) -> None:
    answer = send(both, path, f"Content-Type: {content_type}", body=good_body(path))
    assert_problem(answer, 415)
    assert answer["Accept"] == "application/json"
    assert "Content-Type: application/json" in answer.document["detail"]
    assert "Accept-Encoding" not in answer


@pytest.mark.parametrize("path", READERS)
def test_a_body_that_does_not_say_what_it_is_is_told_to(both: BothServices, path: str) -> None:
    assert_problem(send(both, path, body=good_body(path)), 415)


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json ; Charset="UTF-8"',
        "application/json; charset=utf8",
        "application/json;",
        'application/json; x="a;charset=latin1"; y=z',
        "application/vnd.example.v1+json",
        "application/ld+json; charset=utf-8",
    ],
)
def test_json_by_any_of_its_names_is_read(both: BothServices, path: str, content_type: str) -> None:
    answer = send(both, path, f"Content-Type: {content_type}", body=good_body(path))
    assert answer.status == READERS[path][1], answer


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize(
    "codings", [["gzip"], ["x-gzip"], ["br"], ["deflate"], ["identity, gzip"], ["identity", "gzip"], ["*"], ["utf-8"]]
)
def test_a_coded_body_is_told_not_to_be(both: BothServices, path: str, codings: list[str]) -> None:
    lines = (f"Content-Encoding: {coding}" for coding in codings)
    answer = send(both, path, JSON, *lines, body=gzip.compress(good_body(path)))
    assert_problem(answer, 415)
    assert answer["Accept-Encoding"] == "identity"
    assert "Accept" not in answer


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("coding", ["identity", "IDENTITY", "identity, identity", ""])
def test_the_coding_that_changes_nothing_is_read(both: BothServices, path: str, coding: str) -> None:
    assert send(both, path, JSON, f"Content-Encoding: {coding}", body=good_body(path)).status == READERS[path][1]


def text_with(path: str, member: str) -> str:
    """Write a good body with one member more, behind the others."""
    return f"{good_body(path).decode()[:-1]}, {member}}}"


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize(
    "encoding",
    ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "utf-8-sig", "latin-1", "cp037"],
)
def test_a_body_that_is_not_utf_8_is_told_to_be(both: BothServices, path: str, encoding: str) -> None:
    answer = send(both, path, JSON, body=text_with(path, '"ä": 1').encode(encoding))
    assert_problem(answer, 422, "#")
    assert "UTF-8" in answer.document["errors"][0]["detail"]


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize(
    "member", ['"ä": "東京🎉"', '"x": {"a": 1, "b": {"a": 1}}', '"x": [{"a": 1}, {"a": 1}]', '"X": 1, "x": 2']
)
def test_utf_8_is_read_and_one_name_may_stand_in_several_objects(both: BothServices, path: str, member: str) -> None:
    assert send(both, path, JSON, body=text_with(path, member).encode()).status == READERS[path][1]


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize(
    ("member", "pointer"),
    [
        ('{known}: "another"', "#/{name}"),
        ("{known}: {value}", "#/{name}"),
        ("{escaped}: null", "#/{name}"),
        ('"x": 1, "y": 2, "x": 3, "y": 4', "#/x"),
        ('"a/b~": 1, "a/b~": 1', "#/a~1b~0"),
        ('"\\ud800": 1, "\\ud800": 1', "#/?"),
        ('"x": {"a": 1, "a": 1}', "#"),
        ('"x": {"a": 1, "a": 1}, "x": 2', "#/x"),
        ('"x": [[{"a": {}, "a": []}]]', "#"),
    ],
)
def test_a_member_that_comes_twice_is_pointed_at(both: BothServices, path: str, member: str, pointer: str) -> None:
    name, value = next(iter(json.loads(good_body(path)).items()))
    stands_for = {
        "{known}": json.dumps(name),
        "{value}": json.dumps(value),
        "{escaped}": f'"\\u{ord(name[0]):04x}{name[1:]}"',
    }
    for place, text in stands_for.items():
        member = member.replace(place, text)
    answer = send(both, path, JSON, body=text_with(path, member).encode())
    assert_problem(answer, 422, pointer.replace("{name}", name))


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("number", ["9" * 5_000, "-" + "9" * 5_000, "9" * 5_000 + ".5", "1e5000"])
def test_a_number_of_any_length_is_json(both: BothServices, path: str, number: str) -> None:
    assert send(both, path, JSON, body=text_with(path, f'"x": {number}').encode()).status == READERS[path][1]
    name = next(iter(json.loads(good_body(path))))
    body = good_body(path).replace(f'"{name}": '.encode(), f'"{name}": {number}, "x": '.encode(), 1)
    assert_problem(send(both, path, JSON, body=body), 422, f"#/{name}")


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("second", ["application/json", "text/plain"])
def test_two_types_are_pointed_at(both: BothServices, path: str, second: str) -> None:
    answer = send(both, path, JSON, f"Content-Type: {second}", body=good_body(path))
    assert_problem(answer, 422, "#/header/Content-Type")


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("lines", [[], ["Content-Length: 0"], ["Content-Type: text/plain"], [JSON]])
def test_a_missing_body_is_missing_whatever_it_would_be(both: BothServices, path: str, lines: list[str]) -> None:
    assert_problem(send(both, path, *lines, body=b""), 422, "#")


def counted(both: BothServices, path: str, length: str, body: bytes) -> Answer:
    """Send a body under a length that is written as the test wants it."""
    service, _ = READERS[path]
    authorization = [both.admin] if service == "booking" else []
    fields = ["Host: x", "Connection: close", JSON, *authorization, f"Content-Length: {length}"]
    lines = [f"POST {path} HTTP/1.1", *fields]
    with Wire(both.port(service)) as wire:
        wire.send("\r\n".join([*lines, "", ""]).encode() + body)
        return parse(wire.read_to_end().text)


@pytest.mark.parametrize("path", READERS)
@pytest.mark.parametrize("zeros", [1, 4_300, 15_000])
def test_any_number_of_zeros_may_lead_a_length(both: BothServices, path: str, zeros: int) -> None:
    zeros_before = "0" * zeros
    body = good_body(path)
    assert counted(both, path, f"{zeros_before}{len(body)}", body).status == READERS[path][1]
    assert_problem(counted(both, path, f"{zeros_before}0", b""), 422, "#")
    assert_problem(counted(both, path, f"{zeros_before}70000", b""), 413)


def test_a_refused_body_is_not_asked_for(both: BothServices) -> None:
    with Wire(both.port("auth")) as wire:
        wire.send(b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
        assert wire.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 415 ")


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 34\r\n\r\n%b", b"Transfer-Encoding: chunked\r\n\r\n22\r\n%b\r\n0\r\n\r\n"]
)
def test_a_refused_body_is_never_taken_for_the_next_request(both: BothServices, framing: bytes) -> None:
    smuggled = b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n"
    with Wire(both.port("auth")) as wire:
        wire.send(b"POST /login HTTP/1.1\r\nHost: x\r\n" + framing % smuggled)
        wire.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert wire.read_to_end().statuses == [415, 200]


def test_a_body_that_nobody_reads_may_be_anything(both: BothServices) -> None:
    book = both.address("/events/{event_id}/book?seats=1")
    for lines in (["Content-Type: text/plain"], [], [JSON, "Content-Encoding: gzip"]):
        assert exchange(both.port("booking"), "POST", book, both.user, *lines, body=b"\xff").status == 202
