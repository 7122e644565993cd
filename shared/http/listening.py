"""The sockets that a service listens on, bound before anything else is made, so that trouble with them is one line."""

import errno
import socket
from contextlib import ExitStack

EVERY_ADDRESS = "::"
# The address's fault; everything else is the port's.
NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
REASONS = {
    errno.EADDRINUSE: "somebody else listens there; is it already running?",
    errno.EADDRNOTAVAIL: "no address of this machine",
    errno.EAFNOSUPPORT: "this machine has no addresses of that kind",
    errno.EACCES: "not allowed; ports below 1024 are root's on most systems",
}


Address = tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]


class CannotListenError(Exception):
    """A service cannot listen where its configuration says. Names the variable whose fault it is."""


def bind(host: str, port: int, *, host_variable: str, port_variable: str) -> list[socket.socket]:
    """Bind ``port`` on every address that ``host`` stands for; nothing is accepted yet. Raises CannotListenError.

    ``::`` takes IPv4 as well, whatever the system's default. Of a name's addresses those count that this machine has.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        msg = f"{host_variable}: {host} is no address, and no name that this machine knows"
        raise CannotListenError(msg) from error
    bound: list[socket.socket] = []
    missing: list[OSError] = []
    with ExitStack() as undo:
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                bound.append(undo.enter_context(_bound(family, address, dual=host == EVERY_ADDRESS)))
            except OSError as error:
                missing.append(error)
                if error.errno not in NOT_HERE:
                    msg = f"{port_variable}: port {port} of {host} cannot be listened on: {_reason(error)}"
                    raise CannotListenError(msg) from error
        if not bound:
            msg = f"{host_variable}: {host} cannot be listened on: {_reason(missing[0])}"
            raise CannotListenError(msg)
        undo.pop_all()
    return bound


def _bound(family: int, address: Address, *, dual: bool) -> socket.socket:
    with ExitStack() as undo:
        listener = undo.enter_context(socket.socket(family, socket.SOCK_STREAM))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that only linger do not count
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        listener.bind(address)
        undo.pop_all()
    return listener


def _reason(error: OSError) -> str:
    return REASONS.get(error.errno or 0) or error.strerror or str(error)
