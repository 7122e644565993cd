"""One rule for all text that a person gives and others read: names of users, events and venues, addresses.

What is refused, what must pass and why is in `docs/decisions/0011-names-and-addresses.md`. Passwords are not read by
anybody and have a rule of their own.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

# A letter with all its legitimate marks has fewer (Tibetan and Burmese stacks, Hebrew with vowels and accents).
STACKED_MAX = 8

# Nothing is drawn for these: Unicode's Default_Ignorable_Code_Point (DerivedCoreProperties.txt), reserved ones too.
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Letters and symbols with an empty glyph, and the place of an object that did not come along.
BLANK = "\u2800\ufffc\U00013441\U00013442\U00016fe4\U0001d159"
INVISIBLE = re.compile(f"[{IGNORABLE}{BLANK}]")
STACKED = {"Mn", "Me"}  # categories of marks that stand on what is before them
VISIBLE = re.compile("[LNPS]|Cn")  # letters, numbers, punctuation, symbols; Cn: also the emoji of next year

# England, Scotland and Wales are drawn by tags after a black flag (UTS 51, emoji_tag_sequence).
FLAG = re.compile("\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f")

REFUSED = {
    "a control character": "\x00-\x1f\x7f-\x9f",
    "half of a character": "\ud800-\udfff",
    "a line separator": "\u2028\u2029",
    "a control of the writing direction": "\u202a-\u202e\u2066-\u2069",
    "a formatting character that Unicode gave up": "\u206a-\u206f\ufff9-\ufffb",
    "a tag that belongs to no flag": "\U000e0000-\U000e007f",
    "a character of private use": "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd",
    "a code point that is no character": "\ufdd0-\ufdef"
    + "".join(f"{chr(end - 1)}{chr(end)}" for end in range(0xFFFF, 0x110000, 0x10000)),
}
REFUSED_PATTERNS = {what: re.compile(f"[{characters}]") for what, characters in REFUSED.items()}


@dataclass(frozen=True, slots=True)
class GivenText:
    """Annotates a `str` of a model: stripped, something visible in it, nothing that rearranges or hides the rest.

    The text is kept as it was given, not normalised: nothing compares it, and NFC would replace letters of Japanese
    names.
    """

    length_max: int  # characters

    def __call__(self, text: str) -> str:
        """Return ``text`` without the blanks around it. Raises PydanticCustomError, which says what to do."""
        text = text.strip()
        if len(text) > self.length_max:
            raise PydanticCustomError(
                "text_long", "Use at most {length_max} characters.", {"length_max": self.length_max}
            )
        plain = FLAG.sub("\U0001f3f4", text)
        for what, pattern in REFUSED_PATTERNS.items():
            if found := pattern.search(plain):
                code_point = f"U+{ord(found[0]):04X}"
                raise PydanticCustomError(
                    "text_character", "Leave out {code_point}: {what}.", {"code_point": code_point, "what": what}
                )
        if not any(map(_is_visible, plain)):
            raise PydanticCustomError("text_invisible", "Give a text in which something can be seen.")
        if _stacked_most(plain) > STACKED_MAX:
            raise PydanticCustomError(
                "text_stacked",
                "Use at most {stacked_max} accents and invisible characters in a row.",
                {"stacked_max": STACKED_MAX},
            )
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401  pydantic's own signature
        """Apply the rule after pydantic has made sure of a `str`."""
        rule: Callable[[str], str] = self
        return core_schema.no_info_after_validator_function(rule, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Tell OpenAPI what it has words for."""
        return {**handler(schema), "minLength": 1, "maxLength": self.length_max}


def _is_visible(character: str) -> bool:
    return bool(VISIBLE.match(unicodedata.category(character))) and not INVISIBLE.match(character)


def _stacked_most(text: str) -> int:
    most = run = 0
    for character in text:
        is_stacked = unicodedata.category(character) in STACKED or INVISIBLE.match(character)
        run = run + 1 if is_stacked else 0
        most = max(most, run)
    return most
