"""Whether Redis answers, quickly: a question of `/readyz`."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from multirecall.core.errors import StoreUnavailable

__all__ = ["RedisCheck"]

_TIMEOUT_S = 0.25


class RedisCheck:
    """Raises StoreUnavailable if Redis does not answer within a quarter of a second. Safe for several threads."""

    def __init__(self, url: str) -> None:
        try:
            self._redis = redis.Redis.from_url(
                url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
            )
        except ValueError:  # its text may hold a piece of the password
            raise StoreUnavailable("The URL of Redis cannot be read.") from None

    def __call__(self) -> None:
        try:
            self._redis.ping()
        except redis.RedisError as error:
            raise StoreUnavailable(f"Redis does not answer: {type(error).__name__}.") from error

    def close(self) -> None:
        """Closes its connections."""
        self._redis.close()
