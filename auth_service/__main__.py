"""`python -m auth_service [serve|migrate|create-admin|keys|outbox]`."""

import argparse
import getpass
import sys
from collections.abc import Callable
from typing import NoReturn

from auth_service import first_admin, key_commands, outbox_commands
from auth_service.domain.signing import UnusableKeyError
from auth_service.domain.stored_keys import KeyChangeRefused
from auth_service.main import create_app
from auth_service.migrations import MIGRATIONS
from auth_service.process import configured_hasher
from auth_service.settings import AuthSettings
from shared.commands import database_of
from shared.configuration.settings import EXIT_CONFIGURATION, load
from shared.console import complain, open_console, say
from shared.database.migrations import patient, upgrade
from shared.errors import InvalidInput
from shared.http.service import serve
from shared.identity.jwk import PUBLIC_KEY_ALGORITHMS

EXIT_REFUSED = 1
RETIRE_OPTIONS = ("--now", "-h", "--help")
HELP = {
    "serve": "answer requests (the default)",
    "migrate": "bring the database to the newest version",
    "create-admin": "make an admin, if there is none with this address",
    "keys": "list, replace or retire the keys that tokens are signed with",
    "outbox": "look at mail that was not sent, and send it again",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    open_console()
    options = _parser().parse_args(_shielded(sys.argv[1:] if arguments is None else arguments))
    settings = load(AuthSettings)
    command: Callable[[AuthSettings, argparse.Namespace], int] = COMMANDS[options.command]
    try:
        return command(settings, options)
    except UnusableKeyError as error:
        return _complain(f"configuration error: {error}", EXIT_CONFIGURATION)
    except (first_admin.AddressTaken, KeyChangeRefused, InvalidInput) as error:
        return _complain(f"{options.command} refused: {_reason(error)}", EXIT_REFUSED)


def _shielded(arguments: list[str]) -> list[str]:
    """Keep a key's id, which may begin with a dash, from being taken for an option."""
    if arguments[:2] != ["keys", "retire"]:
        return arguments
    options = [each for each in arguments[2:] if each in RETIRE_OPTIONS]
    return [*arguments[:2], *options, "--", *(each for each in arguments[2:] if each not in {*RETIRE_OPTIONS, "--"})]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m auth_service", description="The auth service.")
    parser.set_defaults(command="serve")
    commands = parser.add_subparsers()
    for name, words in HELP.items():
        commands.add_parser(name, help=words).set_defaults(command=name)
    create = commands.choices["create-admin"]
    create.add_argument("--email", help="the admin's address; ADMIN_EMAIL, if not given")
    create.add_argument("--password", help="ADMIN_PASSWORD, or asked for, if not given")
    _add_keys(commands.choices["keys"])
    outbox_commands.describe(commands.choices["outbox"])
    return parser


def _add_keys(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="every key, its state and its times")
    rotate = actions.add_parser("rotate", help="make a key that signs once it has been published for a while")
    rotate.add_argument("--algorithm", choices=PUBLIC_KEY_ALGORITHMS, help="ALGORITHM, if not given")
    retire = actions.add_parser("retire", help="stop publishing a key")
    retire.add_argument("key_id", metavar="KEY", help="as `keys list` calls it")
    retire.add_argument("--now", action="store_true", help="at once: its tokens are refused within seconds")


def _serve(settings: AuthSettings, _options: argparse.Namespace) -> NoReturn:
    serve(create_app(settings), settings, settings.port)


def _migrate(settings: AuthSettings, _options: argparse.Namespace) -> int:
    with database_of("migrate", patient(settings), settings.database_url) as database:
        upgrade(database, MIGRATIONS)
    return 0


def _create_admin(settings: AuthSettings, options: argparse.Namespace) -> int:
    email, password = options.email or settings.admin_email, options.password or _configured_password(settings)
    if not email or not password:
        return _complain("configuration error: ADMIN_EMAIL and ADMIN_PASSWORD must be set", EXIT_CONFIGURATION)
    new = first_admin.checked(email, password, settings.password_length_min)
    with database_of("create-admin", settings, settings.database_url) as database:
        made = first_admin.ensure(database, configured_hasher(settings), new)
    say(f"admin {new.email} {'created' if made else 'is already there'}")
    return 0


def _keys(settings: AuthSettings, options: argparse.Namespace) -> int:
    with database_of("keys", settings, settings.database_url) as database:
        if options.action == "list":
            lines = key_commands.list_keys(database, settings)
        elif options.action == "rotate":
            lines = [key_commands.rotate_keys(database, settings, options.algorithm)]
        else:
            lines = [key_commands.retire_key(database, settings, options.key_id, at_once=options.now)]
    for line in lines:
        say(line)
    return 0


def _outbox(settings: AuthSettings, options: argparse.Namespace) -> int:
    with database_of("outbox", settings, settings.database_url) as database:
        return outbox_commands.run(database, options)


def _configured_password(settings: AuthSettings) -> str | None:
    if settings.admin_password is not None:
        return settings.admin_password.get_secret_value()
    return getpass.getpass("Password of the admin: ") if sys.stdin.isatty() else None


def _reason(error: Exception) -> str:
    fields = error.errors if isinstance(error, InvalidInput) else ()
    return "; ".join(f"{field.pointer.removeprefix('#/')}: {field.detail}" for field in fields) or str(error)


def _complain(line: str, status: int) -> int:
    complain(line)
    return status


COMMANDS = {"serve": _serve, "migrate": _migrate, "create-admin": _create_admin, "keys": _keys, "outbox": _outbox}

if __name__ == "__main__":
    sys.exit(main())
