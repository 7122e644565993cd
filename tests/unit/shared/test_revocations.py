"""What a process knows of revoked tokens: it grows, and forgets what has ended."""

import asyncio
import json

import pytest

from shared.errors import TokenRevoked
from shared.identity.revocations import Revocations, RevocationWatch, Revoked, read_revoked
from shared.identity.tokens import TokenVerifier
from tests.fixtures.tokens import RULES, private_key, signer

NOW = 1_000


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = float(NOW)

    def __call__(self) -> float:
        return self.seconds


def test_a_session_is_revoked_with_all_its_tokens_and_no_others() -> None:
    known = Revocations(Clock())
    known.add(Revoked(sessions={"a": NOW + 9}))
    assert known.cover(1, "a", 0)
    assert not known.cover(1, "b", 0)
    assert not known.cover(1, "", 0)


def test_tokens_of_a_lower_version_are_revoked() -> None:
    known = Revocations(Clock())
    known.add(Revoked(accounts={7: (2, NOW + 9)}))
    assert [known.cover(7, "a", version) for version in (0, 1, 2, 3)] == [True, True, False, False]
    assert not known.cover(8, "a", 0)


def test_what_one_replica_has_not_heard_of_yet_is_not_forgotten() -> None:
    known = Revocations(Clock())
    known.add(Revoked(sessions={"a": NOW + 9}, accounts={7: (2, NOW + 9)}))
    known.add(Revoked(sessions={"b": NOW + 9}, accounts={7: (1, NOW + 20)}))
    assert known.cover(1, "a", 0)
    assert known.cover(1, "b", 0)
    assert known.cover(7, "", 1)


def test_what_has_ended_is_forgotten() -> None:
    clock = Clock()
    known = Revocations(clock)
    known.add(Revoked(sessions={"a": NOW + 1}, accounts={7: (1, NOW + 2)}))
    clock.seconds += 1
    known.add(Revoked())
    assert (known.cover(1, "a", 0), known.cover(7, "", 0)) == (False, True)
    clock.seconds += 1
    known.add(Revoked())
    assert not known.cover(7, "", 0)
    assert json.loads(known.document) == {"sessions": {}, "accounts": {}}


def test_what_is_published_is_read_as_it_was_known_and_its_tag_tells_it_apart() -> None:
    known, other = Revocations(Clock()), Revocations(Clock())
    assert known.etag == other.etag
    revoked = Revoked(sessions={"a": NOW + 1, "b": NOW + 2}, accounts={7: (1, NOW + 3)})
    known.add(revoked)
    assert known.etag != other.etag
    assert read_revoked(json.loads(known.document)) == revoked
    other.add(read_revoked(json.loads(known.document)))
    assert (known.document, known.etag) == (other.document, other.etag)


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"sessions": {}}, {"sessions": [], "accounts": {}}, {"sessions": {"a": "x"}, "accounts": {}},
     {"sessions": {}, "accounts": {"x": {"version": 1, "until": 2}}}, {"sessions": {}, "accounts": {"1": 2}}],
)  # fmt: skip
def test_what_cannot_be_read_is_an_error(document: object) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        read_revoked(document)


def test_a_token_that_was_remembered_is_refused_once_it_is_revoked() -> None:
    known = Revocations()
    verifier = TokenVerifier(RULES, 10, known)
    tokens = [signer().sign(uid, "a@example.com", "user", session_id=f"s{uid}", token_version=1) for uid in (1, 2, 3)]
    for token in tokens:
        verifier.verify(token, private_key().public_key())
    known.add(Revoked(sessions={"s1": 2**40}, accounts={2: (2, 2**40)}))
    assert [verifier.cached(token) is None for token in tokens] == [True, True, False]
    for token in tokens[:2]:
        with pytest.raises(TokenRevoked):
            verifier.verify(token, private_key().public_key())
        assert verifier.cached(token) is None


def test_a_watch_goes_on_with_what_is_known_while_nobody_answers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = Clock()
    answers: list[Revoked | Exception | None] = [
        Revoked(sessions={"a": NOW + 99}),
        None,
        OSError("x"),
        OSError("y"),
        None,
    ]

    async def ask() -> Revoked | None:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def story() -> list[float]:
        watch = RevocationWatch(Revocations(Clock()), ask, 1, clock)
        ages = []
        for _ in range(5):
            clock.seconds += 10
            await watch.refresh()
            ages.append(watch.age_seconds)
            assert watch.revocations.cover(1, "a", 0)
        return ages

    assert asyncio.run(story()) == [0, 0, 10, 20, 0]
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]  # once away, once back
