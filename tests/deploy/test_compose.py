"""What the files of the containers must agree on. `make compose-test` tries them out in real containers."""

import re
from pathlib import Path

from auth_service.settings import AuthSettings
from booking_service.settings import BookingSettings
from deploy.compose.secrets_job import MYSQL_USER
from shared.configuration.sources import variable_names
from worker.deliveries.settings import DeliverySettings
from worker.settings import WorkerSettings

REPOSITORY = Path(__file__).resolve().parents[2]
COMPOSE = (REPOSITORY / "docker-compose.yml").read_text()
NGINX = (REPOSITORY / "deploy" / "nginx" / "nginx.conf").read_text()
DATABASES = (REPOSITORY / "deploy" / "mysql" / "databases.sql").read_text()

# Read by the image of MySQL.
OTHERS = {"MYSQL_ROOT_PASSWORD", "MYSQL_USER", "MYSQL_PASSWORD"}


def test_every_variable_that_is_set_is_read_by_somebody() -> None:
    given = {name.removesuffix("_FILE") for name in re.findall(r"^ {2,6}([A-Z][A-Z_]+): ", COMPOSE, re.MULTILINE)}
    read = {
        name
        for settings in (AuthSettings, BookingSettings, WorkerSettings, DeliverySettings)
        for field_name, field in settings.model_fields.items()
        for name in variable_names(field_name, field)
    }
    assert "AUTH_DATABASE_URL" in given
    assert given <= read | OTHERS


def test_no_secret_stands_in_the_file() -> None:
    secrets = re.findall(
        r"^ +(\w*(?:PASSWORD|DATABASE_URL|REDIS_URL|PRIVATE_KEY|SECRET)\w*): (\S+)", COMPOSE, re.MULTILINE
    )
    assert secrets
    # What comes from the operator's environment stands there, not here.
    assert [
        name
        for name, value in secrets
        if not (name.endswith("_FILE") and value.startswith("/run/secrets/")) and value != f"${{{name}:-}}"
    ] == []


def test_only_the_proxy_has_a_port_of_the_machine_so_that_the_rest_can_be_scaled() -> None:
    assert COMPOSE.count("ports:") == 1
    assert "ports:" in COMPOSE.partition("\n  proxy:\n")[2]
    assert "container_name" not in COMPOSE


def test_every_image_of_others_names_a_line_of_releases() -> None:
    tags = {
        image: tag
        for image, _, tag in (name.partition(":") for name in re.findall(r"^    image: (\S+)$", COMPOSE, re.MULTILINE))
    }
    assert {"nginx", "mysql", "redis"} <= set(tags)
    # `alpine` alone is whatever was released last.
    assert [image for image, tag in tags.items() if not re.match(r"[0-9]|stable\b", tag)] == []


def test_the_proxy_looks_for_the_services_where_they_listen() -> None:
    auth, booking = (settings.model_fields["port"].default for settings in (AuthSettings, BookingSettings))
    assert f"server auth:{auth} resolve" in NGINX
    assert f"server booking:{booking} resolve" in NGINX


def test_the_proxy_lets_pass_what_the_services_themselves_refuse() -> None:
    body = re.search(r"client_max_body_size (\d+)k", NGINX)
    header = re.search(r"large_client_header_buffers 4 (\d+)k", NGINX)
    wait = re.search(r"proxy_read_timeout (\d+)s", NGINX)
    assert body is not None
    assert header is not None
    assert wait is not None
    assert int(body[1]) * 1024 > BookingSettings.model_fields["request_body_bytes_max"].default
    assert int(header[1]) * 1024 > BookingSettings.model_fields["request_header_bytes_max"].default
    bounds = (getattr(bound, "le", None) for bound in BookingSettings.model_fields["wait_seconds_max"].metadata)
    assert int(wait[1]) > max(bound for bound in bounds if bound is not None)


def test_the_user_of_the_databases_is_the_one_that_is_made() -> None:
    assert f"MYSQL_USER: {MYSQL_USER}" in COMPOSE
    assert DATABASES.count(f"TO '{MYSQL_USER}'@'%'") == 2
