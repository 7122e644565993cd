"""The table of signing keys: read by every process, changed by `keys rotate` and `keys retire`."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from auth_service.domain.audit_log import COMMAND_LINE, Act, By
from auth_service.domain.key_schedule import (
    ALWAYS,
    KeyRecord,
    KeyState,
    KeyTerms,
    published,
    signing,
    state_of,
    waiting,
)
from auth_service.domain.models import StoredKey
from auth_service.domain.sealing import Sealer
from auth_service.domain.signing import SigningKey
from shared.clock import rfc3339

COLUMNS = (
    StoredKey.number,
    StoredKey.key_id,
    StoredKey.algorithm,
    StoredKey.public_jwk,
    StoredKey.sealed_private_key,
    StoredKey.published_from,
    StoredKey.signs_from,
    StoredKey.retires_at,
)


class KeyChangeRefused(Exception):  # noqa: N818  named as what happened
    """What was asked for would leave nobody to sign, or has been overtaken; its text says so, and what to do."""


class RotationUnderWay(KeyChangeRefused):
    """A new key waits already, or another rotation came first."""

    def __init__(self, waits: KeyRecord | None) -> None:
        """Name the key that ``waits``, when it can be told."""
        what = f"key {waits.key_id} signs from {rfc3339(waits.signs_from)}" if waits else "another rotation came first"
        super().__init__(f"{what}; nothing was made. `keys list` shows what there is")


class OnlySigningKey(KeyChangeRefused):
    """There is no other key to sign with."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"key {key_id} is the only one to sign with; make another with `keys rotate` first")


class UnknownKey(KeyChangeRefused):
    """No key is called so."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"there is no key {key_id}; `keys list` shows those there are")


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that is to be rotated in."""

    key_id: str
    algorithm: str
    public_jwk: dict[str, str]
    sealed_private_key: bytes


def sealed(pair: SigningKey, pem: str, sealer: Sealer) -> NewKey:
    """Make a key ready to be stored."""
    return NewKey(pair.key_id, pair.algorithm, dict(pair.public_jwk), sealer.seal(pem, pair.key_id))


def all_keys(connection: Connection, configured: SigningKey | None) -> list[KeyRecord]:
    """Return every key there is, the oldest first.

    Until the first rotation nothing is stored, and the ``configured`` key is the one; later the table alone counts.
    """
    return _keys(connection, configured, lock=False)


def of_the_configuration(configured: SigningKey) -> KeyRecord:
    """Describe a key that was never replaced, and so is not stored."""
    public_jwk = dict(configured.public_jwk)
    return KeyRecord(0, configured.key_id, configured.algorithm, public_jwk, None, ALWAYS, ALWAYS, None)


def rotate(
    connection: Connection, new: NewKey, configured: SigningKey | None, now: datetime, terms: KeyTerms
) -> KeyRecord:
    """Publish ``new``, which signs after a while, and have the present one retire after that; return it.

    With nobody to replace it signs at once. It recognises what an earlier attempt has done. Raises RotationUnderWay.
    """
    keys = _keys(connection, configured, lock=True)
    again = next((key for key in keys if key.key_id == new.key_id), None)
    if again is not None:
        return again
    if (waits := waiting(keys, now)) is not None:
        raise RotationUnderWay(waits)
    current = signing(keys, now)
    signs_from = now if current is None else terms.signs_from(now)
    number = 1 + max((key.number for key in keys), default=0)
    try:
        if current is not None and current.number == 0:
            number += 1
            current = replace(current, number=1)
            _add(connection, current)
        made = KeyRecord(
            number, new.key_id, new.algorithm, new.public_jwk, new.sealed_private_key, now, signs_from, None
        )
        _add(connection, made)
    except IntegrityError as error:
        # Where there was no row to lock, both have got here.
        raise RotationUnderWay(None) from error
    if current is not None:
        _set(connection, replace(current, retires_at=terms.retires_at(signs_from)))
    By(None, COMMAND_LINE, now).record(connection, Act.KEY_ROTATED, None, key_id=made.key_id)
    return made


def retire(
    connection: Connection, key_id: str, configured: SigningKey | None, now: datetime, *, at_once: bool
) -> KeyRecord:
    """Publish a key no longer than its last token lives, or ``at_once`` no longer at all; return what it is then.

    The next key takes the place of one that signs; one that never signed is gone, and the present one goes on. It may
    be repeated. Raises UnknownKey, OnlySigningKey.
    """
    keys = _keys(connection, configured, lock=True)
    key = next((key for key in keys if key.key_id == key_id), None)
    if key is None:
        raise UnknownKey(key_id)
    state = state_of(key, keys, now)
    successor = waiting(keys, now) if state is KeyState.SIGNING else signing(keys, now)
    if state is KeyState.SIGNING and successor is None:
        raise OnlySigningKey(key_id)
    # Nothing is signed with a key that waits, so it need not stay.
    if state is KeyState.RETIRED or not (at_once or state is KeyState.NEXT):
        return key
    if successor is not None and state is KeyState.SIGNING:
        _set(connection, replace(successor, signs_from=now))
    elif successor is not None and state is KeyState.NEXT:
        _set(connection, replace(successor, retires_at=None))
    retired = replace(key, retires_at=now)
    _set(connection, retired)
    By(None, COMMAND_LINE, now).record(connection, Act.KEY_RETIRED, None, key_id=key_id)
    return retired


def require_opened(keys: Sequence[KeyRecord], sealer: Sealer, now: datetime) -> None:
    """Make sure that the secret is the one of the keys that are in use. Raises WrongSecretError."""
    for key in published(keys, now):
        if key.sealed_private_key is not None:
            sealer.open(key.sealed_private_key, key.key_id)


def _keys(connection: Connection, configured: SigningKey | None, *, lock: bool) -> list[KeyRecord]:
    query = select(*COLUMNS).order_by(StoredKey.number)
    rows = connection.execute(query.with_for_update() if lock else query)
    keys = [KeyRecord(row[0], row[1], row[2], json.loads(row[3]), *row[4:]) for row in rows]
    if keys or configured is None:
        return keys
    return [of_the_configuration(configured)]


def _add(connection: Connection, key: KeyRecord) -> None:
    connection.execute(
        insert(StoredKey).values(
            number=key.number,
            key_id=key.key_id,
            algorithm=key.algorithm,
            public_jwk=json.dumps(dict(key.public_jwk)),
            sealed_private_key=key.sealed_private_key,
            published_from=key.published_from,
            signs_from=key.signs_from,
            retires_at=key.retires_at,
        )
    )


def _set(connection: Connection, key: KeyRecord) -> None:
    times = {"signs_from": key.signs_from, "retires_at": key.retires_at}
    connection.execute(update(StoredKey).where(StoredKey.number == key.number).values(times))
