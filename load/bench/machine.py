"""What the figures were measured on."""

import os
import platform
import statistics
import timeit
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from lab import mysql, redis
from load.bench.mysql import Mysql, settings
from shared.identity.jwk import hmac_key
from shared.identity.revocations import Revocations
from shared.identity.tokens import TokenRules, TokenSigner, TokenVerifier

PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "sqlalchemy", "pymysql", "celery", "redis")
HMAC_BYTES = 32
TOKEN_SECONDS = 600
TOKEN_CHECKS, TOKEN_ROUNDS = 500, 5
CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Describe the computer."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
        "token_check_us": _token_check_us(),
    }


def software(server: Mysql, redis_url: str) -> dict[str, Any]:
    """Name the versions of what the contestants are made of and stand on, and the server's settings as it has them."""
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
            "redis-server": redis.version(redis_url),
            "mysql": mysql.version(server.url),
        },
        "mysql_from": server.origin,
        "mysql_settings": settings(server.url),
    }


def _token_check_us() -> float:
    """Time the checking of one HS256 token on one core, in microseconds: tells a slow hour of a shared machine.

    `docs/performance.md` names what it is elsewhere.
    """
    rules = TokenRules("HS256", "issuer", "audience")
    key = hmac_key("x" * HMAC_BYTES)
    token = TokenSigner(rules, key, None, TOKEN_SECONDS).sign(1, "bench@example.com", "user")
    verifier = TokenVerifier(rules, cache_max=0, revocations=Revocations())
    times = timeit.repeat(partial(verifier.verify, token, key), number=TOKEN_CHECKS, repeat=TOKEN_ROUNDS)
    return round(statistics.median(times) / TOKEN_CHECKS * 1e6, 1)


def _cpu_model() -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
