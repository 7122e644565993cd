"""The published key set: asked for when needed, by one request for all, and never so often that it is a burden."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import cache

import pytest

from shared.identity.jwk import hmac_key, public_jwk, rsa_key
from shared.identity.keys import FixedKey, KeysUnavailable, Pace, PublishedKeys
from tests.fixtures.accounts import private_key_pem
from tests.fixtures.web import Page, serving

SECONDS_MAX = 20
LONG_SECONDS = 3_600.0
AT_ONCE_SECONDS = 1e-9


@cache
def jwk(bits: int = 2048) -> dict[str, str]:
    return public_jwk(rsa_key(private_key_pem(bits)).public_key())


KID = jwk()["kid"]


def key_set(*entries: object) -> bytes:
    return json.dumps({"keys": entries}).encode()


@pytest.fixture
def page() -> Iterator[Page]:
    with serving(Page(key_set(jwk()))) as page:
        yield page


def run(
    page: Page,
    story: Callable[[PublishedKeys], Awaitable[None]],
    cooldown: float = LONG_SECONDS,
    timeout: float = SECONDS_MAX,
) -> None:
    async def bounded() -> None:
        keys = PublishedKeys(page.url, Pace(timeout, cooldown, LONG_SECONDS))
        async with asyncio.timeout(SECONDS_MAX):
            await story(keys)
        await keys.close()

    asyncio.run(bounded())


def test_a_published_key_is_found_and_asked_for_once(page: Page) -> None:
    async def story(keys: PublishedKeys) -> None:
        for _ in range(5):
            assert await keys.find(KID) is not None

    run(page, story)
    assert page.asked == 1


def test_a_token_without_a_key_id_has_no_key_and_costs_no_request(page: Page) -> None:
    async def story(keys: PublishedKeys) -> None:
        assert await keys.find(None) is None

    run(page, story)
    assert page.asked == 0


def test_a_hundred_requests_at_once_are_one_fetch(page: Page) -> None:
    async def story(keys: PublishedKeys) -> None:
        found = await asyncio.gather(*(keys.find(KID) for _ in range(100)))
        assert all(key is not None for key in found)

    run(page, story)
    assert page.asked == 1


def test_unknown_ids_are_looked_for_once_per_cooldown(page: Page) -> None:
    async def story(keys: PublishedKeys) -> None:
        await keys.ready()
        for number in range(50):
            assert await keys.find(f"unknown-{number}") is None
        assert await keys.find(KID) is not None

    run(page, story)
    assert page.asked == 1


def test_after_the_cooldown_a_new_key_is_found(page: Page) -> None:
    async def story(keys: PublishedKeys) -> None:
        await keys.ready()
        page.body = key_set(jwk(), jwk(3072))
        assert await keys.find(jwk(3072)["kid"]) is not None
        assert await keys.find(KID) is not None

    run(page, story, cooldown=AT_ONCE_SECONDS)
    assert page.asked == 2


def test_a_key_that_is_no_longer_published_is_no_longer_found(page: Page) -> None:
    async def story(keys: PublishedKeys) -> None:
        await keys.ready()
        page.body = key_set(jwk(3072))
        assert await keys.find("unknown") is None
        assert await keys.find(KID) is None

    run(page, story, cooldown=AT_ONCE_SECONDS)


BAD_SETS: list[tuple[int, bytes]] = [
     (500, key_set(jwk(3072))), (404, key_set(jwk(3072))), (302, key_set(jwk(3072))), (200, b""), (200, b"<html>"),
     (200, b"\xff"),
    (200, b"[]"), (200, b"null"), (200, b'{"keys": null}'), (200, b'{"keys": {"a": 1}}'), (200, b'{"keys": [1]}'),
    (200, key_set()), (200, key_set({"kty": "RSA"})), (200, key_set({"kty": "RSA", "kid": "x", "n": "!", "e": "!"})),
     (200, key_set({"kty": "RSA", "kid": ["x"], "n": jwk()["n"], "e": jwk()["e"]})), (200, key_set({"kty": "oct",
     "kid": "x", "k": "eA"})),
    (200, b"[" * 100_000),
]  # fmt: skip


@pytest.mark.parametrize(("status", "body"), BAD_SETS)
def test_a_bad_answer_leaves_the_old_keys_in_place(page: Page, status: int, body: bytes) -> None:
    async def story(keys: PublishedKeys) -> None:
        await keys.ready()
        page.status, page.body = status, body
        assert await keys.find("unknown") is None
        assert await keys.find(KID) is not None

    run(page, story, cooldown=AT_ONCE_SECONDS)
    assert page.asked == 2


@pytest.mark.parametrize(("status", "body"), BAD_SETS)
def test_without_any_key_no_token_can_be_judged(page: Page, status: int, body: bytes) -> None:
    page.status, page.body = status, body

    async def story(keys: PublishedKeys) -> None:
        for _ in range(20):
            with pytest.raises(KeysUnavailable):
                await keys.find(KID)
        with pytest.raises(KeysUnavailable):
            await keys.ready()

    run(page, story)
    assert page.asked <= 3  # a short cooldown holds even so


def test_the_keys_are_found_soon_after_the_auth_service_is_there(page: Page) -> None:
    page.status = 503

    async def story(keys: PublishedKeys) -> None:
        with pytest.raises(KeysUnavailable):
            await keys.ready()
        page.status = 200
        while True:
            try:
                await keys.ready()
            except KeysUnavailable:
                await asyncio.sleep(0.05)
            else:
                break

    run(page, story)


@pytest.mark.parametrize(
    "bad", [1, None, {}, {"kty": "RSA"}, {"kty": "EC", "kid": "x"}, {"kty": "RSA", "kid": "x", "n": "!"}]
)
def test_an_entry_that_cannot_be_used_does_not_spoil_the_set(page: Page, bad: object) -> None:
    page.body = key_set(bad, jwk(), bad)

    async def story(keys: PublishedKeys) -> None:
        assert await keys.find(KID) is not None

    run(page, story)


@pytest.mark.parametrize(
    "said",
    [
        {"use": "enc"}, {"use": None}, {"use": ["sig"]}, {"use": "SIG"}, {"key_ops": ["sign"]}, {"key_ops": []},
        {"key_ops": "verify"}, {"key_ops": ["verify", "verify"]}, {"key_ops": None}, {"key_ops": ["wrapKey"]},
        {"use": "enc", "key_ops": ["verify"]}, {"use": "sig", "key_ops": ["encrypt"]}, {"alg": "RS512"},
        {"alg": "PS256"}, {"alg": "RSA-OAEP"}, {"alg": "rs256"}, {"alg": None}, {"alg": ["RS256"]}, {"kty": "rsa"},
        {"kty": "oct"}, {"kid": 7}, {"kid": None}, jwk(1024) | {"kid": KID},
    ],
)  # fmt: skip
def test_a_key_for_something_else_is_not_believed(page: Page, said: dict[str, object]) -> None:
    # RFC 7517, sections 4.1 to 4.5; RFC 7518, section 3.3 for one that is too short.
    page.body = key_set(jwk() | said, jwk(3072))

    async def story(keys: PublishedKeys) -> None:
        assert await keys.find(KID) is None

    run(page, story)


@pytest.mark.parametrize("without", [(), ("use",), ("alg",), ("use", "alg")])
@pytest.mark.parametrize("said", [{}, {"key_ops": ["verify"]}, {"key_ops": ["sign", "verify"]}, {"x5t": "?"}])
def test_a_key_that_says_no_more_than_it_must_is_believed(
    page: Page, without: tuple[str, ...], said: dict[str, object]
) -> None:
    page.body = key_set({name: value for name, value in (jwk() | said).items() if name not in without})

    async def story(keys: PublishedKeys) -> None:
        assert await keys.find(KID) is not None

    run(page, story)


def test_of_a_key_pair_that_was_published_only_the_public_half_is_kept(page: Page) -> None:
    pair = rsa_key(private_key_pem()).to_dict()
    page.body = key_set({**{name: str(value) for name, value in pair.items()}, **jwk()})

    async def story(keys: PublishedKeys) -> None:
        found = await keys.find(KID)
        assert found is not None
        assert set(found.to_dict()) == {"kty", "alg", "n", "e"}

    run(page, story)


def test_nobody_listens_there() -> None:
    async def story(keys: PublishedKeys) -> None:
        with pytest.raises(KeysUnavailable):
            await keys.find(KID)

    run(Page(url="http://127.0.0.1:1/jwks.json"), story)


@pytest.mark.parametrize("drip_seconds", [None, 0.05])
def test_an_answer_that_never_ends_is_given_up(page: Page, drip_seconds: float | None) -> None:
    if drip_seconds is None:
        page.open.clear()
    page.drip_seconds = drip_seconds

    async def story(keys: PublishedKeys) -> None:
        started_at = time.monotonic()
        with pytest.raises(KeysUnavailable):
            await keys.find(KID)
        assert time.monotonic() - started_at < SECONDS_MAX / 2

    run(page, story, timeout=0.5)


def test_known_keys_are_found_while_an_unknown_one_is_looked_for(page: Page) -> None:
    async def story(keys: PublishedKeys) -> None:
        await keys.ready()
        page.open.clear()
        search = asyncio.ensure_future(keys.find("unknown"))
        await asyncio.sleep(0)
        assert await keys.find(KID) is not None
        assert not search.done()
        page.open.set()
        assert await search is None

    run(page, story, cooldown=AT_ONCE_SECONDS)


def test_a_fixed_key_answers_to_all() -> None:
    async def story() -> None:
        key = hmac_key("x" * 32)
        assert await FixedKey(key).find("anything") is key
        assert await FixedKey(key).find(None) is key
        await FixedKey(key).ready()
        await FixedKey(key).close()

    asyncio.run(story())
