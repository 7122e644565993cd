"""Headers with a grammar: what means something is understood, the rest is refused or left alone, nothing crashes."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from booking_service.api.headers import parse_wait_seconds

EXAMPLES = settings(max_examples=300, deadline=None)
WAIT_MAX = 30


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ([], None), ([""], None), (["wait=5"], 5), (["WAIT=5"], 5), (["wait = 5"], 5), (['wait="5"'], 5),
        (["wait=5;x=1"], 5), (["wait=5 ; x"], 5), (['wait=5;x="wait=7"'], 5),
        (["respond-async, wait=5"], 5), (["respond-async,wait=5,x"], 5), ([",, ,wait=5"], 5),
        (["respond-async", "wait=5"], 5), (["wait=5", "respond-async"], 5),
        (["wait=0"], 0), (["wait=30"], 30), (["wait=31"], 30), (["wait=007"], 7), (["wait=" + "0" * 5_000 + "7"], 7),
        (["wait=999999999"], 30), (["wait=" + "9" * 5_000], 30), (['wait="' + "9" * 5_000 + '"'], 30),
        # Commas and semicolons within quotes end nothing.
        (['x="a, wait=5"'], None), (['x="a, wait=5", wait=7'], 7), (['x=";", wait=7'], 7), (['x="\\", wait=5"'], None),
        (['x="\\\\", wait=5'], 5), (['x=", wait=5'], None), (['x="', 'wait=5"'], None), (['wait="5, wait=7"'], None),
        # The first one counts, whatever it says (RFC 7240, section 2).
        (["wait=5, wait=7"], 5), (["wait=5", "wait=7"], 5), (["wait=x, wait=7"], None), (["wait, wait=7"], None),
        (["wait;x=1, wait=7"], None), (["wait=, wait=7"], None), (["waits=1, wait=7"], 7), (["await=1, wait=7"], 7),
        (["wait"], None), (["wait="], None), (['wait=""'], None), (["wait=-1"], None), (["wait=+1"], None),
        (["wait=1.5"], None), (["wait=x"], None), (["wait=1_0"], None), (["await=5"], None), (["wait=5x"], None),
        (["wait=5 5"], None), (['wait="5'], None), (['wait=5"'], None), (["wait=\uff15"], None), (["wait:5"], None),
        ([",;,;="], None),
    ],
)  # fmt: skip
def test_a_wait_is_understood_and_capped_or_left_alone(lines: list[str], seconds: int | None) -> None:
    assert parse_wait_seconds(lines, WAIT_MAX) == seconds


@EXAMPLES
@given(st.lists(st.text(max_size=200) | st.text('wait=1;," \\', max_size=40), max_size=3), st.integers(0, 120))
def test_any_lines_are_a_bounded_wait_or_none(lines: list[str], wait_max: int) -> None:
    seconds = parse_wait_seconds(lines, wait_max)
    assert seconds is None or 0 <= seconds <= wait_max
    assert seconds == parse_wait_seconds([", ".join(lines)], wait_max)


@EXAMPLES
@given(
    st.integers(0, 10**12),
    st.lists(st.sampled_from(["respond-async", "handling=lenient", "x;y=z", "", 'x="a, wait=1"']), max_size=3),
    st.sampled_from([", ", ",", " ,\t"]),
)
def test_a_wait_among_other_preferences_is_found(wanted: int, others: list[str], comma: str) -> None:
    for place in range(len(others) + 1):
        preferences = [*others[:place], f"wait={wanted}", *others[place:]]
        assert parse_wait_seconds([comma.join(preferences)], WAIT_MAX) == min(wanted, WAIT_MAX)
        assert parse_wait_seconds(preferences, WAIT_MAX) == min(wanted, WAIT_MAX)


@pytest.mark.parametrize("piece", [" ", "\t", ",", '"', '\\"', '"\\"', '"a" ', "wait= ", "wait", '"a",', "x=", '"\\'])
@pytest.mark.parametrize("end", ["", "x", '"', "\\"])
def test_no_header_takes_long_to_read(piece: str, end: str) -> None:
    header = piece * (16_000 // len(piece)) + end
    started_at = time.process_time()
    parse_wait_seconds([header], WAIT_MAX)
    assert (
        time.process_time() - started_at < 1
    )  # it takes a thousandth of that; going through the text for each of its places takes many
