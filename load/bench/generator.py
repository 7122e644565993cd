"""The load generator: wrk, which costs a tenth of what it loads."""

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCRIPT = Path(__file__).parent / "book.lua"
PREFIX = "RESULT "


@dataclass(frozen=True, slots=True)
class Load:
    """What to send: ``connections`` clients, each asking again as soon as it is answered, or after a pause."""

    method: str
    path: str  # with %d for an id
    first: int
    count: int
    seconds: int
    connections: int = 64
    pause_ms: int = 0


@dataclass(frozen=True, slots=True)
class Answers:
    """How many answers of each status came, and how fast."""

    seconds: float
    statuses: dict[str, int]
    failed: int
    p50_ms: float
    p99_ms: float

    def per_second(self, status: str) -> float:
        """Answers of ``status`` a second."""
        return self.statuses[status] / self.seconds


def send(url: str, token: str, load: Load) -> Answers:
    """Send ``load`` and count the answers."""
    program = shutil.which("wrk")
    if program is None:
        sys.exit("install wrk")
    arguments = [load.method, load.path, token, str(load.first), str(load.count), str(load.pause_ms)]
    options = [
        "--threads",
        "1",
        "--connections",
        str(load.connections),
        "--duration",
        f"{load.seconds}s",
        "--timeout",
        "30s",
    ]
    output = subprocess.run(  # noqa: S603  the program was looked up
        [program, *options, "--script", str(SCRIPT), url, "--", *arguments], check=True, capture_output=True, text=True
    ).stdout
    line = next(line for line in output.splitlines() if line.startswith(PREFIX))
    result: dict[str, Any] = json.loads(line.removeprefix(PREFIX))
    statuses = {status: int(result[status]) for status in ("200", "202", "409", "other")}
    return Answers(result["seconds"], statuses, result["socket_errors"], result["p50_ms"], result["p99_ms"])
