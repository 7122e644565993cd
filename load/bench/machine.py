"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from load.bench import mysql
from load.bench.mysql import Mysql
from load.bench.servers import redis_version

PACKAGES = ("fastapi", "starlette", "uvicorn", "uvloop", "httptools", "sqlalchemy", "pymysql", "celery", "redis")
CPUINFO = Path("/proc/cpuinfo")


def machine() -> dict[str, Any]:
    """Describe the computer."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": f"{platform.system()} {platform.release()}",
    }


def software(server: Mysql, redis_url: str) -> dict[str, Any]:
    """Name the versions of what the contestants are made of and stand on, and the server's settings as it has them."""
    return {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
            "redis-server": redis_version(redis_url),
            "mysql": mysql.mysql_version(server.url),
        },
        "mysql_from": server.origin,
        "mysql_settings": mysql.settings(server.url),
    }


def _cpu_model() -> str:
    if CPUINFO.exists():
        for line in CPUINFO.read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
