"""Asks the two services what they lack, and the auth service whether the admin's login is good."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException

ANSWER_SECONDS_MAX = 10

# Straight to this machine, whatever proxy the environment names.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def missing(address: str) -> dict[str, str]:
    """Return what the service at ``address`` lacks to do all its work, each with its state; nothing when it is ready.

    What waits for its decision since an earlier run is no lack: it is being settled.
    """
    _, body = _ask(urllib.request.Request(f"{address}/health/ready"))  # noqa: S310  always http
    try:
        dependencies: dict[str, str] = json.loads(body)["dependencies"]
    except (ValueError, LookupError, TypeError):
        return {"an answer": "none"}
    return {name: state for name, state in dependencies.items() if state != "ok" and name != "settlement"}


def accepts_login(address: str, email: str, password: str) -> bool:
    """Tell whether the auth service at ``address`` knows this login."""
    body = json.dumps({"email": email, "password": password}).encode()
    request = urllib.request.Request(  # noqa: S310  always http
        f"{address}/login", body, {"Content-Type": "application/json"}
    )
    status, _ = _ask(request)
    return status == HTTPStatus.OK


def _ask(request: urllib.request.Request) -> tuple[int, bytes]:
    try:
        with _direct.open(request, timeout=ANSWER_SECONDS_MAX) as response:
            return int(response.status), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except (OSError, HTTPException):
        return 0, b""
