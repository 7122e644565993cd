"""Page cursors: ours are understood, anything else is refused, and the link keeps what was asked for."""

from base64 import urlsafe_b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import URL

from shared.errors import InvalidInput
from shared.http.cursors import binding, decode_bound_cursor, decode_cursor, encode_cursor, next_link


@settings(max_examples=200)
@given(st.integers(0, 2**63 - 1))
def test_a_cursor_leads_back_to_where_it_was_made(last_id: int) -> None:
    assert decode_cursor(encode_cursor(last_id)) == last_id


def test_without_a_cursor_the_list_begins() -> None:
    assert decode_cursor(None) == 0


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "=", "AAAAAAAAAAE=", "AAAAAAAAAAF", "AAAAAAAAAA", "AAAAAAAAAAEA", "//////////8", "__________8", "é",
     "\ud800", "AAAA AAAAAAE",
     "AAAAAAAAAAE\n", "\x00", "A" * 10_000, urlsafe_b64encode((2**63).to_bytes(8, "big")).decode().rstrip("=")],
)  # fmt: skip
def test_a_cursor_that_we_never_gave_out_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidInput):
        decode_cursor(cursor)


@settings(max_examples=300)
@given(st.text(max_size=30))
def test_any_text_is_a_cursor_of_ours_or_refused(cursor: str) -> None:
    try:
        last_id = decode_cursor(cursor)
    except InvalidInput:
        return
    assert encode_cursor(last_id) == cursor


@settings(max_examples=200)
@given(st.binary(min_size=16, max_size=16), st.text(), st.text())
def test_a_bound_cursor_leads_back_in_its_own_list_alone(position: bytes, mine: str, other: str) -> None:
    cursor = encode_cursor(position, binding(1, mine))
    assert decode_bound_cursor(cursor, binding(1, mine), 16) == position
    for elsewhere in (binding(2, mine), binding(1, mine, None), *([binding(1, other)] if other != mine else [])):
        with pytest.raises(InvalidInput):
            decode_bound_cursor(cursor, elsewhere, 16)


@settings(max_examples=300)
@given(st.text(max_size=40) | st.binary(max_size=40).map(encode_cursor))
def test_any_text_is_a_bound_cursor_of_ours_or_refused(cursor: str) -> None:
    try:
        position = decode_bound_cursor(cursor, binding(1), 16)
    except InvalidInput:
        return
    assert position is not None
    assert encode_cursor(position, binding(1)) == cursor


def test_without_a_cursor_a_bound_list_begins() -> None:
    assert decode_bound_cursor(None, binding(1), 16) is None


def test_the_link_keeps_the_other_parameters_and_replaces_the_cursor() -> None:
    link = next_link(URL("http://evil.example/events?limit=5&cursor=old&x=%3E%22"), "new")
    assert link == '</events?limit=5&x=%3E%22&cursor=new>; rel="next"'


@settings(max_examples=200)
@given(st.lists(st.integers(0x20, 0x7E), max_size=40).map(bytes))
def test_no_query_breaks_out_of_the_link(raw: bytes) -> None:
    scope = {"type": "http", "scheme": "http", "server": ("x", 80), "path": "/events", "headers": []}
    # As the server hands it over, which lets nothing else pass.
    query = raw.translate(None, b"# ")
    link = next_link(URL(scope={**scope, "query_string": query}), "c")
    assert link.startswith("</events?")
    assert link.endswith('>; rel="next"')
    assert link.count(">") == link.count("<") == 1
    link.encode("latin-1")
