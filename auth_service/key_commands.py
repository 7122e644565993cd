"""`keys list`, `keys rotate` and `keys retire`: what an operator does about signing keys."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from auth_service.domain.key_schedule import ALWAYS, KeyRecord, KeyTerms, state_of
from auth_service.domain.sealing import Sealer
from auth_service.domain.signing import SigningKey, configured_key, key_pair, new_private_key
from auth_service.domain.stored_keys import all_keys, require_opened, retire, rotate, sealed
from auth_service.settings import AuthSettings
from shared.clock import rfc3339, utc_now
from shared.configuration.settings import refuse
from shared.database.units import Database

HEAD = ("key", "algorithm", "state", "published from", "signs from", "retires at")


def list_keys(database: Database, settings: AuthSettings) -> list[str]:
    """Describe every key in a line, the oldest first."""
    configured = _configured(settings)
    keys = database.read(partial(all_keys, configured=configured))
    return list(_table([HEAD, *(_row(key, keys, utc_now()) for key in keys)]))


def rotate_keys(database: Database, settings: AuthSettings, algorithm: str | None) -> str:
    """Make a key that signs after KEY_PUBLISHED_SECONDS, and say so.

    Raises RotationUnderWay, or WrongSecretError when the keys that are in use were stored under another secret.
    """
    configured = _configured(settings)
    if settings.key_encryption_secret is None:
        refuse("KEY_ENCRYPTION_SECRET_FILE (or KEY_ENCRYPTION_SECRET) must be set to rotate keys")
    sealer = Sealer(settings.key_encryption_secret.get_secret_value())
    chosen = algorithm or settings.algorithm
    pem = new_private_key(chosen)
    new, now = sealed(key_pair(pem, chosen), pem, sealer), utc_now()
    terms = KeyTerms(
        published=timedelta(seconds=settings.key_published_seconds),
        token_life=timedelta(minutes=settings.access_token_expire_minute),
    )

    def work(connection: Connection) -> KeyRecord:
        require_opened(all_keys(connection, configured), sealer, now)
        return rotate(connection, new, configured, now, terms)

    record = database.write(work, repeat_lost=True)
    return f"key {record.key_id} is published now and signs from {rfc3339(record.signs_from)}"


def retire_key(database: Database, settings: AuthSettings, key_id: str, *, at_once: bool) -> str:
    """Stop publishing a key when its last token has ended, or ``at_once``, and say when that is.

    Raises UnknownKey or OnlySigningKey.
    """
    work = partial(retire, key_id=key_id, configured=_configured(settings), now=utc_now(), at_once=at_once)
    record = database.write(work, repeat_lost=True)
    return f"key {key_id} is published until {_moment(record.retires_at)}"


def _configured(settings: AuthSettings) -> SigningKey | None:
    if settings.algorithm == "HS256":
        refuse("ALGORITHM: HS256 has one shared secret and no keys")
    return configured_key(settings)


def _row(key: KeyRecord, keys: Sequence[KeyRecord], now: datetime) -> tuple[str, ...]:
    moments = (key.published_from, key.signs_from, key.retires_at)
    return (key.key_id, key.algorithm, state_of(key, keys, now).value, *map(_moment, moments))


def _moment(moment: datetime | None) -> str:
    if moment is None:
        return "-"
    return "always" if moment == ALWAYS else rfc3339(moment)


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
