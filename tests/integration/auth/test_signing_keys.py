"""Keys are replaced and retired in the table, on each kind of database."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial

import pytest

from auth_service.domain.audit_log import Act, Wanted, page
from auth_service.domain.key_schedule import KeyRecord, KeyState, KeyTerms, state_of
from auth_service.domain.sealing import Sealer, WrongSecretError
from auth_service.domain.signing import SigningKey
from auth_service.domain.stored_keys import (
    NewKey,
    OnlySigningKey,
    RotationUnderWay,
    UnknownKey,
    all_keys,
    require_opened,
    retire,
    rotate,
    sealed,
)
from shared.clock import utc_now
from shared.database.units import Database
from shared.identity.tokens import CLOCK_SKEW_SECONDS
from tests.fixtures.accounts import accounts_database, auth_settings
from tests.fixtures.keys import ENCRYPTION_SECRET, OTHER_SECRET, pair, pem_of

TERMS = KeyTerms(published=timedelta(seconds=300), token_life=timedelta(seconds=1_800))
CONFIGURED = pair("configured")
NOW = utc_now()
SIGNS = NOW + timedelta(seconds=300)
ENDED = SIGNS + timedelta(seconds=1_800 + CLOCK_SKEW_SECONDS)
SECONDS_MAX = 60


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    settings = auth_settings(database_url)
    with accounts_database(settings):
        database = Database.connect(database_url, settings, pool_size=2)
        yield database
        database.close()


def new_key(name: str) -> NewKey:
    return sealed(pair(name), pem_of(name), Sealer(ENCRYPTION_SECRET))


def rotate_in(
    database: Database, name: str, now: datetime = NOW, configured: SigningKey | None = CONFIGURED
) -> KeyRecord:
    work = partial(rotate, new=new_key(name), configured=configured, now=now, terms=TERMS)
    return database.write(work, repeat_lost=False)


def retire_in(database: Database, key_id: str, now: datetime = NOW, *, at_once: bool = True) -> KeyRecord:
    work = partial(retire, key_id=key_id, configured=CONFIGURED, now=now, at_once=at_once)
    return database.write(work, repeat_lost=False)


def keys(database: Database) -> list[KeyRecord]:
    return database.read(partial(all_keys, configured=CONFIGURED))


def states(database: Database, now: datetime = NOW) -> dict[str, KeyState]:
    found = keys(database)
    return {key.key_id: state_of(key, found, now) for key in found}


def test_until_the_first_rotation_there_is_the_configured_key_and_nothing_is_stored(database: Database) -> None:
    assert states(database) == {CONFIGURED.key_id: KeyState.SIGNING}
    assert database.read(partial(all_keys, configured=None)) == []


def test_a_rotation_publishes_the_new_key_and_keeps_the_old_one_until_its_last_token_has_ended(
    database: Database,
) -> None:
    made = rotate_in(database, "a")

    old, new = keys(database)
    assert new == made
    assert (old.key_id, old.sealed_private_key, old.retires_at) == (CONFIGURED.key_id, None, ENDED)
    assert (new.signs_from, new.retires_at) == (SIGNS, None)
    assert states(database, SIGNS) == {old.key_id: KeyState.RETIRING, new.key_id: KeyState.SIGNING}
    assert states(database, ENDED) == {old.key_id: KeyState.RETIRED, new.key_id: KeyState.SIGNING}


def test_what_is_stored_is_read_as_it_was_and_opens_with_its_secret_alone(database: Database) -> None:
    rotate_in(database, "a")

    stored = keys(database)[-1]
    assert stored.public_jwk == pair("a").public_jwk
    assert stored.sealed_private_key is not None
    assert Sealer(ENCRYPTION_SECRET).open(stored.sealed_private_key, stored.key_id) == pem_of("a")
    require_opened(keys(database), Sealer(ENCRYPTION_SECRET), NOW)
    with pytest.raises(WrongSecretError, match="KEY_ENCRYPTION_SECRET_FILE"):
        require_opened(keys(database), Sealer(OTHER_SECRET), NOW)


def test_a_rotation_that_is_repeated_is_one(database: Database) -> None:
    assert rotate_in(database, "a") == rotate_in(database, "a", NOW + timedelta(seconds=1))
    assert len(keys(database)) == 2


def test_while_a_key_waits_no_other_is_made(database: Database) -> None:
    made = rotate_in(database, "a")
    with pytest.raises(RotationUnderWay, match=made.key_id):
        rotate_in(database, "b")
    rotate_in(database, "b", SIGNS)
    assert [key.number for key in keys(database)] == [1, 2, 3]


def test_without_a_configured_key_the_first_one_signs_at_once(database: Database) -> None:
    made = rotate_in(database, "a", configured=None)
    assert made.signs_from == NOW
    assert states(database) == {made.key_id: KeyState.SIGNING}


def rotate_two_at_once(database: Database, configured: SigningKey | None) -> tuple[list[KeyRecord], list[str]]:
    """Return the keys that were made, and what those were told who made none."""
    start = threading.Barrier(2)

    def rotate_together(name: str) -> KeyRecord | str:
        start.wait(SECONDS_MAX)
        try:
            return rotate_in(database, name, utc_now(), configured)
        except RotationUnderWay as refused:
            return str(refused)

    with ThreadPoolExecutor(2) as threads:
        outcomes = list(threads.map(rotate_together, ["a", "b"], timeout=SECONDS_MAX))
    made = [outcome for outcome in outcomes if isinstance(outcome, KeyRecord)]
    return made, [outcome for outcome in outcomes if isinstance(outcome, str)]


def test_of_two_rotations_at_once_one_wins_and_the_other_says_so(database: Database) -> None:
    (won,), (refusal,) = rotate_two_at_once(database, CONFIGURED)
    assert "nothing was made" in refusal
    assert [key.key_id for key in keys(database)] == [CONFIGURED.key_id, won.key_id]


def test_of_two_first_keys_at_once_one_signs_and_the_other_waits_or_was_not_made(database: Database) -> None:
    made, _ = rotate_two_at_once(database, None)
    stored = database.read(partial(all_keys, configured=None))
    assert [key.number for key in stored] == list(range(1, len(made) + 1))
    expected = [KeyState.SIGNING, KeyState.NEXT][: len(made)]
    assert [state_of(key, stored, utc_now()) for key in stored] == expected


def test_the_only_key_is_not_retired_and_an_unknown_one_is_named(database: Database) -> None:
    with pytest.raises(OnlySigningKey, match=CONFIGURED.key_id):
        retire_in(database, CONFIGURED.key_id)
    with pytest.raises(UnknownKey, match="nobody"):
        retire_in(database, "nobody")


def test_the_key_that_signs_is_retired_at_once_when_another_can_take_its_place(database: Database) -> None:
    made = rotate_in(database, "a")
    retire_in(database, CONFIGURED.key_id)
    assert states(database) == {CONFIGURED.key_id: KeyState.RETIRED, made.key_id: KeyState.SIGNING}
    with pytest.raises(OnlySigningKey):
        retire_in(database, made.key_id)


def test_without_haste_a_replaced_key_stays_until_its_last_token_has_ended(database: Database) -> None:
    rotate_in(database, "a")
    for now in (NOW, SIGNS):
        assert retire_in(database, CONFIGURED.key_id, now, at_once=False).retires_at == ENDED


@pytest.mark.parametrize("at_once", [True, False])
def test_a_key_that_never_signed_is_gone_and_the_present_one_goes_on(database: Database, *, at_once: bool) -> None:
    made = rotate_in(database, "a")
    retire_in(database, made.key_id, at_once=at_once)
    assert states(database, ENDED) == {CONFIGURED.key_id: KeyState.SIGNING, made.key_id: KeyState.RETIRED}
    assert rotate_in(database, "b").number == 3


def test_retiring_twice_changes_nothing(database: Database) -> None:
    rotate_in(database, "a")
    first = retire_in(database, CONFIGURED.key_id)
    assert retire_in(database, CONFIGURED.key_id, SIGNS) == first


def test_what_is_done_to_keys_stands_in_the_audit_trail_once(database: Database) -> None:
    made = rotate_in(database, "a")
    rotate_in(database, "a")
    for _ in range(2):
        retire_in(database, CONFIGURED.key_id)
    entries = database.read(partial(page, wanted=Wanted(), behind=None, count_max=10))
    assert [(entry.act, entry.actor_id, entry.details) for entry in entries] == [
        (Act.KEY_RETIRED, None, {"key_id": CONFIGURED.key_id}),
        (Act.KEY_ROTATED, None, {"key_id": made.key_id}),
    ]
