"""The published key set is followed beside the requests: a key is believed no longer than it is published."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Iterator

import pytest

from shared.identity.keys import FixedKey, KeysUnavailable, Pace, PublishedKeys
from shared.threads.background import in_background
from tests.fixtures.keys import pair
from tests.fixtures.web import Page, serving

SECONDS_MAX = 20
LONG_SECONDS = 3_600.0
REFRESH_SECONDS = 0.02
OLD, NEW = (dict(pair(name).public_jwk) for name in ("old", "new"))


def key_set(*entries: object) -> bytes:
    return json.dumps({"keys": entries}).encode()


@pytest.fixture
def page() -> Iterator[Page]:
    with serving(Page(key_set(OLD), etag='"1"')) as page:
        yield page


class Following:
    """A set that is followed, and what it said was gone."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self.gone: list[str] = []
        pace = Pace(timeout_seconds, cooldown_seconds=LONG_SECONDS, refresh_seconds=REFRESH_SECONDS)
        self.keys = PublishedKeys(url, pace, forget=self._forget)

    async def knows(self, entry: dict[str, str]) -> bool:
        try:
            return await self.keys.find(entry["kid"]) is not None
        except KeysUnavailable:
            return False

    async def until(self, entry: dict[str, str], *, known: bool) -> None:
        while await self.knows(entry) != known:  # noqa: ASYNC110  what changes is the page, in another thread
            await asyncio.sleep(REFRESH_SECONDS / 4)

    def _forget(self, key_ids: Collection[str]) -> None:
        self.gone += key_ids


def run(page: Page, story: Callable[[Following], Awaitable[None]], timeout_seconds: float = SECONDS_MAX) -> None:
    async def bounded() -> None:
        following = Following(page.url, timeout_seconds)
        async with asyncio.timeout(SECONDS_MAX), in_background(following.keys.keep_fresh()):
            await story(following)
        await following.keys.close()

    asyncio.run(bounded())


async def until_asked_again(page: Page, times: int = 2) -> None:
    asked = page.asked + times  # the one that is on its way may have been answered before the change
    while page.asked < asked:  # noqa: ASYNC110  as above
        await asyncio.sleep(REFRESH_SECONDS)


def test_a_new_key_is_known_before_any_token_names_it(page: Page) -> None:
    async def story(following: Following) -> None:
        await following.until(OLD, known=True)
        page.body, page.etag = key_set(OLD, NEW), '"2"'
        await until_asked_again(page)
        asked = page.asked
        assert await following.knows(NEW)
        assert page.asked <= asked + 1
        assert following.gone == []

    run(page, story)


def test_a_key_that_is_no_longer_published_is_no_longer_believed_and_its_tokens_are_forgotten(page: Page) -> None:
    async def story(following: Following) -> None:
        await following.until(OLD, known=True)
        page.body, page.etag = key_set(NEW), '"2"'
        await following.until(OLD, known=False)
        assert await following.knows(NEW)
        assert following.gone == [OLD["kid"]]

    run(page, story)


def test_what_has_not_changed_is_not_sent_again(page: Page) -> None:
    async def story(following: Following) -> None:
        await following.until(OLD, known=True)
        await until_asked_again(page)
        assert await following.knows(OLD)
        assert page.not_modified == page.asked - 1

    run(page, story)


def test_a_server_without_tags_is_followed_too(page: Page) -> None:
    page.etag = None

    async def story(following: Following) -> None:
        await following.until(OLD, known=True)
        page.body = key_set(NEW)
        await following.until(OLD, known=False)

    run(page, story)


def test_not_modified_is_no_answer_to_who_has_nothing(page: Page) -> None:
    page.status, page.etag = 304, None

    async def story(following: Following) -> None:
        await until_asked_again(page)
        with pytest.raises(KeysUnavailable):
            await following.keys.ready()

    run(page, story)


def test_while_the_auth_service_is_away_the_old_keys_stay_good_and_the_log_says_it_once(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    async def story(following: Following) -> None:
        await following.until(OLD, known=True)
        page.status, page.etag = 503, '"2"'
        await until_asked_again(page)
        await until_asked_again(page)
        assert await following.knows(OLD)
        page.status, page.body = 200, key_set(NEW)
        await following.until(OLD, known=False)

    run(page, story)
    assert [record.levelname for record in caplog.records if "JWKS_URL" in record.message] == ["WARNING", "INFO"]


def test_a_set_in_which_no_key_can_be_used_changes_nothing(page: Page) -> None:
    async def story(following: Following) -> None:
        await following.until(OLD, known=True)
        page.body, page.etag = key_set({"kty": "oct"}), '"2"'
        await until_asked_again(page)
        assert await following.knows(OLD)
        assert following.gone == []

    run(page, story)


def test_requests_with_a_known_key_never_wait_for_a_server_that_does_not_answer(page: Page) -> None:
    async def story(following: Following) -> None:
        await following.until(OLD, known=True)
        page.open.clear()
        await until_asked_again(page, times=1)
        began_at = time.monotonic()
        assert all([await following.knows(OLD) for _ in range(1_000)])
        assert time.monotonic() - began_at < SECONDS_MAX / 2
        page.open.set()

    run(page, story)


def test_the_first_set_is_looked_for_until_it_is_there(page: Page) -> None:
    page.status = 503

    async def story(following: Following) -> None:
        await until_asked_again(page)
        assert not await following.knows(OLD)
        page.status = 200
        await following.until(OLD, known=True)

    run(page, story)


def test_a_fixed_key_has_nothing_to_follow() -> None:
    asyncio.run(FixedKey(pair("old").private).keep_fresh())
