"""Database URLs as operators write them, at real servers."""

from collections.abc import Iterator
from urllib.parse import quote
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text

from shared.database.units import Database, reason
from shared.errors import Unavailable
from tests.fixtures.databases import REAL, settings

USER, CIPHER = "SELECT CURRENT_USER()", "SHOW SESSION STATUS LIKE 'Ssl_cipher'"
PASSWORDS = ["päss wörd", "пароль", "密码😀", "a:b/c?d#e@f%g&h=i", "'\"\\`$x ${y}"]


@pytest.fixture(params=REAL)
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def user(database_url: str) -> Iterator[str]:
    """A user of the test's own, whose password each test sets."""
    name = f"u{uuid4().hex[:12]}"
    as_root(database_url, f"CREATE USER '{name}'@'%' IDENTIFIED BY 'x'")
    as_root(database_url, f"GRANT ALL ON {make_url(database_url).database}.* TO '{name}'@'%'")
    yield name
    as_root(database_url, f"DROP USER '{name}'@'%'")


def as_root(url: str, statement: str, **values: str) -> None:
    engine = create_engine(f"{url}?charset=utf8mb4", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


def ask(url: str, query: str) -> str:
    database = Database.connect(url, settings(), pool_size=1)
    try:
        return str(database.read(lambda connection: connection.exec_driver_sql(query).one()[-1]))
    finally:
        database.close()


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_may_have_any_character(database_url: str, user: str, password: str) -> None:
    as_root(database_url, f"ALTER USER '{user}'@'%' IDENTIFIED BY :password", password=password)
    server = make_url(database_url)
    url = f"mysql+pymysql://{user}:{quote(password, safe='')}@{server.host}:{server.port}/{server.database}"
    assert ask(url, USER) == f"{user}@%"


@pytest.mark.parametrize("flag", ["true", "false"])
def test_tls_is_left_out_when_the_url_says_so_and_only_then(database_url: str, flag: str) -> None:
    usual = ask(database_url, CIPHER)
    assert ask(f"{database_url}?ssl_disabled={flag}", CIPHER) == ("" if flag == "true" else usual)


@pytest.mark.parametrize("wrong", ["username", "password", "database"])
def test_a_login_that_is_refused_is_told_in_a_line_without_its_password(
    database_url: str, user: str, wrong: str
) -> None:
    as_root(database_url, f"ALTER USER '{user}'@'%' IDENTIFIED BY 's3cret'")
    right = {"username": user, "password": "s3cret", "database": make_url(database_url).database}
    login = right | {wrong: "wröng"}
    url = make_url(database_url).set(username=login["username"], password=login["password"], database=login["database"])
    with pytest.raises(Unavailable) as raised:
        ask(url.render_as_string(hide_password=False), USER)
    told = reason(raised.value)
    assert "denied" in told or "Unknown database" in told
    assert "\n" not in told
    assert "s3cret" not in told
    assert wrong != "password" or "wröng" not in told
