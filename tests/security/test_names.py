"""Names that people give: one rule, and each place where a name is given answers by it (decision 0011)."""

import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from httpx import Response

from tests.fixtures import accounts, box_office
from tests.fixtures.accounts import ADA
from tests.fixtures.box_office import EVENT, assert_problem

JSON = {"Content-Type": "application/json"}

KEPT = {
    "Latin, composed": "Beyonc\u00e9",
    "Latin, decomposed": "Beyonce\u0301",
    "Vietnamese, decomposed": unicodedata.normalize("NFD", "Nguy\u1ec5n Th\u1ecb H\u1ed3ng"),
    "Greek and Cyrillic": "\u0391\u03bb\u03ad\u03be\u03b1\u03bd\u03b4\u03c1\u03bf\u03c2 \u0401\u043b\u043a\u0430",
    "Hebrew with vowels and accents": "\u05d1\u05b0\u05bc\u05e8\u05b5\u05d0\u05e9\u05c1\u05b4\u0596\u05d9\u05ea",
    "Hebrew with a mark of direction": "\u05e2\u05d1\u05e8\u05d9\u05ea C++\u200e",
    "Arabic with vowels": "\u0645\u064f\u062d\u064e\u0645\u064e\u0651\u062f",
    "Arabic with marks of direction": "\u061c\u0645\u062d\u0645\u062f (1)\u200f",
    "Persian with a non-joiner": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "Hindi with a joiner": "\u0915\u094d\u200d\u0937",
    "Hindi with a non-joiner": "\u0915\u094d\u200c\u0937",
    "Malayalam with a joiner": "\u0d28\u0d4d\u200d",
    "Sinhala with a joiner": "\u0dc1\u0dca\u200d\u0dbb\u0dd3 \u0dbd\u0d82\u0d9a\u0dcf",
    "Tamil": "\u0ba4\u0bae\u0bbf\u0bb4\u0bcd",
    "Tibetan": "\u0f56\u0f66\u0f92\u0fb2\u0f74\u0f56\u0f66",
    "Burmese": "\u1019\u103c\u103d\u103e\u102f\u1036\u1037\u1038",
    "Khmer, words parted by nothing that is seen": "\u1780\u17d2\u1793\u17bb\u1784\u200b\u1797\u17d2\u1793\u17c6",
    "Thai with stacked marks": "\u0e1b\u0e35\u0e48\u0e17\u0e35\u0e48",
    "Chinese and Japanese with a wide space": "\u6771\u4eac\u3000\u516c\u6f14",
    "Japanese with a variant of a letter": "\u845b\U000e0100\u57ce",
    "a Japanese letter that NFC would replace": "\ufa19\u4fdd\u753a",
    "Korean, also in parts": "\ud55c\uad6d \u1112\u1161\u11ab",
    "Mongolian": "\u182e\u1823\u1829\u182d\u1823\u182f\u180b",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "a couple with four skins and a heart": "\U0001f469\U0001f3fd\u200d\u2764\ufe0f\u200d\U0001f468\U0001f3ff",
    "a heart on fire": "\u2764\ufe0f\u200d\U0001f525",
    "a keycap": "1\ufe0f\u20e3",
    "the flag of a country": "\U0001f1e9\U0001f1ea",
    "the flag of Scotland": "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "a pirates' flag": "\U0001f3f4\u200d\u2620\ufe0f",
    "an emoji that Python 3.11 does not know": "\U0001fae9",
    "one letter": "\u00e5",
    "a figure": "7",
    "only a sign": "!!!",
    "as long as may be": "x" * 200,
    "as long as may be, outside the first plane": "\U0001f389" * 200,
    "a letter with eight marks": "a" + "\u0301" * 8,
    "a quotation": "\u201eNacht\u201c \u2013 \u00bbTag\u00ab & <b>\"'`\\%s",
}

