"""Configuration: where values come from, which are refused, and that a refusal is one line without secrets."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from auth_service.settings import AuthSettings
from booking_service.settings import BookingSettings
from shared.configuration.settings import Settings, load
from shared.configuration.sources import variable_names
from tests.fixtures.configured import KINDS, Complain
from worker.settings import WorkerSettings

pytestmark = pytest.mark.usefixtures("environment")

SECRET = "s3cret-" * 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_needed_variables_are_enough(kind: type[Settings]) -> None:
    load(kind)


def test_a_variable_goes_before_its_file_and_both_before_dotenv(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("TOKEN_AUDIENCE=dotenv\n")
    assert load(BookingSettings).token_audience == "dotenv"
    (tmp_path / "value").write_text("file\n")
    environment.setenv("TOKEN_AUDIENCE_FILE", str(tmp_path / "value"))
    assert load(BookingSettings).token_audience == "file"
    environment.setenv("TOKEN_AUDIENCE", "environment")
    assert load(BookingSettings).token_audience == "environment"


def test_dotenv_may_name_a_file_too(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("  file  \n")
    (tmp_path / ".env").write_text(f"TOKEN_AUDIENCE_FILE={tmp_path}/value\n")
    assert load(BookingSettings).token_audience == "file"


def test_a_services_own_database_goes_before_the_common_one(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.setenv("AUTH_DATABASE_URL", "sqlite:///auth.db")
    (tmp_path / "url").write_text("sqlite:///booking.db")
    environment.setenv("BOOKING_DATABASE_URL_FILE", str(tmp_path / "url"))
    loaded = load(AuthSettings), load(BookingSettings), load(WorkerSettings)
    urls = [settings.database_url.get_secret_value() for settings in loaded]
    assert urls == ["sqlite:///auth.db", "sqlite:///booking.db", "sqlite:///booking.db"]


def test_what_a_shell_sets_for_many_does_not_beat_what_a_file_of_this_project_says(
    environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    environment.setenv("DATABASE_URL", "sqlite:///of-another-project.db")
    environment.setenv("HOST", "192.0.2.7")
    dotenv = "AUTH_DATABASE_URL=sqlite:///auth.db\nBOOKING_DATABASE_URL=sqlite:///booking.db\nLISTEN_HOST=127.0.0.2\n"
    (tmp_path / ".env").write_text(dotenv)
    auth, booking, worker = load(AuthSettings), load(BookingSettings), load(WorkerSettings)
    urls = [settings.database_url.get_secret_value() for settings in (auth, booking, worker)]
    assert urls == ["sqlite:///auth.db", "sqlite:///booking.db", "sqlite:///booking.db"]
    assert (auth.host, booking.host) == ("127.0.0.2", "127.0.0.2")


@pytest.mark.parametrize("empty", ["", " ", "\t\n"])
def test_an_empty_variable_is_as_good_as_none(environment: pytest.MonkeyPatch, empty: str) -> None:
    environment.setenv("TOKEN_AUDIENCE", empty)
    assert load(BookingSettings).token_audience == "event-booking"


def test_blanks_around_a_value_do_not_count(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("LISTEN_HOST", " ::1 ")
    environment.setenv("LANES", " 4\n")
    assert (load(BookingSettings).host, load(BookingSettings).lanes) == ("::1", 4)


@pytest.mark.parametrize("level", ["info", "Info", "INFO"])
def test_letter_case_does_not_matter_where_there_are_only_a_few_words(
    environment: pytest.MonkeyPatch, level: str
) -> None:
    environment.setenv("LOG_LEVEL", level)
    environment.setenv("ALGORITHM", "rs256")
    assert (load(BookingSettings).log_level, load(BookingSettings).algorithm) == ("INFO", "RS256")


def test_of_two_names_the_one_that_gave_the_value_is_named(environment: pytest.MonkeyPatch, complain: Complain) -> None:
    environment.setenv("DATABASE_URL", "postgres://others")
    assert "configuration error: DATABASE_URL: " in complain(BookingSettings)


def test_a_file_that_gave_a_wrong_value_is_named(
    environment: pytest.MonkeyPatch, complain: Complain, tmp_path: Path
) -> None:
    (tmp_path / "ca").write_text("no certificate")
    environment.setenv("JWKS_CA_FILE", str(tmp_path / "ca"))
    assert "JWKS_CA_FILE: " in complain(BookingSettings)


@pytest.mark.parametrize("name", ["x86_64-conda-linux-gnu", "ada.example.com", "ada"])
def test_what_conda_and_tcsh_put_into_host_is_not_an_address_to_listen_on(
    environment: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    environment.setenv("HOST", name)
    assert load(BookingSettings).host == "127.0.0.1"
    # In a file of this project it is meant for us.
    (tmp_path / ".env").write_text(f"HOST={name}\n")
    assert load(BookingSettings).host == name
    environment.setenv("LISTEN_HOST", "ada.example.org")
    assert load(BookingSettings).host == "ada.example.org"


@pytest.mark.parametrize(
    ("value", "host"), [("::", "::"), ("[::1]", "::1"), ("localhost", "localhost"), ("127.0.0.2", "127.0.0.2")]
)
def test_an_address_in_host_is_listened_on_as_ever(environment: pytest.MonkeyPatch, value: str, host: str) -> None:
    environment.setenv("HOST", value)
    assert load(BookingSettings).host == host


@pytest.mark.parametrize("value", ["300.1.1.1", "127.1", "[::1", "::1]", "1:2:3", "*", "fe80::1%lo"])
def test_what_only_looks_like_an_address_is_named(
    environment: pytest.MonkeyPatch, complain: Complain, value: str
) -> None:
    environment.setenv("HOST", value)
    assert "configuration error: HOST: " in complain(BookingSettings)


BOUNDS = [
    (kind, name, bound)
    for kind in KINDS
    for name, field in kind.model_fields.items()
    for rule in field.metadata
    for bound in [
        *([rule.ge - 1] if getattr(rule, "ge", None) is not None else []),
        *([rule.gt] if getattr(rule, "gt", None) is not None else []),
        *([rule.le + 1] if getattr(rule, "le", None) is not None else []),
    ]
]


def test_the_bounds_below_are_really_found() -> None:
    assert len(BOUNDS) > 60


@pytest.mark.parametrize(("kind", "name", "value"), BOUNDS)
def test_a_number_beyond_its_bound_is_named(
    environment: pytest.MonkeyPatch, complain: Complain, kind: type[Settings], name: str, value: float
) -> None:
    variable = variable_names(name, kind.model_fields[name])[0]
    environment.setenv(variable, str(value))
    assert f"{variable}: " in complain(kind)


@pytest.mark.parametrize("value", ["x", "1.5", "NaN", "inf", "1e400", "9" * 5_000, "1_"])
def test_what_is_no_whole_number_is_named(environment: pytest.MonkeyPatch, complain: Complain, value: str) -> None:
    environment.setenv("LANES", value)
    assert "LANES: " in complain(BookingSettings)


@pytest.mark.parametrize("value", ["x", "NaN", "inf", "-inf"])
def test_what_is_no_bounded_number_is_named(environment: pytest.MonkeyPatch, complain: Complain, value: str) -> None:
    environment.setenv("REQUEST_TIMEOUT_SECONDS", value)
    assert "REQUEST_TIMEOUT_SECONDS: " in complain(BookingSettings)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DATABASE_URL", "nonsense"), ("DATABASE_URL", "mysql://root@localhost/x"), ("DATABASE_URL", "postgresql://x/y"),
        ("DATABASE_URL", f"mysql+pymysql://root:{SECRET}@host:port/x"), ("DATABASE_URL", f"{SECRET}://x"),
        ("REDIS_URL", "nonsense"), ("REDIS_URL", "http://localhost"), ("REDIS_URL", f"redis://:{SECRET}@host:port/0"),
        ("JWKS_URL", "nonsense"), ("JWKS_URL", "ftp://x/y"), ("JWKS_URL", "http://"), ("JWKS_URL", "http://["),
        ("JWKS_URL", f"http://x:{SECRET}/"), ("ALGORITHM", "none"), ("ALGORITHM", "HS512"), ("LOG_LEVEL", "LOUD"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named_at_the_start_and_not_repeated(
    environment: pytest.MonkeyPatch, complain: Complain, variable: str, value: str
) -> None:
    environment.setenv(variable, value)
    line = complain(BookingSettings)
    assert variable in line
    assert SECRET not in line
    assert "s3cret" not in line


@pytest.mark.parametrize("variable", ["REDIS_URL", "DATABASE_URL", "JWKS_URL"])
def test_what_is_missing_is_named(environment: pytest.MonkeyPatch, complain: Complain, variable: str) -> None:
    environment.delenv(variable)
    assert variable in complain(BookingSettings)


def test_all_that_is_wrong_is_named_at_once(environment: pytest.MonkeyPatch, complain: Complain) -> None:
    environment.setenv("LANES", "0")
    environment.setenv("BOOKING_PORT", "65536")
    line = complain(BookingSettings)
    assert "LANES: " in line
    assert "BOOKING_PORT: " in line


@pytest.mark.parametrize(
    "content", [None, b"", b" \n", b"\xff\xfe\x00", "secret".encode("utf-16"), b"s\0e\0", b"p\xe4ss"]
)
def test_a_file_without_a_value_is_named_with_its_variable(
    environment: pytest.MonkeyPatch, complain: Complain, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    environment.setenv("SECRET_KEY_FILE", str(path))
    line = complain(BookingSettings)
    assert f"SECRET_KEY_FILE: {path}: " in line


@pytest.mark.parametrize("secret", [None, "short", "x" * 31])
def test_a_shared_secret_must_be_long(environment: pytest.MonkeyPatch, complain: Complain, secret: str | None) -> None:
    environment.setenv("ALGORITHM", "HS256")
    if secret is not None:
        environment.setenv("SECRET_KEY", secret)
    assert "SECRET_KEY" in complain(BookingSettings)
    environment.setenv("SECRET_KEY", "x" * 32)
    load(BookingSettings)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_public_keys_must_be_somewhere(environment: pytest.MonkeyPatch, complain: Complain, algorithm: str) -> None:
    environment.setenv("ALGORITHM", algorithm)
    environment.delenv("JWT_PRIVATE_KEY")
    environment.delenv("JWKS_URL")
    assert f"JWT_PRIVATE_KEY_FILE (or JWT_PRIVATE_KEY) must be set when ALGORITHM is {algorithm}" in complain(
        AuthSettings
    )
    assert f"JWKS_URL must be set when ALGORITHM is {algorithm}" in complain(BookingSettings)
    environment.setenv("KEY_ENCRYPTION_SECRET", "x" * 32)
    load(AuthSettings)  # its keys are in the table


def test_the_secret_that_keys_are_stored_under_must_be_long(
    environment: pytest.MonkeyPatch, complain: Complain
) -> None:
    environment.setenv("KEY_ENCRYPTION_SECRET", "x" * 31)
    assert "KEY_ENCRYPTION_SECRET must have at least 32 bytes" in complain(AuthSettings)
    environment.setenv("KEY_ENCRYPTION_SECRET", "ä" * 16)
    load(AuthSettings)


def test_the_server_gives_up_before_the_client(environment: pytest.MonkeyPatch, complain: Complain) -> None:
    environment.setenv("DATABASE_LOCK_TIMEOUT_SECONDS", "10")
    assert "DATABASE_LOCK_TIMEOUT_SECONDS" in complain(WorkerSettings)


def test_no_secret_is_shown(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SECRET_KEY", SECRET)
    environment.setenv("REDIS_URL", f"redis://:{SECRET}@x/0")
    environment.setenv("DATABASE_URL", f"mysql+pymysql://x:{SECRET}@x/y")
    environment.setenv("JWT_PRIVATE_KEY", SECRET)
    environment.setenv("KEY_ENCRYPTION_SECRET", SECRET)
    environment.setenv("ADMIN_PASSWORD", SECRET)
    for settings in (load(AuthSettings), load(BookingSettings), load(WorkerSettings)):
        assert SECRET not in repr(settings)
        assert SECRET not in str(settings)


def test_settings_do_not_change() -> None:
    settings = load(WorkerSettings)
    with pytest.raises(ValidationError):
        settings.redis_url = SecretStr("redis://other/0")  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize(("given", "means"), [("off", "off"), ("OFF", "off"), ("On", "on"), (None, "on")])
def test_rate_limits_are_on_unless_switched_off(environment: pytest.MonkeyPatch, given: str | None, means: str) -> None:
    if given is not None:
        environment.setenv("RATE_LIMITS", given)
    assert load(AuthSettings).rate_limits == load(BookingSettings).rate_limits == means


def test_rate_limits_are_not_switched_off_by_a_typing_error(
    environment: pytest.MonkeyPatch, complain: Complain
) -> None:
    environment.setenv("RATE_LIMITS", "of")
    assert "RATE_LIMITS: " in complain(BookingSettings)
