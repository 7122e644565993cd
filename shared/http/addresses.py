"""Whose address a request comes from, as far as it tells one client from another."""

import ipaddress

from starlette.requests import HTTPConnection

# What one household or machine is given (RFC 6177): whoever has one address of it has all.
IPV6_PREFIX_BITS = 64
UNKNOWN = "unknown"
MAPPED = "::ffff:"  # RFC 4291, section 2.5.5.2


def address_of(request: HTTPConnection) -> str:
    """Return the client's address; of IPv6 the /64 that it is in.

    It is the peer's, unless that is one of FORWARDED_ALLOW_IPS, whose `X-Forwarded-For` uvicorn has put in its place.
    """
    return network_of(request.client.host if request.client else UNKNOWN)


def unmapped(host: str) -> str:
    """Return the IPv4 address that a socket for both kinds shows as `::ffff:192.0.2.1`, anything else as it is.

    Among FORWARDED_ALLOW_IPS, and for people, it is the former.
    """
    mapped = host[len(MAPPED) :] if host.lower().startswith(MAPPED) else ""
    return mapped if "." in mapped else host


def network_of(host: str) -> str:
    """Return what counts as one address: an IPv4 address, or a /64 of IPv6. What is neither counts as itself."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), IPV6_PREFIX_BITS), strict=False))
