"""The keys of the table as a process holds them: opened, ready to sign and to check."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from jose.backends.base import Key

from auth_service.domain.errors import NoSigningKey
from auth_service.domain.key_schedule import KeyRecord, KeyState, published, signing, state_of
from auth_service.domain.sealing import Sealer
from auth_service.domain.signing import SigningKey, UnusableKeyError, key_pair
from shared.identity.jwk import usable_keys
from shared.identity.tokens import TokenRules, TokenSigner

MAY_SIGN: Final = frozenset({KeyState.SIGNING, KeyState.NEXT})


class MissingSecretError(UnusableKeyError):
    """A stored key is to sign, and there is no secret to open it with."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"KEY_ENCRYPTION_SECRET_FILE (or KEY_ENCRYPTION_SECRET) must be set: key {key_id} is stored")


class MissingKeyError(UnusableKeyError):
    """The configured key is to sign, and another one or none is configured by now."""

    def __init__(self, key_id: str) -> None:
        super().__init__(f"JWT_PRIVATE_KEY or JWT_PRIVATE_KEY_FILE: is not key {key_id}, which is to sign")


@dataclass(frozen=True, slots=True)
class KeyMaker:
    """What is needed to sign with a stored key."""

    rules: TokenRules
    lifetime_seconds: int
    configured: SigningKey | None
    sealer: Sealer | None

    def hold(self, records: Sequence[KeyRecord], now: datetime) -> "HeldKeys":
        """Make keys ready for use. What cannot be opened is told by `HeldKeys.complaints`; it can still be checked."""
        signers: dict[str, TokenSigner] = {}
        complaints: dict[str, str] = {}
        for record in records:
            if state_of(record, records, now) in MAY_SIGN:
                try:
                    signers[record.key_id] = self._signer(record)
                except UnusableKeyError as error:
                    complaints[record.key_id] = str(error)
        return HeldKeys(records, usable_keys([dict(record.public_jwk) for record in records]), signers, complaints)

    def _signer(self, record: KeyRecord) -> TokenSigner:
        rules = replace(self.rules, algorithm=record.algorithm)
        return TokenSigner(rules, self._pair(record).private, record.key_id, self.lifetime_seconds)

    def _pair(self, record: KeyRecord) -> SigningKey:
        if record.sealed_private_key is not None:
            if self.sealer is None:
                raise MissingSecretError(record.key_id)
            return key_pair(self.sealer.open(record.sealed_private_key, record.key_id), record.algorithm)
        if self.configured is None or self.configured.key_id != record.key_id:
            raise MissingKeyError(record.key_id)
        return self.configured


@dataclass(frozen=True, slots=True)
class HeldKeys:
    """All keys as they were read, and what can be done with them at a moment."""

    records: Sequence[KeyRecord]
    verifying: Mapping[str, Key]
    signers: Mapping[str, TokenSigner]
    complaints: Mapping[str, str]  # by key id: why it cannot sign when its time comes

    def signer(self, now: datetime) -> TokenSigner:
        """Return what signs. Raises NoSigningKey."""
        key = signing(self.records, now)
        if key is None or key.key_id not in self.signers:
            raise NoSigningKey
        return self.signers[key.key_id]

    def published(self, now: datetime) -> dict[str, Mapping[str, str]]:
        """Return what is published: the JWK of each key by its id."""
        return {key.key_id: key.public_jwk for key in published(self.records, now)}

    def find(self, key_id: str | None, now: datetime) -> Key | None:
        """Return the published key called ``key_id``."""
        is_believed = any(key.key_id == key_id for key in published(self.records, now))
        return self.verifying.get(key_id) if is_believed and key_id is not None else None
