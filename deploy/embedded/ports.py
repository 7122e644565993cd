"""Whether a port can be listened on."""

import socket


def is_free(host: str, port: int) -> bool:
    """Tell whether nobody listens on ``port`` of ``host``. Connections that only linger do not count."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError:
            return False
    return True
