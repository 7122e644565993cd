"""The processes of the embedded run, as supervisor's configuration."""

import re
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from deploy.commands import AUTH, BEAT, BOOKING, DELIVERIES, DELIVERIES_BEAT, WORKER
from deploy.embedded import tether
from deploy.embedded.broker import Broker

# startsecs=1, startretries without end: what dies young is started again after a pause that grows by a second each
# time, and is never given up (FATAL). autorestart=true: what dies later is started again at once, whatever its exit
# code. minfds: supervisor's own default, 1024, is refused where the limit is lower.
SUPERVISOR = """\
[supervisord]
nodaemon=true
silent=true
minfds={open_files_min}
identifier=event-booking
logfile={logs}/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile={data}/supervisord.pid
childlogdir={logs}
"""
PROGRAM = """
[program:{name}]
command={command}
priority={priority}
autorestart=true
startsecs=1
startretries=1000000000
stopwaitsecs=20
killasgroup=true
redirect_stderr=true
stdout_logfile={log}
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=3
"""
OPEN_FILES_MIN = 256
COMMENT = re.compile(r"\s[;#]")


@dataclass(frozen=True, slots=True)
class Program:
    """One process that is kept running."""

    name: str
    command: tuple[str, ...]


def programs(broker: Broker | None, *, mails: bool) -> list[Program]:
    """List what runs, in the order in which it starts; it stops in the opposite order."""
    ours = [Program("broker", broker.command)] if broker else []
    post = [
        Program("deliveries", (sys.executable, *DELIVERIES)),
        Program("deliveries-beat", (sys.executable, *DELIVERIES_BEAT)),
    ]
    return [
        *ours,
        Program("auth", (sys.executable, *AUTH)),
        Program("booking", (sys.executable, *BOOKING)),
        Program("worker", (sys.executable, *WORKER)),
        Program("beat", (sys.executable, *BEAT)),
        *(post if mails else ()),
    ]


def write_configuration(data: Path, running: list[Program]) -> Path:
    """Write supervisor's configuration for ``running`` below ``data``."""
    logs = _escaped(str(data / "logs"))
    sections = [SUPERVISOR.format(logs=logs, data=_escaped(str(data)), open_files_min=OPEN_FILES_MIN)]
    for priority, program in enumerate(running):
        # SIGKILL: the next supervisor starts the same process on the same port, so the old one must not linger.
        command = tether.command(tether.SESSION, "SIGKILL", *program.command)
        # supervisor expands this value twice.
        log = _escaped(f"{logs}/{program.name}.log")
        sections.append(
            PROGRAM.format(name=program.name, command=_escaped(shlex.join(command)), priority=priority, log=log)
        )
    file = data / "supervisord.conf"
    file.write_text("".join(sections), encoding="utf-8")
    return file


def _escaped(value: str) -> str:
    if COMMENT.search(value):
        sys.exit(f"supervisor would take part of {value} for a comment; use a path without a blank before ; or #")
    # supervisor expands %(name)s.
    return value.replace("%", "%%")
