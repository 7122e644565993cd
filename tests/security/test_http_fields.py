"""What comes twice: header fields on several lines, as bytes, and query parameters, wherever there are any."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.fixtures.both_services import BothServices, Parameter, both_services, parameters
from tests.fixtures.exchange import Answer, assert_problem, exchange

QUERIES = parameters("query")
HEADERS = parameters("header")


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BothServices]:
    with both_services(tmp_path_factory.mktemp("fields")) as both:
        yield both


def ask(both: BothServices, method: str, path: str, *lines: str) -> Answer:
    return exchange(both.port("booking"), method, both.address(path), both.user, *lines)


def caller(both: BothServices, parameter: Parameter) -> str:
    # Who may not ask at all would hear of that. Of the booking service an admin may ask all, but for seats.
    is_for_admins = parameter.service == "booking" and not parameter.path.endswith("/book")
    return both.admin if is_for_admins else both.authorization(parameter.service)


def book(both: BothServices, *lines: str, query: str = "seats=1") -> Answer:
    return ask(both, "POST", f"/events/{{event_id}}/book?{query}", *lines)


def test_these_parameters_are_really_all() -> None:
    assert {(parameter.path, parameter.name) for parameter in QUERIES} >= {
        ("/events/{event_id}/book", "seats"),
        ("/events", "limit"),
        ("/events", "cursor"),
    }
    assert {(parameter.name, parameter.is_list) for parameter in HEADERS} >= {
        ("idempotency-key", False),
        ("prefer", True),
        ("if-none-match", True),
    }


@pytest.mark.parametrize("parameter", QUERIES, ids=str)
@pytest.mark.parametrize("query", ["{0}=1&{0}=2", "{0}=1&{0}=1", "{0}=1&{0}=", "{0}&{0}=1", "{0}=1&x=y&{0}=1&{0}=1"])
def test_a_query_parameter_given_twice_is_pointed_at(both: BothServices, parameter: Parameter, query: str) -> None:
    target = f"{both.address(parameter.path)}?{query.format(parameter.name)}"
    answer = exchange(both.port(parameter.service), parameter.method, target, caller(both, parameter))
    assert_problem(answer, 422, f"#/query/{parameter.name}")


def test_each_parameter_given_twice_is_pointed_at(both: BothServices) -> None:
    answer = ask(both, "GET", "/events?limit=1&cursor=&limit=1&cursor=")
    assert_problem(answer, 422, "#/query/limit", "#/query/cursor")


@pytest.mark.parametrize("query", ["seats=2&seat%73=3", "s%65ats=2&seats=3"])
def test_a_name_is_the_same_however_it_is_written(both: BothServices, query: str) -> None:
    assert_problem(book(both, query=query), 422, "#/query/seats")


@pytest.mark.parametrize("query", ["seats=1;seats=2", "seats=1;x=2", "seats=1,2", "Seats=1", "seats[]=1"])
def test_what_only_resembles_a_second_value_is_a_bad_first_one_or_another_name(both: BothServices, query: str) -> None:
    assert_problem(book(both, query=query), 422, "#/query/seats")


@pytest.mark.parametrize(
    "query", ["seats=1&x=1&x=2", "seats=1&Seats=2", "seats=1&", "&&seats=1", "seats=%31", "seats=1&=2"]
)
def test_parameters_that_mean_nothing_are_ignored(both: BothServices, query: str) -> None:
    answer = book(both, query=query)
    assert (answer.status, answer.document["seats"]) == (202, 1)


@pytest.mark.parametrize("parameter", [one for one in HEADERS if not one.is_list], ids=str)
def test_a_field_that_is_no_list_is_pointed_at_on_a_second_line(both: BothServices, parameter: Parameter) -> None:
    name = parameter.name.title()
    for lines in ((f"{name}: a", f"{name}: b"), (f"{name}: a", f"{name.upper()}: a"), (f"{name}: a", f"{name}: ")):
        target = f"{both.address(parameter.path)}?seats=1"
        answer = exchange(both.port(parameter.service), parameter.method, target, caller(both, parameter), *lines)
        assert_problem(answer, 422, f"#/header/{name}")


@pytest.mark.parametrize("key", ["a,b", "a, b", '"a", "b"', '"a","b"', "a,", ","])
def test_keys_that_were_joined_on_their_way_are_pointed_at_too(both: BothServices, key: str) -> None:
    assert_problem(book(both, f"Idempotency-Key: {key}"), 422, "#/header/Idempotency-Key")


def test_a_key_with_a_comma_in_its_quotes_is_one(both: BothServices) -> None:
    key = f'Idempotency-Key: "{uuid4()}, and more"'
    first, again = book(both, key), book(both, key)
    assert (first.status, again.status) == (202, 202)
    assert first.document["booking_id"] == again.document["booking_id"]


def test_two_authorizations_are_none(both: BothServices) -> None:
    for method, path in (("GET", "/bookings/{booking_id}"), ("POST", "/events/{event_id}/book?seats=1")):
        answer = ask(both, method, path, both.user)
        assert_problem(answer, 401)
        assert "once" in answer.document["detail"]
    assert_problem(exchange(both.port("auth"), "GET", "/users/me", both.root, both.root), 401)


@pytest.mark.parametrize("lines", [("a", "b"), ("a", "a"), ("a", ""), ("a, b",)])
def test_of_several_request_ids_none_is_kept(both: BothServices, lines: tuple[str, ...]) -> None:
    answer = ask(both, "GET", "/events", *(f"X-Request-ID: {line}" for line in lines))
    assert answer.status == 200
    assert answer["X-Request-ID"] not in {"", *lines}


def test_a_request_id_is_kept_beside_other_lines_that_repeat(both: BothServices) -> None:
    assert ask(both, "GET", "/events", "X-Request-ID: mine", "Accept: a/b", "Accept: c/d")["X-Request-ID"] == "mine"


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (['"x"', "{etag}"], 304),
        (["{etag}", '"x"'], 304),
        (['"x", W/{etag}', '"y"'], 304),
        ([' , "a,b" ,', "{etag},"], 304),
        (["*"], 304),
        (["*", '"x"'], 200),
        (["*", "*"], 200),
        (["*, {etag}"], 200),
        (['"x,{etag},y"'], 200),  # two tags with commas in them, and something between that is no tag
        (['"x"', '"y"'], 200),
        (["{etag} {etag}"], 200),
        (["w/{etag}"], 200),
        ([""], 200),
    ],
)
def test_entity_tags_on_several_lines_are_one_list(both: BothServices, lines: list[str], status: int) -> None:
    etag = ask(both, "GET", "/events/{event_id}")["ETag"]
    fields = ["If-None-Match: " + line.replace("{etag}", etag) for line in lines]
    answer = ask(both, "GET", "/events/{event_id}", *fields)
    assert (answer.status, answer["ETag"]) == (status, etag)


@pytest.mark.parametrize(
    ("lines", "applied"),
    [
        (["respond-async", "wait=0"], "wait=0"),
        (["wait=0", "wait=20"], "wait=0"),
        (['x="a, wait=20"', "wait=0"], "wait=0"),
        (['x="\\", wait=20"', "wait=0"], "wait=0"),
        (['x="', 'wait=20"'], None),  # one quoted text, as bad as that is
        (["wait=x", "wait=20"], None),
        (["await=20", "waits=20"], None),
    ],
)
def test_preferences_on_several_lines_are_one_list(both: BothServices, lines: list[str], applied: str | None) -> None:
    answer = ask(both, "GET", "/bookings/{booking_id}", *(f"Prefer: {line}" for line in lines))
    assert answer.status == 200
    assert dict(answer.headers).get("preference-applied") == applied
