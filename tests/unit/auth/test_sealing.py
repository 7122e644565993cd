"""Private keys at rest: unreadable without the secret, and each opens under its own name only."""

import pytest

from auth_service.domain.sealing import Sealer, WrongSecretError
from auth_service.domain.signing import new_private_key
from shared.identity.jwk import ES256

SECRET, OTHER = "s" * 32, "o" * 32
PEM = new_private_key(ES256)


def test_what_was_sealed_is_opened_with_the_same_secret() -> None:
    sealed = Sealer(SECRET).seal(PEM, "kid")
    assert Sealer(SECRET).open(sealed, "kid") == PEM


def test_nothing_of_a_key_can_be_read_in_what_is_stored_and_it_never_looks_the_same() -> None:
    one, other = (Sealer(SECRET).seal(PEM, "kid") for _ in range(2))
    assert one != other
    assert b"PRIVATE" not in one


@pytest.mark.parametrize("bytes_kept", [0, 11, 12, 27, -1])
def test_what_was_cut_is_refused(bytes_kept: int) -> None:
    sealed = Sealer(SECRET).seal(PEM, "kid")
    with pytest.raises(WrongSecretError):
        Sealer(SECRET).open(sealed[:bytes_kept], "kid")


@pytest.mark.parametrize("place", [0, 11, 12, -1])
def test_what_was_changed_is_refused(place: int) -> None:
    sealed = bytearray(Sealer(SECRET).seal(PEM, "kid"))
    sealed[place] ^= 1
    with pytest.raises(WrongSecretError):
        Sealer(SECRET).open(bytes(sealed), "kid")


def test_a_wrong_secret_is_told_by_its_variable_and_the_key() -> None:
    sealed = Sealer(SECRET).seal(PEM, "the key's id")
    with pytest.raises(WrongSecretError, match=r"KEY_ENCRYPTION_SECRET_FILE.*the key's id"):
        Sealer(OTHER).open(sealed, "the key's id")


def test_a_key_does_not_open_under_the_name_of_another() -> None:
    sealed = Sealer(SECRET).seal(PEM, "one")
    with pytest.raises(WrongSecretError):
        Sealer(SECRET).open(sealed, "other")
