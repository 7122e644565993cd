"""What a caller is told about a field: pydantic's reasons in the words of somebody who does not know pydantic."""

from collections.abc import Mapping
from typing import Any

DATE = "Use an RFC 3339 date and time that exists, such as 2027-09-11T19:15:00Z."
WORDS = {
    "missing": "This is required.",
    "json_invalid": "The body is not valid JSON.",
    "model_type": "Send a JSON object.",
    "model_attributes_type": "Send a JSON object.",
    "string_type": "Use text.",
    "string_unicode": "Use text; there is half of a character in this (a lone surrogate).",
    "string_too_short": "Use {min_length} or more characters.",
    "string_too_long": "Use at most {max_length} characters.",
    "int_type": 'Use a whole number, such as 5; not "5", 5.0 or true.',
    "int_parsing": "Use a whole number.",
    "int_parsing_size": "Use a smaller whole number.",
    "datetime_type": DATE,
    "datetime_parsing": DATE,
    "datetime_object_invalid": DATE,
    "datetime_from_date_parsing": DATE,
    "greater_than_equal": "Use {ge} or more.",
    "less_than_equal": "Use {le} or less.",
    "literal_error": "Use {expected}.",
    "bool_type": "Use true or false.",
    "extra_forbidden": "Leave this out: there is no such member.",
}


def wording(error: Mapping[str, Any]) -> str:
    """Say what to do about one error of pydantic's ValidationError. Those of our own making say it already."""
    kind = error["type"]
    if kind == "missing" and tuple(error["loc"]) == ("body",):
        kind = "model_type"  # there is no body at all
    words = WORDS.get(kind)
    return str(error["msg"]) if words is None else words.format_map(error.get("ctx", {}))
