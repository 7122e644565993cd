"""How a process opens its guard."""

import logging
from contextlib import AsyncExitStack

from auth_service.guard.actions import actions
from auth_service.guard.counts import Counts, CountsWithStandIn
from auth_service.guard.delays import Rules
from auth_service.guard.guard import Guard
from auth_service.guard.in_process import CountsInProcess
from auth_service.guard.in_redis import CountsInRedis
from auth_service.settings import AuthSettings

log = logging.getLogger(__name__)


def open_guard(settings: AuthSettings, redis: CountsInRedis | None) -> Guard:
    """Make the guard that ``settings`` ask for, with the counts of ``redis`` where there is one."""
    if settings.rate_limits == "off":
        log.warning("RATE_LIMITS is off: nobody is refused for sending too much, or for guessing passwords")
        return Guard({}, None)
    counts: Counts = CountsInProcess(rules(settings), settings.rate_keys_max)
    if redis is not None:
        counts = CountsWithStandIn(
            redis,
            counts,
            timeout_seconds=settings.rate_redis_timeout_seconds,
            pause_seconds=settings.rate_redis_pause_seconds,
        )
    return Guard(actions(settings), counts)


def open_redis(settings: AuthSettings, stack: AsyncExitStack) -> CountsInRedis | None:
    """Prepare the shared counts, if they are wanted and there is a Redis; ``stack`` closes them."""
    if settings.redis_url is None or settings.rate_limits == "off":
        return None
    redis = CountsInRedis(
        settings.redis_url.get_secret_value(),
        settings.token_issuer,
        rules(settings),
        settings.rate_redis_timeout_seconds,
    )
    stack.push_async_callback(redis.close)
    return redis


def rules(settings: AuthSettings) -> Rules:
    """Return the delays after wrong passwords."""
    return Rules.of(settings.login_tries_free, settings.login_delay_seconds_max)
