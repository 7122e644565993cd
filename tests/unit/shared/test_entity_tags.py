"""Entity tags: what is a list of them is understood, the rest is none, nothing crashes."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.http.entity_tags import is_among, tagged

EXAMPLES = settings(max_examples=300, deadline=None)
ETAG = '"7"'


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ([], False), ([""], False), (["*"], True), ([" * "], True), (["*", "*"], False), (["*", ETAG], False),
        ([f"*, {ETAG}"], False), ([f"{ETAG}, *"], False), ([ETAG], True), ([f"W/{ETAG}"], True), ([f"w/{ETAG}"], False),
        ([f'"8", {ETAG}'], True), (['"8"', ETAG], True), ([ETAG, '"8"'], True), ([f",\t, {ETAG} ,"], True),
        (['"8"'], False), (['""'], False), (["7"], False), (['"7'], False), (['"7" "7"'], False), (['"7"x'], False),
        (['"7", x'], False), (['"x,"7",y"'], False), (['"x,", "7"'], True), (['"\\", "7"'], True),
        (['"a b", "7"'], False), (['"\u00e9", "7"'], True),
    ],
)  # fmt: skip
def test_a_tag_is_found_in_a_list_of_tags(lines: list[str], *, found: bool) -> None:
    assert is_among(ETAG, lines) == found


OPAQUE = st.from_regex(r'"[\x21\x23-\x7e\x80-\xff]{0,8}"', fullmatch=True)


@EXAMPLES
@given(st.lists(st.tuples(st.sampled_from(["", "W/"]), OPAQUE).map("".join), max_size=5), OPAQUE)
def test_a_tag_is_found_exactly_when_it_is_there(tags: list[str], etag: str) -> None:
    there = etag in [tag.removeprefix("W/") for tag in tags]
    assert is_among(etag, tags) == is_among(etag, [",".join(tags)]) == there


@EXAMPLES
@given(st.lists(st.text(max_size=100) | st.text('W/"7*, ', max_size=20), max_size=3))
def test_any_lines_are_tags_or_none(lines: list[str]) -> None:
    if is_among(ETAG, lines):
        assert ", ".join(lines).strip(" \t") == "*" or ETAG in re.split(r",|W/|[ \t]", ", ".join(lines))


@pytest.mark.parametrize("piece", [" ", "\t", ",", '"', 'W/"', '"a" ', '"a",'])
@pytest.mark.parametrize("end", ["", "x", '"'])
def test_no_list_takes_long_to_read(piece: str, end: str) -> None:
    header = piece * (16_000 // len(piece)) + end
    started_at = time.process_time()
    is_among(ETAG, [header])
    # It takes a thousandth of that; going through the text for each of its places takes many.
    assert time.process_time() - started_at < 1


def test_what_changed_has_another_tag_and_who_has_the_tag_gets_no_body() -> None:
    one, other = tagged(b"1", (), "no-cache"), tagged(b"2", (), "no-cache")
    assert one.headers["ETag"] != other.headers["ETag"]
    again = tagged(b"1", [other.headers["ETag"], one.headers["ETag"]], "no-cache")
    assert (one.status_code, one.body, again.status_code, again.body) == (200, b"1", 304, b"")
    assert again.headers["ETag"] == one.headers["ETag"]
