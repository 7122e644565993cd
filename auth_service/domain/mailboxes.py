"""E-mail addresses: what one is, and when two are one mailbox (`docs/decisions/0011-names-and-addresses.md`)."""

import re
import unicodedata

import email_validator
import idna

LOCAL_PART_OCTETS_MAX = 64  # RFC 5321, section 4.5.3.1.1

# Reserved for private networks and tests (RFC 2606, RFC 6762), which is where load tests' users live. An address is an
# identifier here, so it need not be reachable. Changing this list is the library's documented way to allow a name; only
# `.test` has a parameter.
for _name in ("local", "localhost", "test"):
    if _name in email_validator.SPECIAL_USE_DOMAIN_NAMES:
        email_validator.SPECIAL_USE_DOMAIN_NAMES.remove(_name)

NUMBER_AT_THE_END = re.compile(r"(.*\.)?[0-9]+")
AT_SIGNS = str.maketrans({"\uff20": "@", "\ufe6b": "@"})  # those that NFKC makes an @ of


class NotAnAddressError(ValueError):
    """A text that is no e-mail address; its own text says why."""


def require_address(text: str) -> None:
    """Hold ``text`` to RFC 5321 and RFC 6531, without quotes, comments and IP addresses. Raises NotAnAddressError."""
    try:
        email_validator.validate_email(text, check_deliverability=False, globally_deliverable=False)
    except email_validator.EmailNotValidError as error:
        raise NotAnAddressError(str(error)) from error
    local, _, domain = email_key(text).rpartition("@")
    if max(len(part.encode()) for part in (local, text.rpartition("@")[0])) > LOCAL_PART_OCTETS_MAX:
        msg = f"The part before the @-sign is longer than {LOCAL_PART_OCTETS_MAX} bytes."
        raise NotAnAddressError(msg)
    if NUMBER_AT_THE_END.fullmatch(domain):
        msg = "The part after the @-sign must be a name, not a number."
        raise NotAnAddressError(msg)


def email_key(email: str) -> str:
    """Return what all spellings of one mailbox have in common; any text has one, but only addresses meet.

    The domain as A-labels, mapped by UTS 46: letter case, width, other dots and punycode do not count, and faß.de is
    not fass.de. Before it, letter case and compatibility forms do not count: josé and jose stay different, straße and
    strasse are the same (Unicode's caseless match, section 3.13, D146).
    """
    local, at, domain = email.strip().translate(AT_SIGNS).rpartition("@")
    return f"{_caseless(local)}{at}{_a_labels(domain)}"


def _caseless(text: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _a_labels(domain: str) -> str:
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode().removesuffix(".")
    except idna.IDNAError:
        return domain.casefold()  # nobody's domain; not NFKC, which could make somebody's of it