# What is wrong, and what the caller is told.
INVISIBLE = "Give a text in which something can be seen."
LONG = "Use at most 200 characters."
STACKED = "Use at most 8 accents and invisible characters in a row."
DIRECTION = "a control of the writing direction."
REFUSED = {
    "nothing": ("", INVISIBLE),
    "blanks": (" \t\n\u00a0\u3000\u2003", INVISIBLE),
    "line separators alone": ("\u2028\u2029", INVISIBLE),
    "a zero-width space": ("\u200b", INVISIBLE),
    "joiners": ("\u200c\u200d", INVISIBLE),
    "a byte order mark": ("\ufeff", INVISIBLE),
    "word joiners": ("\u2060\u2060", INVISIBLE),
    "marks of direction": ("\u200e \u200f\u061c", INVISIBLE),
    "a soft hyphen": ("\u00ad", INVISIBLE),
    "a Hangul filler": ("\u3164", INVISIBLE),
    "a half-wide Hangul filler": ("\uffa0", INVISIBLE),
    "Hangul fillers of parts": ("\u115f\u1160", INVISIBLE),
    "a Braille blank": ("\u2800", INVISIBLE),
    "a musical note without a head": ("\U0001d159", INVISIBLE),
    "Egyptian blanks": ("\U00013441", INVISIBLE),
    "variation selectors": ("\ufe0f\U000e0100", INVISIBLE),
    "a Khmer vowel that is not written": ("\u17b4\u17b5", INVISIBLE),
    "a grapheme joiner": ("\u034f", INVISIBLE),
    "an accent on nothing": ("\u0301", INVISIBLE),
    "a keycap of nothing": ("\ufe0f\u20e3", INVISIBLE),
    "invisible signs of mathematics": ("\u2061\u2062\u2063\u2064", INVISIBLE),
    "what Unicode keeps for invisible characters": ("\U000e0fff\u2065\ufff0", INVISIBLE),
    "the place of an object": ("\ufffc", INVISIBLE),
    "NUL": ("a\x00b", "Leave out U+0000: a control character."),
    "a line feed": ("a\nb", "Leave out U+000A: a control character."),
    "a tab": ("a\tb", "Leave out U+0009: a control character."),
    "an escape sequence": ("a\x1b[31mb", "Leave out U+001B: a control character."),
    "delete": ("a\x7f", "Leave out U+007F: a control character."),
    "next line": ("a\u0085b", "Leave out U+0085: a control character."),
    "a line separator": ("a\u2028b", "Leave out U+2028: a line separator."),
    "a paragraph separator": ("a\u2029b", "Leave out U+2029: a line separator."),
    "an override": ("ada\u202egnp.exe", f"Leave out U+202E: {DIRECTION}"),
    "an embedding, closed again": ("a\u202ab\u202cc", f"Leave out U+202A: {DIRECTION}"),
    "an isolate, closed again": ("a\u2067b\u2069c", f"Leave out U+2067: {DIRECTION}"),
    "the end of an isolate": ("a\u2069", f"Leave out U+2069: {DIRECTION}"),
    "symmetric swapping": ("a\u206ab", "Leave out U+206A: a formatting character that Unicode gave up."),
    "an annotation": ("a\ufff9b\ufffbc", "Leave out U+FFF9: a formatting character that Unicode gave up."),
    "a message in tags": ("a\U000e0068\U000e0069", "Leave out U+E0068: a tag that belongs to no flag."),
    "a language tag": ("\U000e0001\U000e0065\U000e006ea", "Leave out U+E0001: a tag that belongs to no flag."),
    "a flag without an end": ("\U0001f3f4\U000e0067\U000e0062", "Leave out U+E0067: a tag that belongs to no flag."),
    "a message in a flag": (
        "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in "attack") * 2 + "\U000e007f",
        "Leave out U+E0061: a tag that belongs to no flag.",
    ),
    "private use": ("a\ue000", "Leave out U+E000: a character of private use."),
    "private use, far out": ("a\U0010fffd", "Leave out U+10FFFD: a character of private use."),
    "no character": ("a\ufffe", "Leave out U+FFFE: a code point that is no character."),
    "no character, far out": ("a\U0001ffff", "Leave out U+1FFFF: a code point that is no character."),
    "no character, in between": ("a\ufdd0", "Leave out U+FDD0: a code point that is no character."),
    "a tower of accents": ("Z" + "\u0301\u0316" * 10 + "algo", STACKED),
    "an enclosed tower": ("a" + "\u20dd" * 9, STACKED),
    "a message in variation selectors": ("a" + "\ufe00\ufe01\ufe02" * 5, STACKED),
    "a message in joiners": ("a" + "\u200b\u200c\u200d" * 5 + "b", STACKED),
    "too long": ("x" * 201, LONG),
    "too long, outside the first plane": ("\U0001f389" * 201, LONG),
    "far too long": ("x" * 20_000, LONG),
}


@dataclass(frozen=True)
class Place:
    """Where a name is given."""

    field: str
    client: TestClient
    path: str
    others: Callable[[], dict[str, Any]]
    headers: dict[str, str]

    def give(self, literal: str) -> Response:
        """Send a name, written as JSON."""
        body = json.dumps({**self.others(), self.field: "PLACE"}).replace('"PLACE"', literal)
        answer: Response = self.client.post(self.path, content=body, headers=self.headers | JSON)
        return answer


@pytest.fixture(scope="module", params=["name", "event_name", "event_venue"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("names")
    if request.param == "name":
        settings = accounts.auth_settings(f"sqlite:///{folder}/auth.db")
        with accounts.accounts_database(settings), accounts.running(settings) as client:
            yield Place("name", client, "/users", lambda: ADA | {"email": f"{uuid4().hex}@example.com"}, {})
    else:
        booking = box_office.booking_settings(box_office.migrated_sqlite(folder))
        with box_office.running(booking) as client:
            yield Place(request.param, client, "/events", lambda: EVENT, box_office.bearer(booking, "admin"))


@pytest.mark.parametrize("what", KEPT)
def test_names_of_the_whole_world_are_kept_as_they_are(place: Place, what: str) -> None:
    answer = place.give(json.dumps(KEPT[what]))
    assert (answer.status_code, answer.json().get(place.field)) == (201, KEPT[what])


@pytest.mark.parametrize("what", REFUSED)
def test_names_that_nobody_can_see_or_that_hide_something_are_refused(place: Place, what: str) -> None:
    name, told = REFUSED[what]
    answer = place.give(json.dumps(name))
    assert_problem(answer, 422, f"#/{place.field}")
    assert answer.json()["errors"][0]["detail"] == told


@pytest.mark.parametrize("around", [" ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2028", "\u0085"])
def test_blanks_around_a_name_are_left_out(place: Place, around: str) -> None:
    answer = place.give(json.dumps(f"{around}Ada Lovelace{around}{around}"))
    assert (answer.status_code, answer.json()[place.field]) == (201, "Ada Lovelace")


@pytest.mark.parametrize("literal", ['"\\ud800"', '"a\\udc00b"', "7", "null", "true", "[]", "{}", '["Ada"]', "NaN"])
def test_what_is_no_text_is_refused(place: Place, literal: str) -> None:
    answer = place.give(literal)
    assert_problem(answer, 422, f"#/{place.field}")
