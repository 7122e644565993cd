"""The health check of containers that answer no requests."""

import socket
import subprocess
import sys

from deploy.compose.connected import is_connected
from lab.ports import free_port

HEADER = "  sl  local_address rem_address   st tx_queue"
ESTABLISHED = "   0: 050012AC:A2B4 030012AC:18EB 01 00000000"
CLOSING = "   1: 050012AC:A2B4 030012AC:18EB 08 00000000"
LISTENING = "   2: 00000000:18EB 00000000:0000 0A 00000000"


def test_an_established_connection_counts() -> None:
    assert is_connected(6379, [HEADER, ESTABLISHED])


def test_other_ports_other_states_and_listeners_do_not_count() -> None:
    assert not is_connected(6380, [HEADER, ESTABLISHED])
    assert not is_connected(6379, [HEADER, CLOSING, LISTENING])


def test_the_command_tells_what_the_kernel_knows() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            assert _exit_status(port) == 0
    assert _exit_status(free_port()) == 1


def _exit_status(port: int) -> int:
    command = [sys.executable, "-m", "deploy.compose.connected", str(port)]
    return subprocess.run(command, check=False).returncode
