"""`python -m deploy.embedded` runs everything; `… exec COMMAND` runs COMMAND on the same data."""

import fcntl
import os
import resource
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from auth_service.settings import AuthSettings
from booking_service.settings import BookingSettings
from deploy.embedded import broker, environment, service, tether
from deploy.embedded.banner import Facts, banner, missing_parts
from deploy.embedded.broker import Broker
from deploy.embedded.processes import programs, write_configuration
from deploy.embedded.stop import Stop
from deploy.embedded.supervision import CHECK_SECONDS, Supervisor
from shared.configuration.settings import refuse
from shared.configuration.sources import UnreadableError, find, read_text
from shared.configuration.surroundings import disarm
from shared.console import open_console, say
from shared.http.listening import CannotListenError
from shared.http.service import listen

SETUP = (
    (sys.executable, "-m", "auth_service", "migrate"),
    (sys.executable, "-m", "booking_service", "migrate"),
    (sys.executable, "-m", "auth_service", "create-admin"),
)
READY_CHECKS_MAX = 600  # two minutes of CHECK_SECONDS
OPEN_FILES = 65_536
OWNER_ONLY_UMASK = 0o077
PASSWORD_OF_THE_CALLER = "<the ADMIN_PASSWORD that you set>"  # noqa: S105  words in place of a password
PASSWORD_UNKNOWN = "<the password that this admin was made with>"  # noqa: S105  as above


def run() -> None:
    """Start everything, say so, and keep it running until a signal says stop."""
    os.umask(OWNER_ONLY_UMASK)
    stop = Stop()
    ignored = disarm(interpreter=True)
    data = environment.data_directory()
    lock = _lock(data)
    environment.fill(data)
    given = find(["REDIS_URL"])
    ours = None if given else broker.prepare(data, broker.find_server())
    if ours:
        os.environ["REDIS_URL"] = ours.url
    auth, booking = environment.check()
    _check_addresses(auth, booking)
    if given and (why := broker.refusal(booking.redis_url.get_secret_value())):
        refuse(f"{given.variable}: Redis says: {why}")
    _raise_open_files()
    _set_up(stop)
    if stop.wished:
        return
    if ignored:
        say(f"set for other programs, and not used here: {', '.join(ignored)}")
    if ours and ours.warning:
        say(f"warning: {ours.warning}")
    say("Starting …")
    supervisor = Supervisor(write_configuration(data, programs(ours, mails=auth.mail_mode != "off")), lock)
    try:
        if _until_ready(supervisor, stop, auth, booking, data):
            say(banner(_facts(auth, booking, data, ours)))
            supervisor.keep_running(stop)
    finally:
        say("Stopping …")
        supervisor.stop()
    say("Stopped.")


def execute(command: list[str]) -> None:
    """Become ``command``, with the environment that the embedded run gives its processes."""
    disarm(interpreter=True)
    data = environment.data_directory()
    if not (data / "lock").exists():
        sys.exit(f"there is nothing in {data} yet; `make run` fills it")
    environment.fill(data)
    if not environment.is_set("REDIS_URL"):
        # None when the last run used a Redis of the caller's. A command that needs one says so by itself.
        with suppress(FileNotFoundError):
            os.environ["REDIS_URL"] = broker.kept_url(data)
    environment.derive()
    os.execvp(command[0], command)  # noqa: S606  no shell: the arguments are a list


def _lock(data: Path) -> int:
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        sys.exit(f"{data} is in use by another `make run`; stop that one, or set DATA_DIR, AUTH_PORT and BOOKING_PORT")
    return lock


def _check_addresses(auth: AuthSettings, booking: BookingSettings) -> None:
    if auth.port == booking.port:
        sys.exit(f"AUTH_PORT and BOOKING_PORT are both {auth.port}; they must differ")
    for settings in (auth, booking):
        try:
            listeners = listen(settings, settings.port)
        except CannotListenError as error:
            refuse(str(error))
        for listener in listeners:
            listener.close()


def _raise_open_files() -> None:
    # A client that waits for its booking holds a connection; the usual soft limit is 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _set_up(stop: Stop) -> None:
    for command in SETUP:
        process = subprocess.Popen(  # noqa: S603  the command is ours
            tether.command(str(os.getpid()), "SIGTERM", *command),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        output = _output(process, stop)
        if stop.wished:
            return
        if process.returncode != 0:
            sys.exit(f"{output.strip()} ({' '.join(command[2:])} failed; nothing was started)")


def _output(process: "subprocess.Popen[str]", stop: Stop) -> str:
    while True:  # ends with the process, which is ended when a stop is wished
        try:
            return process.communicate(timeout=CHECK_SECONDS)[0]
        except subprocess.TimeoutExpired:
            if stop.wished:
                process.terminate()


def _until_ready(supervisor: Supervisor, stop: Stop, auth: AuthSettings, booking: BookingSettings, data: Path) -> bool:
    addresses = {
        name: environment.address(settings.host, settings.port)
        for name, settings in (("auth", auth), ("booking", booking))
    }
    for _ in range(READY_CHECKS_MAX):
        missing = {name: lacks for name, address in addresses.items() if (lacks := service.missing(address))}
        if not missing:
            return True
        if stop.wait(CHECK_SECONDS):
            return False
        if supervisor.died():
            break
    say(missing_parts(missing, data / "logs"))
    raise SystemExit(1)


def _facts(auth: AuthSettings, booking: BookingSettings, data: Path, ours: Broker | None) -> Facts:
    at = environment.address(auth.host, auth.port)
    email, password = auth.admin_email or "", auth.admin_password
    secret = password.get_secret_value() if password else ""
    if not service.accepts_login(at, email, secret):
        shown = PASSWORD_UNKNOWN
    elif secret == read_text(data / environment.ADMIN_PASSWORD_FILE).strip():
        shown = secret
    else:
        shown = PASSWORD_OF_THE_CALLER
    return Facts(
        auth=_local(auth.host, auth.port),
        booking=_local(booking.host, booking.port),
        email=email,
        password=shown,
        data=data,
        broker=ours.name if ours else "yours, at REDIS_URL",
        mail=_mail(auth, data),
    )


def _mail(auth: AuthSettings, data: Path) -> str:
    ways = {"off": "none", "smtp": "by SMTP", "file": f"{data}/mail, links: {data}/logs/deliveries.log"}
    return ways[auth.mail_mode]


def _local(host: str, port: int) -> str:
    return environment.address("localhost" if host in {"127.0.0.1", *environment.EVERY_ADDRESS} else host, port)


def main(arguments: list[str]) -> None:
    """Run everything, or a command on the same data."""
    open_console()
    try:
        if arguments[:1] == ["exec"] and arguments[1:]:
            execute(arguments[1:])
        elif arguments:
            sys.exit(__doc__)
        else:
            run()
    except UnreadableError as error:
        refuse(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
