"""What the head of a request must say before anybody acts on it: its version, host, target and transfer coding.

The parser, llhttp, leaves these rules of RFC 9112 to the server; where it refuses something itself, `refusal` says how.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address

import httptools

from shared.errors import MethodNotImplemented, Problem

CONNECT = b"CONNECT"
# The parser's own words for what its error classes do not tell apart.
RTSP_METHOD = "Invalid method for HTTP/x.x request"
HTTP_2_PREFACE = "Pause on PRI/Upgrade"

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
REQUEST_LINE = re.compile(rb"^(" + TOKEN + rb") [!-~]+ HTTP/1\.[0-9]\r?$", re.MULTILINE)
# RFC 3986, section 3.2: `host [":" port]`, and a host that is not empty (RFC 9110, section 4.2.1).
PORT = rb"(?::[0-9]*)?"
NAME_OR_IPV4 = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+" + PORT)
IPV6 = re.compile(rb"\[([0-9A-Fa-f:.]+)\]" + PORT)
ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]*)([^#]*)", re.IGNORECASE)

# What the parser looks at wherever it stands. Trailers say nothing of framing or routing (RFC 9110, section 6.5.1).
NO_TRAILERS = frozenset({b"connection", b"proxy-connection", b"content-length", b"transfer-encoding", b"upgrade"})

# Up to the 64 bits that the parser takes, however many zeros lead them.
LENGTH = re.compile(rb"0*([1-9][0-9]{0,19})|0+")

# Nearly all requests name the same few.
HOSTS_REMEMBERED = 64

ONE_HOST = "Send one Host field with the name or address that you connect to, and nothing else in it."
TARGET = "Ask for a path such as /events, or for a whole http:// address; `#…` and user names are no part of either."
OLD_AND_CHUNKED = "HTTP/1.0 has no Transfer-Encoding: send the body with Content-Length."
NO_LENGTH = "Content-Length is one decimal number, such as 5."
UNENDING = "Nothing says where this body ends: send Content-Length, or `Transfer-Encoding: chunked` alone."


class Malformed(Problem):
    """What came is not HTTP/1.1."""

    code, status, title = "malformed-request", 400, "The request is not HTTP"
    default_detail = "Send a well-formed HTTP/1.1 request."


class VersionNotSupported(Problem):
    """It is HTTP, of a major version that we do not speak."""

    code, status, title = "version-not-supported", 505, "This version of HTTP is not spoken here"
    default_detail = "Send the request as HTTP/1.1."


class CodingNotImplemented(Problem):
    """The body is coded by something else before it is chunked."""

    code, status, title = "transfer-coding-not-implemented", 501, "The transfer coding is not known here"
    default_detail = "Send the body with Content-Length, or with `Transfer-Encoding: chunked` alone."


def fault(version: str, hosts: Sequence[bytes], codings: Sequence[bytes]) -> Problem | None:
    """Return what makes a head useless that has these Host and Transfer-Encoding lines, or None.

    A higher minor version is read as HTTP/1.1 (RFC 9110, section 2.5).
    """
    if not version.startswith("1."):
        return VersionNotSupported()
    # Section 3.2: one, whatever the version, and none only before HTTP/1.1.
    if not (len(hosts) == 1 and is_host(hosts[0])) and (hosts or version != "1.0"):
        return Malformed(ONE_HOST)
    return _coding_fault(version, codings) if codings else None


@lru_cache(maxsize=HOSTS_REMEMBERED)
def is_host(value: bytes) -> bool:
    """Tell whether ``value`` names a host, with or without a port."""
    if NAME_OR_IPV4.fullmatch(value):
        return True
    if literal := IPV6.fullmatch(value):
        try:
            IPv6Address(literal[1].decode())
        except AddressValueError:
            return False
        return True
    return False


def without_authority(method: bytes, target: bytes) -> bytes:
    """Return what of a request's target counts here: its path and query, or `*` (section 3.2). Raises Malformed.

    The host in it counts instead of the Host field, and for as much: it must be one, and all are answered alike.
    """
    if target == b"*" and method == b"OPTIONS":
        return target
    absolute = ABSOLUTE_FORM.fullmatch(target)
    if not absolute or not is_host(absolute[1]):
        raise Malformed(TARGET)
    return absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]


def body_length(value: bytes) -> int:
    """Read a Content-Length, in bytes (RFC 9110, section 8.6). Raises Malformed for what is none.

    Any number of zeros may lead it; int() by itself gives up after some thousand digits.
    """
    length = LENGTH.fullmatch(value)
    if length is None:
        raise Malformed(NO_LENGTH)
    return int(length[1] or 0)


def head_without_upgrade(method: bytes, target: bytes, version: str, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Write a request's head again as if nobody had asked for an upgrade (RFC 9110, section 7.8)."""
    lines = [b"%b %b HTTP/%b" % (method, target, version.encode())]
    lines += [b"%b: %b" % (name, value) for name, value in headers if name != b"upgrade"]
    return b"\r\n".join([*lines, b"", b""])


def refusal(error: httptools.HttpParserError, data: bytes) -> Problem:
    """Return what to answer when the parser stumbles over ``data``."""
    words = str(error)
    if words == HTTP_2_PREFACE:
        return VersionNotSupported()
    unknown = isinstance(error, httptools.HttpParserInvalidMethodError) and any(
        not _is_known(method) for method in set(REQUEST_LINE.findall(data))
    )
    return MethodNotImplemented() if unknown or words == RTSP_METHOD else Malformed()


def _coding_fault(version: str, codings: Sequence[bytes]) -> Problem | None:
    # Section 6.1, and 6.3 for what is not chunked last. The parser refuses Content-Length beside it.
    if version == "1.0":
        return Malformed(OLD_AND_CHUNKED)
    coding = b",".join(codings).lower()
    if coding == b"chunked":
        return None
    return CodingNotImplemented() if coding.rpartition(b",")[2].strip() == b"chunked" else Malformed(UNENDING)


def _is_known(method: bytes) -> bool:
    try:
        httptools.HttpRequestParser(object()).feed_data(method + b" ")
    except httptools.HttpParserInvalidMethodError:
        return False
    return True
