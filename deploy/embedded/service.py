"""Asks the two services whether they are ready, and the auth service whether the admin's login is good."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus

ANSWER_SECONDS_MAX = 10

# Straight to this machine, whatever proxy the environment names.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def is_ready(address: str) -> bool:
    """Tell whether the service at ``address`` can do its work."""
    return _status(urllib.request.Request(f"{address}/health/ready")) == HTTPStatus.OK  # noqa: S310  always http


def accepts_login(address: str, email: str, password: str) -> bool:
    """Tell whether the auth service at ``address`` knows this login."""
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(  # noqa: S310  always http
        f"{address}/login", body, {"Content-Type": "application/json"}
    )
    return _status(request) == HTTPStatus.OK


def _status(request: urllib.request.Request) -> int:
    try:
        with _direct.open(request, timeout=ANSWER_SECONDS_MAX) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
