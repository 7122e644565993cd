"""What the shell, the machine or another program has set for others, and libraries here would read by themselves.

It is taken out of the environment before it is read. docs/decisions/0012-surroundings.md lists every such variable, and
those that are read on purpose.
"""

import ipaddress
import os
from collections.abc import MutableMapping

# Celery's command line alone takes each of its options from CELERY_… too, such as the queues that a worker consumes.
PREFIXES = ("CELERY", "KOMBU_", "PASSLIB_")
NAMES = frozenset({
    "APP", "AUTOSCALE_KEEPALIVE", "BROKER_URL", "C_BENCH", "C_BENCH_EVERY", "C_FAKEFORK", "C_FORCE_ROOT", "C_IMPDEBUG",
    "C_REMDEBUG", "C_STRICT_APP", "C_WARN_APP", "C_WNOCONF", "CONFIG_MODULE", "DISABLE_TRACEBACKS",
    "DJANGO_PROJECT_DIR", "DJANGO_SETTINGS_MODULE", "EVENTLET_NOBLOCK", "FAKEREDIS_LUA_VERSION",
    "FORKED_BY_MULTIPROCESSING", "LOADER", "MP_LOG", "MP_MAIN_FILE", "PICKLE_PROTOCOL", "RESULT_BACKEND",
    "SSLKEYLOGFILE", "TIMER_DEBUG", "USE_FAST_LOCALS",
})  # fmt: skip
# Read by an interpreter as it starts: of use to the processes that this one starts, not to itself.
INTERPRETER = "PYTHON"

HOST = "HOST"


def disarm(environment: MutableMapping[str, str] = os.environ, *, interpreter: bool = False) -> list[str]:
    """Take the variables of others out of ``environment``; return the names of those that somebody could count on here.

    ``interpreter``: also those that every Python reads as it starts, before other processes are started.
    """
    others = [name for name in environment if name in NAMES or name.startswith(PREFIXES)]
    if environment.get(HOST) and not is_address(environment[HOST]):
        others.append(HOST)
    for name in [*others, *(name for name in environment if interpreter and name.startswith(INTERPRETER))]:
        del environment[name]
    return sorted(others)


def is_address(value: str) -> bool:
    """Tell an address that somebody wrote into HOST from the name of a platform (conda) or of the machine (tcsh).

    What only looks like one counts as well, so that its mistake is named and not passed over.
    """
    text = value.strip()
    if text in {"localhost", "*"} or text.startswith("[") or text.count(":") > 1:
        return True
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return bool(text) and set(text) <= set("0123456789.")
    return True
