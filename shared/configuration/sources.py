"""Where the value of a variable comes from: the environment, then a file named by `NAME_FILE`, then `.env`.

Of two names for one thing the more specific counts, wherever it stands: `AUTH_DATABASE_URL` in `.env` before a
`DATABASE_URL` that some shell has set.
"""

import os
import stat
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from dotenv.parser import parse_stream
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

DOTENV = ".env"
FILE_BYTES_MAX = 1_048_576  # of a value in a file: a device would never end
NUL = "\0"

Source = Mapping[str, str | None]


class UnreadableError(Exception):
    """A variable or a file that was to hold a value does not."""

    def __init__(self, where: str, why: str | None) -> None:
        """Name where it was looked for, and why it is not there."""
        super().__init__(f"{where}: {why}")


class Found(NamedTuple):
    """A value, and the variable that gave it."""

    variable: str
    value: str


class Environment(PydanticBaseSettingsSource):
    """Reads `NAME`, else the content of the file named by `NAME_FILE`; the environment goes before `.env`."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        """Read for the fields of ``settings_cls``. Raises UnreadableError for a `.env` that cannot be read."""
        super().__init__(settings_cls)
        self._sources = (os.environ, _dotenv())

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Find the value of one field under any of its names. Raises UnreadableError."""
        found = find(variable_names(field_name, field), self._sources)
        return (found.value if found else None), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Collect the values of all fields that are set. Raises UnreadableError."""
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}


def variable_names(field_name: str, field: FieldInfo) -> list[str]:
    """List the environment variables that set this field, the most specific first."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [field_name.upper()]


def find(names: Sequence[str], sources: Sequence[Source] = ()) -> Found | None:
    """Return the value of the first of ``names`` that has one anywhere, without blanks around it.

    Raises UnreadableError.
    """
    looked_into = sources or (os.environ, _dotenv())
    for name in names:
        for source in looked_into:
            if value := _text(name, source.get(name)):
                return Found(name, value)
            if path := _text(f"{name}_FILE", source.get(f"{name}_FILE")):
                return Found(f"{name}_FILE", _content(f"{name}_FILE", Path(path)))
    return None


def read_text(path: Path, where: str = "") -> str:
    """Return the text of a file that people write, without its byte order mark.

    Raises UnreadableError, which names ``where``, else the path, when it is not there or no text: not UTF-8, or with a
    NUL, as UTF-16 has them.
    """
    try:
        with path.open("rb") as file:
            content = file.read(FILE_BYTES_MAX + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise UnreadableError(where or str(path), error.strerror) from error
    except UnicodeDecodeError as error:
        raise UnreadableError(where or str(path), "not UTF-8 text") from error
    if len(content) > FILE_BYTES_MAX:
        raise UnreadableError(where or str(path), f"larger than {FILE_BYTES_MAX} bytes")
    if NUL in text:
        raise UnreadableError(where or str(path), "not UTF-8 text, it holds a NUL")
    return text


def _content(variable: str, path: Path) -> str:
    where = f"{variable}: {path}"
    content = read_text(path, where).strip()
    if not content:
        raise UnreadableError(where, "empty")
    return content


def _dotenv() -> Source:
    path = Path(DOTENV)
    try:
        kind = path.stat().st_mode
    except OSError:
        return {}
    if not (stat.S_ISREG(kind) or stat.S_ISFIFO(kind)):  # a virtual environment may have that name
        return {}
    values: dict[str, str | None] = {}
    # Not `dotenv_values`: it skips what it cannot parse, and puts other variables in place of `${…}` even in quotes.
    for binding in parse_stream(StringIO(read_text(path, DOTENV))):
        if binding.error:
            raise UnreadableError(DOTENV, f"line {binding.original.line} is no `NAME=value`")
        if binding.key is not None:
            values[binding.key] = binding.value
    return values


def _text(variable: str, value: str | None) -> str:
    text = (value or "").strip()
    try:
        text.encode()
    except UnicodeEncodeError as error:  # bytes that Python could not decode
        raise UnreadableError(variable, "not UTF-8 text") from error
    return text
