"""Every variable with its default, from the classes that read them.

`python -m deploy.configuration > .env.example`, and `python -m deploy.configuration table` for README.
"""

import sys

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from auth_service.settings import AuthMailSettings, AuthSettings
from booking_service.settings import BookingDatabaseSettings, BookingQueueSettings, BookingSettings
from shared.configuration.mail import MailSettings
from shared.configuration.settings import ServiceSettings, Settings
from shared.configuration.sources import variable_names
from worker.deliveries.settings import DeliverySettings
from worker.settings import WorkerSettings

HEAD = """\
# Copy this to .env and uncomment what you change. `make run` and `docker compose` need none of it.
# Every variable NAME can also be given as NAME_FILE, the path of a file that holds the value.
# Blanks around a value do not count.
# In 'single quotes' a value stands as it is ($ and # too); only \\' and \\\\ stand for ' and \\ there.
# Written by `python -m deploy.configuration`.

# `make run`

# Directory that keeps the databases, secrets and logs of `make run`.
#DATA_DIR=.data

# docker-compose.yml

# Port of this machine that the proxy is reached on.
#PORT=8000
# How clients reach the proxy; `iss` of the tokens.
#PUBLIC_URL=http://localhost:8000
# `mail` starts those who deliver mail; set MAIL_MODE, MAIL_FROM, MAIL_LINK_BASE and SMTP_… too.
#COMPOSE_PROFILES=mail
"""
SECTIONS: dict[type[Settings], str] = {
    Settings: "Every process",
    ServiceSettings: "Both services",
    AuthMailSettings: "auth_service and deliveries",
    MailSettings: "auth_service and deliveries",
    AuthSettings: "auth_service",
    BookingDatabaseSettings: "booking_service, its commands, worker and beat",
    BookingQueueSettings: "booking_service, worker and beat",
    BookingSettings: "booking_service",
    WorkerSettings: "worker and beat",
    DeliverySettings: "deliveries and their beat",
}
# Defaults that differ from machine to machine.
COUNTED = {"argon2_threads": "one per CPU"}


def example() -> str:
    """Return the whole of `.env.example`."""
    sections = [
        "\n".join([f"# {title}", "", *(_entry(name, settings.model_fields[name]) for name in _own_fields(settings))])
        for settings, title in SECTIONS.items()
    ]
    return HEAD + "\n" + "\n\n".join(sections) + "\n"


def table() -> str:
    """Return the rows of README's table."""
    return "".join(
        _row(title, name, settings.model_fields[name])
        for settings, title in SECTIONS.items()
        for name in _own_fields(settings)
    )


def _row(title: str, name: str, field: FieldInfo) -> str:
    variables = " or ".join(f"`{variable}`" for variable in variable_names(name, field))
    if name in COUNTED:
        default = COUNTED[name]
    elif field.is_required():
        default = "required"
    else:
        default = f"`{shown}`" if (shown := _shown(field)) else ""
    return f"| {title} | {variables} | {default} | {field.description} |\n"


def _own_fields(settings: type[Settings]) -> list[str]:
    inherited = {name for base in settings.__mro__[1:] for name in getattr(base, "model_fields", {})}
    own = settings.__annotations__
    return [name for name in settings.model_fields if name in own or name not in inherited]


def _entry(name: str, field: FieldInfo) -> str:
    variable, *others = variable_names(name, field)
    notes = [field.description or ""]
    if others:
        notes.append(f"Else {' or '.join(others)} is read.")
    if name in COUNTED:
        notes.append(f"Default: {COUNTED[name]}.")
    return f"# {' '.join(notes)}\n#{variable}={'' if name in COUNTED else _shown(field)}"


def _shown(field: FieldInfo) -> str:
    default = field.default
    if field.is_required() or default is None or isinstance(default, SecretStr):
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)


if __name__ == "__main__":
    # As bytes: it becomes a file, whatever the terminal's character set.
    sys.stdout.buffer.write((table() if sys.argv[1:] == ["table"] else example()).encode())
