"""URLs and addresses: what is accepted reads the same to every library that reads it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection
from pydantic import BaseModel, ValidationError
from redis.connection import parse_url

from shared.configuration.urls import Authorities, DatabaseUrl, HttpUrl, ListenHost, RedisUrl

REDIS_PORT = 6379


class Configured(BaseModel):
    database: DatabaseUrl | None = None
    redis: RedisUrl | None = None
    http: HttpUrl | None = None
    host: ListenHost | None = None
    authorities: Authorities | None = None


def refusal(**value: str) -> str:
    with pytest.raises(ValidationError) as raised:
        Configured.model_validate(value)
    return raised.value.errors()[0]["msg"]


def redis(url: str) -> str:
    accepted = Configured.model_validate({"redis": url}).redis
    assert accepted is not None
    return accepted.get_secret_value()


def as_redis_py_reads(url: str) -> tuple[object, ...]:
    read = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py has no types here
    tls = {name: value for name, value in read.items() if name.startswith("ssl_")}
    place = read.get("host"), read.get("port", REDIS_PORT), read.get("db", 0)
    return *place, read.get("username"), read.get("password"), set(tls)


def as_kombu_reads(url: str) -> tuple[object, ...]:
    read = Connection(url)
    assert not read.alt, "one server, and none to fail over to"
    place = read.hostname, read.port or REDIS_PORT, int(read.virtual_host.strip("/") or 0)
    return *place, read.userid, read.password, set(read.ssl) if isinstance(read.ssl, dict) else set()


PIECES = st.sampled_from(
    [":", "@", "/", "?", "#", ";", "&", "=", "%", "%2F", "%40", "%25", "%C3%A4", "ä", "p", "0", "1", "16", "-1", " ",
     "[", "]", "::1", "localhost", "LOCALHOST", ":6379", ":0", ":x", "user", "ssl_cert_reqs=none",
     "ssl_check_hostname=0", "ssl_ca_certs=/x", "db=2", "socket_timeout=30", "health_check_interval=30", ",", "+", "\t",
     "\\"]
)  # fmt: skip


STARTS = st.sampled_from(
    ["redis://", "rediss://", "redis://h", "rediss://:p@h", "REDIS://h", "Rediss://h", "\x01redis://h", "re\tdis://h",
     "redis:\t//h", "redis:h", "red\u0131s://h", "REDI\u017f://h"]
)  # fmt: skip


@given(STARTS, st.lists(PIECES, max_size=9))
def test_a_redis_url_that_is_accepted_reads_the_same_to_both_its_readers(start: str, pieces: list[str]) -> None:
    try:
        url = redis(start + "".join(pieces))
    except ValidationError:
        return
    assert as_redis_py_reads(url) == as_kombu_reads(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h", "redis://h/", "redis://h:1/0", "redis://:p@h/15", "redis://u:p@[::1]:1/3", "redis://u@h",
        "redis://:p%2Fw%3B%25@h/0", "redis://:p%C3%A4ss@h", "redis://:päss@h", "redis://:@h", "rediss://h/1",
        "rediss://h?ssl_cert_reqs=none", "rediss://h?ssl_ca_certs=/ca.pem", "rediss://h?ssl_check_hostname=false",
    ],
)  # fmt: skip
def test_a_redis_url_may_have_all_that_both_know(url: str) -> None:
    accepted = redis(url)
    assert as_redis_py_reads(accepted) == as_kombu_reads(accepted)
    assert bool(Connection(accepted).ssl) == url.startswith("rediss"), "TLS is spoken by both or by none"


@pytest.mark.parametrize(
    ("kind", "url", "kept"),
    [
        ("redis", "REDIS://User:Pass@Host/1", "redis://User:Pass@Host/1"),
        ("redis", "Redis://h", "redis://h"),
        ("redis", "REDISS://h/1", "rediss://h/1?ssl_cert_reqs=required"),
        ("redis", "RedisS://h?ssl_ca_certs=/CA.pem", "rediss://h?ssl_ca_certs=/CA.pem&ssl_cert_reqs=required"),
        ("http", "HTTP://Host/JWKS", "http://Host/JWKS"),
        ("http", "Https://h", "https://h"),
        ("database", "MYSQL+PyMySQL://User:Pass@Host/Name", "mysql+pymysql://User:Pass@Host/Name"),
        ("database", "MariaDB://u@h/d", "mariadb://u@h/d"),
        ("database", "SQLite:///A.db", "sqlite:///A.db"),
    ],
)
def test_letter_case_counts_everywhere_but_in_the_scheme(kind: str, url: str, kept: str) -> None:
    accepted = getattr(Configured.model_validate({kind: url}), kind)
    assert (accepted if kind == "http" else accepted.get_secret_value()) == kept
    if kind == "redis":
        assert as_redis_py_reads(kept) == as_kombu_reads(kept)


@pytest.mark.parametrize("kind", ["redis", "http"])
@pytest.mark.parametrize("start", ["\x01{}://", "{}:\t//", "\t{}://", "{}:", "{}:/", "{}: //"])
def test_what_only_looks_like_a_scheme_is_refused(kind: str, start: str) -> None:
    refusal(**{kind: f"{start.format(kind)}h/1"})


@pytest.mark.parametrize(
    "url",
    [
        "redis://h?health_check_interval=30", "redis://h?socket_timeout=30", "redis://h/0?db=1", "redis://h?x=1",
        "redis://h/zero", "redis://h/-1", "redis://h/1/2", "redis://h/0/", "redis://h/99999999999", "redis://h/0#1",
        "redis://a;b/0", "redis://a/0;redis://b/0", "redis://:a#b@h/0", "redis://:a/b@h/0", "redis://h:70000",
        "redis://h:0", "redis:///0", "redis+socket:///x", "unix:///x", "rediss://h?ssl_cert_reqs=maybe",
        "rediss://h?ssl_check_hostname=0", "rediss://h?ssl_cert_reqs=none&ssl_cert_reqs=required", "rediss://h?timeout=1",
        "rediss://h?ssl_ca_certs=",
    ],
)  # fmt: skip
def test_a_redis_url_that_one_of_its_readers_would_misread_is_refused(url: str) -> None:
    refusal(redis=url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql+pymysql://u:p@h/d", "mariadb://u@h:1/d", "mysql+pymysql:///d?unix_socket=/run/x", "sqlite:///a.db",
        "mysql+pymysql://u:p%23%2F@h/d?charset=utf8mb4", "mysql+pymysql://u:päss@h/d", "sqlite:////var/a%20b.db",
        "mysql+pymysql://h/d?ssl_ca=/x&ssl_verify_identity=true&ssl_disabled=false", "sqlite+pysqlite:///a b.db",
    ],
)  # fmt: skip
def test_a_database_url_that_can_be_used_is_accepted(url: str) -> None:
    Configured.model_validate({"database": url})


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mysql+pymysql://u:s3cret@h", "no database"), ("mysql+pymysql://u:s3cret@h/", "no database"),
        ("mysql+pymysql://u:s3cret@h/d?tls=on", "options"), ("mysql+pymysql://h/d?connect_timeout=9", "options"),
        ("mysql+pymysql://h/d?init_command=DROP", "options"), ("mysql+pymysql://h/d?read_default_file=/x", "options"),
        ("mysql+pymysql://h/d?ssl_disabled=0", "true or false"), ("mysql+pymysql://h/d?charset=latin1", "utf8mb4"),
        ("mysql+pymysql://h/d?ssl_ca=a&ssl_ca=b", "twice"), ("mysql+pymysql://h:0/d", "port"),
        ("mysql+pymysql://h:99999/d", "port"), ("mysql+pymysql://u:s3cret@h:x/d", "Use"), ("sqlite://", "file"),
        ("sqlite:///", "file"), ("sqlite:///:memory:", "file"), ("sqlite:///file:x?mode=memory&uri=true", "file"),
        ("sqlite://tmp/x", "three slashes"), ("sqlite:///x.db?timeout=1", "options"), ("postgresql://h/d", "Use"),
        ("mysql://h/d", "Use"), ("mysql+aiomysql://h/d", "Use"), ("", "Use"), ("/var/x.db", "Use"),
    ],
)  # fmt: skip
def test_a_database_url_that_cannot_be_used_says_why_and_shows_nothing(url: str, why: str) -> None:
    said = refusal(database=url)
    assert why in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    "url", ["http://a b/", "http://ä.example/", "http://h/\n", "http://h:0/", "http://?x", "//h", ""]
)
def test_an_http_url_that_clients_read_differently_is_refused(url: str) -> None:
    refusal(http=url)


@pytest.mark.parametrize(
    ("value", "host"),
    [
        ("127.0.0.1", "127.0.0.1"), ("::", "::"), ("[::1]", "::1"), ("0:0:0:0:0:0:0:1", "::1"), ("a_b", "a_b"),
        ("localhost", "localhost"), ("::ffff:127.0.0.1", "127.0.0.1"), ("a-machine.example.", "a-machine.example."),
    ],
)  # fmt: skip
def test_an_address_is_given_to_sockets_as_they_want_it(value: str, host: str) -> None:
    assert Configured.model_validate({"host": value}).host == host


@pytest.mark.parametrize(
    "value", ["127.1", "0", "300.0.0.1", "[::1", "::1]", "fe80::1%lo", "a b", "*", "h:80", "http://h"]
)
def test_what_is_neither_an_address_nor_a_name_is_refused(value: str) -> None:
    refusal(host=value)
