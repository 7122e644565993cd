"""What the URLs and the address in the configuration must be, so that every library that reads one reads the same.

The messages are our own: a library's might repeat a part of the URL, and with it a password.
"""

import ipaddress
import re
import ssl
from typing import Annotated
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pydantic import AfterValidator, SecretStr
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

MYSQL_DRIVERS = frozenset({"mysql+pymysql", "mariadb+pymysql", "mariadb"})
SQLITE_DRIVERS = frozenset({"sqlite", "sqlite+pysqlite"})
DATABASE_FORM = "Use `mysql+pymysql://user:password@host/database` or `sqlite:///path`"
# Where the server is and how it is trusted. What is missing here is ours to set (timeouts, character set, SQL mode), or
# unknown to the driver.
MYSQL_FLAGS = frozenset({"ssl_disabled", "ssl_verify_cert", "ssl_verify_identity"})
MYSQL_OPTIONS = MYSQL_FLAGS | {
    "charset", "program_name", "ssl_ca", "ssl_capath", "ssl_cert", "ssl_cipher", "ssl_key", "unix_socket",
}  # fmt: skip
MYSQL_CHARSET = "utf8mb4"
FLAG_VALUES = frozenset({"true", "false"})

# kombu cuts at `;`, redis-py drops what is no digit from the path, each takes options that the other does not know.
REDIS_FORM = "Use `redis://user:password@host:port/number` or `rediss://…`, other characters percent-encoded"
REDIS_PATH = re.compile(r"/?|/[0-9]{1,9}")
REDIS_TLS_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
REDIS_TLS_VALUES = {
    "ssl_cert_reqs": frozenset({"required", "optional", "none"}),
    "ssl_check_hostname": FLAG_VALUES,
}
REDIS_TLS_DEFAULT = "ssl_cert_reqs=required"

HTTP_FORM = "Use an absolute `http://` or `https://` URL"
URL_CHARACTERS = re.compile(r"[!-~]+")  # RFC 3986 has no others; HTTP clients differ in what they make of them
NUMBERS = re.compile(r"[0-9.]+|\[.*|.*:.*")
HOST_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}")


def _database_url(value: SecretStr) -> SecretStr:
    text = _with_small_scheme(value.get_secret_value())
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ValueError(DATABASE_FORM) from None
    if url.drivername in MYSQL_DRIVERS:
        _check_mysql(url)
    elif url.drivername in SQLITE_DRIVERS:
        _check_sqlite(url)
    else:
        raise ValueError(DATABASE_FORM)
    return SecretStr(text)


def _check_mysql(url: URL) -> None:
    if not url.database:
        msg = f"It names no database. {DATABASE_FORM}"
        raise ValueError(msg)
    if url.port is not None and not _is_port(url.port):
        msg = "Its port is none: 1 to 65535"
        raise ValueError(msg)
    for name, values in url.query.items():
        if name not in MYSQL_OPTIONS:
            msg = f"Its options may be {', '.join(sorted(MYSQL_OPTIONS))}, and no others"
            raise ValueError(msg)
        if not isinstance(values, str):
            msg = f"Its option {name} is there twice"
            raise ValueError(msg)  # noqa: TRY004  the value of a URL, not a type in a program
        if name in MYSQL_FLAGS and values not in FLAG_VALUES:
            msg = f"Its option {name} may be true or false"
            raise ValueError(msg)
        if name == "charset" and values != MYSQL_CHARSET:
            msg = f"Its charset can only be {MYSQL_CHARSET}"
            raise ValueError(msg)


def _check_sqlite(url: URL) -> None:
    if url.host or url.username or url.password or url.port:
        msg = "Use three slashes for a file of this folder, `sqlite:///path`, and four for one of the root"
        raise ValueError(msg)
    if not url.database or url.database.startswith((":memory:", "file:")):
        msg = "Name a file, `sqlite:///path`: a database in memory would be another one for each connection"
        raise ValueError(msg)
    if url.query:
        msg = "A path of SQLite takes no options"
        raise ValueError(msg)


def _redis_url(value: SecretStr) -> SecretStr:
    text = _with_small_scheme(value.get_secret_value())
    url = _split(text, "redis", "rediss")
    if url is None or ";" in text or url.fragment or REDIS_PATH.fullmatch(url.path) is None:
        raise ValueError(REDIS_FORM)
    options = parse_qsl(url.query, keep_blank_values=True)
    if url.scheme == "redis" and url.query:
        msg = "`redis://` takes no options; what may be set is in README's table"
        raise ValueError(msg)
    if len(dict(options)) != len(options) or not all(_is_tls_option(*option) for option in options):
        msg = "Its options may be ssl_cert_reqs (required, optional, none), ssl_check_hostname (true, false), "
        msg += f"{', '.join(sorted(REDIS_TLS_FILES))}, each once, and no others"
        raise ValueError(msg)
    # Without an option kombu would speak without TLS to a port that expects it.
    if url.scheme == "rediss" and "ssl_cert_reqs" not in dict(options):
        return SecretStr(f"{text.rstrip('?')}{'&' if options else '?'}{REDIS_TLS_DEFAULT}")
    return SecretStr(text)


def _is_tls_option(name: str, value: str) -> bool:
    return bool(value) and (name in REDIS_TLS_FILES or value in REDIS_TLS_VALUES.get(name, ()))


def _http_url(value: str) -> str:
    text = _with_small_scheme(value)
    url = _split(text, "http", "https")
    if url is None or URL_CHARACTERS.fullmatch(text) is None or not _is_host(url.hostname or ""):
        raise ValueError(HTTP_FORM)
    return text


def _authorities(value: str) -> str:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=value)
    except (ssl.SSLError, ValueError):
        msg = "Use certificates as PEM, `-----BEGIN CERTIFICATE-----` and so on"
        raise ValueError(msg) from None
    return value


def _listen_host(value: str) -> str:
    """Return an address or a name as sockets want it: without the brackets that it has in a URL."""
    text = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        if _is_host(text) and NUMBERS.fullmatch(text) is None:
            return text
        msg = "Use an address such as 127.0.0.1, ::1, 0.0.0.0 (all of IPv4) or :: (all), or a name of this machine"
        raise ValueError(msg) from None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id:
            msg = "An address with a zone (%) cannot stand in a URL (RFC 3986); listen on :: instead"
            raise ValueError(msg)
        return str(address.ipv4_mapped or address)
    return text


def _with_small_scheme(text: str) -> str:
    # Letter case does not count in a scheme (RFC 3986, section 3.1); redis-py, kombu and SQLAlchemy know small ones.
    scheme, mark, rest = text.partition("://")
    return f"{scheme.lower()}{mark}{rest}"


def _split(text: str, *schemes: str) -> SplitResult | None:
    try:
        url = urlsplit(text)
        # urlsplit passes over control characters before and in the scheme, the others do not.
        known = url.scheme in schemes and text.startswith(f"{url.scheme}://")
        usable = bool(url.hostname) and (url.port is None or _is_port(url.port))
    except ValueError:  # a bracket that is not closed, a port that is no number
        return None
    return url if known and usable else None


def _is_port(number: int) -> bool:
    return 1 <= number <= 65_535  # noqa: PLR2004  the sixteen bits of a port, without the one that means "any"


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return HOST_NAME.fullmatch(text) is not None
    return True


DatabaseUrl = Annotated[SecretStr, AfterValidator(_database_url)]
RedisUrl = Annotated[SecretStr, AfterValidator(_redis_url)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
ListenHost = Annotated[str, AfterValidator(_listen_host)]
Authorities = Annotated[str, AfterValidator(_authorities)]
