"""Counts in Redis, which all processes of the service share. Losing them refuses nobody.

Windows are those of the library `limits`; the delay is its own script, because it is one decision upon five keys. Time
is Redis's own, as expiries, so no two machines' clocks are compared.
"""

import hashlib
from dataclasses import replace
from typing import Final

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from auth_service.guard.delays import KNOWN_SECONDS, KNOWN_TRIES_MAX, Attempt, Rules
from shared.rate_limits.policies import Policy, Standing, standing

MILLISECONDS: Final = 1_000
KEY_BYTES: Final = 16  # of a hash: addresses and mailboxes are nobody's business in Redis

# KEYS: tries and delay of the pair, tries and delay of the account, the pair's being known.
# ARGV: how long tries are kept, how many a known pair may have, how many delays a pair has, its delays, the account's.
# A delay that is longer than the longest is of before Redis's clock was set back, and counts for nothing.
BEGIN = """
local known = 0
if redis.call('EXISTS', KEYS[5]) == 1 then
    if redis.call('INCR', KEYS[5]) > tonumber(ARGV[2]) then redis.call('DEL', KEYS[5]) else known = 1 end
end
local of_pair = tonumber(ARGV[3])
local function left(delayed, longest)
    local milliseconds = redis.call('PTTL', delayed)
    if milliseconds > tonumber(longest) then return 0 end
    return math.max(milliseconds, 0)
end
local wait = math.max(left(KEYS[2], ARGV[3 + of_pair]), left(KEYS[4], ARGV[#ARGV]))
if wait == 0 then
    local function count(tries, delayed, first, last)
        local number = redis.call('INCR', tries)
        redis.call('PEXPIRE', tries, ARGV[1])
        local delay = tonumber(ARGV[math.min(first + number - 1, last)])
        if delay > 0 then redis.call('SET', delayed, '1', 'PX', delay) end
    end
    count(KEYS[1], KEYS[2], 4, 3 + of_pair)
    count(KEYS[3], KEYS[4], 4 + of_pair, #ARGV)
end
return {known, wait}
"""
# KEYS as above. ARGV: whether the password was right, whether the try was counted, how long a pair is known.
END = """
local function uncount(tries)
    if tonumber(redis.call('GET', tries) or '0') > 0 then redis.call('DECR', tries) end
end
if ARGV[1] == '1' then
    redis.call('DEL', KEYS[1], KEYS[2])
    redis.call('SET', KEYS[5], '0', 'PX', ARGV[3])
else
    uncount(KEYS[5])
    if ARGV[2] == '1' then uncount(KEYS[1]) end
end
if ARGV[2] == '1' then uncount(KEYS[3]) end
return 1
"""


class CountsInRedis:
    """Counts that all processes see. Each method raises RedisError, or OSError, when Redis is away."""

    def __init__(self, url: str, realm: str, rules: Rules, timeout_seconds: float) -> None:
        """Prepare connections on which nothing waits longer than ``timeout_seconds`` and nothing is tried twice.

        ``realm`` keeps installations apart that share a Redis.
        """
        self._redis = Redis.from_url(
            url,
            socket_timeout=timeout_seconds,
            socket_connect_timeout=timeout_seconds,
            retry=Retry(NoBackoff(), 0),
        )
        self._realm = realm
        self._prefix = prefix = f"event-booking:auth:{self._hash('')}"
        self._storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            key_prefix=prefix,
            connection_pool=self._redis.connection_pool,  # type: ignore[arg-type]  # documented, and not annotated
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._begin, self._end = self._redis.register_script(BEGIN), self._redis.register_script(END)
        of_pair, of_account = ([delay * MILLISECONDS for delay in each] for each in (rules.of_pair, rules.of_account))
        self._rules = [rules.kept_seconds * MILLISECONDS, KNOWN_TRIES_MAX, len(of_pair), *of_pair, *of_account]

    async def prepare(self) -> None:
        """Load the scripts. One that is missing is sent anyway, but the imitation of `make run` hangs up before."""
        library = self._storage.bridge
        for script in (library.SCRIPT_ACQUIRE_SLIDING_WINDOW, library.SCRIPT_SLIDING_WINDOW, BEGIN, END):
            await self._redis.script_load(script)

    async def take(self, policy: Policy, key: str) -> Standing:
        """Count a request; return where ``key`` stands with ``policy``."""
        item, name = _item(policy), self._hash(key)
        is_taken = await self._limiter.hit(item, name)
        found = await self._look(policy, item, name)
        # Refused is who was not taken, and would not be now: a count that stood for too long is forgotten by the look.
        return replace(found, is_refused=found.is_refused and not is_taken)

    async def look(self, policy: Policy, key: str) -> Standing:
        """Return where ``key`` stands with ``policy``, and count nothing."""
        return await self._look(policy, _item(policy), self._hash(key))

    async def _look(self, policy: Policy, item: RateLimitItem, name: str) -> Standing:
        window_seconds = policy.window_seconds
        previous, _, current, expires_in = await self._storage.get_sliding_window(item.key_for(name), window_seconds)
        # The library keeps a slot for one more window after its end.
        left = expires_in - window_seconds
        if left > window_seconds:  # Redis's clock was set back: it would stand for as long as that was
            await self._limiter.clear(item, name)
        if not 0 < left <= window_seconds:
            return Standing(policy, policy.quota, window_seconds)
        return standing(policy, previous, current, left)

    async def begin(self, address: str, account: str) -> Attempt:
        """Count a login, unless it must wait; return for how long."""
        known, wait_milliseconds = await self._begin(keys=self._keys(address, account), args=self._rules)
        is_counted = wait_milliseconds == 0
        return Attempt(address, account, bool(known), is_counted, wait_milliseconds / MILLISECONDS)

    async def succeeded(self, attempt: Attempt) -> None:
        """Remember where a right password came from, and forget the wrong ones that came from there."""
        await self._finish(attempt, is_right=True)

    async def give_back(self, attempt: Attempt) -> None:
        """Undo the count of a login whose password was not checked."""
        await self._finish(attempt, is_right=False)

    async def ping(self) -> None:
        """Ask for a sign of life."""
        await self._redis.ping()

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _finish(self, attempt: Attempt, *, is_right: bool) -> None:
        keys = self._keys(attempt.address, attempt.account)
        await self._end(keys=keys, args=[int(is_right), int(attempt.is_counted), KNOWN_SECONDS * MILLISECONDS])

    def _keys(self, address: str, account: str) -> list[str]:
        pair, alone = self._hash(f"{address} {account}"), self._hash(account)
        names = (f"tries:{pair}", f"delay:{pair}", f"tries:{alone}", f"delay:{alone}", f"known:{pair}")
        return [f"{self._prefix}:{name}" for name in names]

    def _hash(self, text: str) -> str:
        secret = f"{self._realm} {text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(secret, digest_size=KEY_BYTES).hexdigest()


def _item(policy: Policy) -> RateLimitItem:
    return RateLimitItemPerSecond(policy.quota, policy.window_seconds, namespace=policy.name)
