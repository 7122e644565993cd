"""Whom mail comes from."""

import re
from dataclasses import dataclass
from email.headerregistry import Address

import email_validator

FORM = re.compile(r"(?P<name>[^<>]*?)[ ]*<(?P<address>[^<>]+)>")


class NotASenderError(ValueError):
    """A text that names no sender; its own text says why."""


@dataclass(frozen=True, slots=True)
class Sender:
    """An address, perhaps with a name before it."""

    address: Address

    @classmethod
    def of(cls, text: str) -> "Sender":
        """Read ``text``: an address in ASCII, or one in angle brackets after a name. Raises NotASenderError."""
        form = FORM.fullmatch(text)
        name, address = ((form["name"] or "").strip('"'), form["address"]) if form else ("", text)
        try:
            found = email_validator.validate_email(
                address, check_deliverability=False, globally_deliverable=False, allow_smtputf8=False
            )
            return cls(Address(name, addr_spec=found.ascii_email or ""))
        except ValueError as error:
            msg = f"Use `address` or `Name <address>`: {error}"
            raise NotASenderError(msg) from error

    @property
    def domain(self) -> str:
        """The domain, which ids of messages end in."""
        return self.address.domain
