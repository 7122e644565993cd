"""Replacing a part of the production code inside a process that the campaign started; no file is ever edited."""

from collections.abc import Callable
from typing import Any


def replace(owner: object, name: str, make: Callable[[Any], Any]) -> None:
    """Put ``make(what was there)`` in the place of ``owner.name``, which must exist."""
    setattr(owner, name, make(getattr(owner, name)))
