"""The rule for names, tried with every character that there is; the cases are in tests/security/test_names.py."""

import sys
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from shared.text import INVISIBLE, STACKED_MAX, GivenText

rule = GivenText(200)
EVERY_CHARACTER = [chr(code_point) for code_point in range(sys.maxunicode + 1)]


def accepted(text: str) -> bool:
    try:
        rule(text)
    except PydanticCustomError:
        return False
    return True


def test_no_character_is_visible_whose_compatibility_form_is_not() -> None:
    seen = [character for character in EVERY_CHARACTER if accepted(character)]
    assert len(seen) > 100_000
    assert [hex(ord(c)) for c in seen if not INVISIBLE.sub("", unicodedata.normalize("NFKC", c)).strip()] == []


def test_every_letter_figure_sign_and_symbol_is_a_name_but_for_the_blank_ones() -> None:
    # Fillers, Braille and Egyptian blanks, the place of an object, a note without a head.
    blank = "\u115f\u1160\u2800\u3164\uffa0\ufffc\U00013441\U00013442\U0001d159"
    refused = {c for c in EVERY_CHARACTER if unicodedata.category(c)[0] in "LNPS" and not accepted(c)}
    # Two of them are letters since Unicode 15, which Python 3.11 does not know.
    assert refused == {c for c in blank if unicodedata.category(c) != "Cn"}
    assert not any(map(accepted, blank))


def test_marks_and_formats_are_no_name_of_their_own_and_may_stand_in_one() -> None:
    never = {"Cc", "Cs", "Co", "Zl", "Zp"}
    alone = [c for c in EVERY_CHARACTER if unicodedata.category(c)[0] in "MZ" or unicodedata.category(c) == "Cf"]
    assert [hex(ord(c)) for c in alone if accepted(c)] == []
    assert all(accepted(f"a{c}b") for c in alone if unicodedata.category(c) in {"Mn", "Mc", "Me", "Zs"})
    assert not any(accepted(f"a{c}b") for c in EVERY_CHARACTER if unicodedata.category(c) in never)


@given(st.text(max_size=60))
def test_a_name_that_was_accepted_is_accepted_again_and_says_the_same(text: str) -> None:
    if accepted(text):
        once = rule(text)
        assert rule(once) == once == text.strip()
        assert once.encode()


@given(st.text(min_size=1, max_size=20), st.integers(STACKED_MAX + 1, 30))
def test_no_more_than_so_many_accents_are_stacked(text: str, count: int) -> None:
    assert not accepted(text + "\u0301" * count)
