"""Connection: Redis with errors of our own, and the names of all keys of one deployment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from multirecall.core.errors import InvalidSettings, StoreUnavailable

__all__ = ["Connection", "masked_url"]

_TIMEOUT_S = 10.0


def masked_url(url: str) -> str:
    """The URL without user, password and query, whatever characters they hold, even ones that break a URL."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        return "…"
    _, at, address = rest.rpartition("@")
    address = address.partition("?")[0].partition("#")[0]
    return f"{scheme}://{'********@' if at else ''}{address}"


class Connection:
    """One Redis, one deployment: all keys begin with `<namespace>:<name>:`, the name being that of the engine's alias.

    The engine's address is no part of it: seen from outside a container it is another one.

    Reconnects by itself; a command that still fails raises StoreUnavailable. Safe for several threads, and made anew
    in a process that was forked (redis-py's pool looks at the process id).
    """

    def __init__(self, url: str, *, namespace: str, name: str) -> None:
        self.url = masked_url(url)
        self._prefix = f"{namespace}:{name}:"
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=_TIMEOUT_S,
                socket_connect_timeout=_TIMEOUT_S,
                health_check_interval=30,
                retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), retries=5),
                retry_on_error=[redis.ConnectionError, redis.TimeoutError],
            )
        except ValueError:  # its text may hold a piece of the password
            raise InvalidSettings(
                f"The Redis URL {self.url!r} cannot be read.",
                hint="Write redis://HOST:PORT/DB, or rediss:// for TLS; a / in a password is written %2F.",
                field="redis",
            ) from None
        self._scripts: dict[str, Any] = {}

    def key(self, *parts: str) -> str:
        """The full name of a key."""
        return self._prefix + ":".join(parts)

    @contextmanager
    def client(self) -> Iterator[Any]:
        """The client, for a command or a pipeline. Raises StoreUnavailable."""
        try:
            yield self._redis
        except redis.RedisError as error:
            away = isinstance(error, redis.ConnectionError | redis.TimeoutError)
            raise StoreUnavailable(
                f"Redis at {self.url} {'does not answer' if away else 'refuses'}: {str(error).rstrip('.')}.",
                hint="Start it (`make up ENGINE=redis`), or set MULTIRECALL_REDIS.",
                store=self.url,
            ) from error

    def run(self, script: str, keys: list[str], args: list[Any]) -> Any:
        """The result of a Lua script, which runs as one step. Raises StoreUnavailable."""
        with self.client() as client:
            if script not in self._scripts:
                self._scripts[script] = client.register_script(script)
            return self._scripts[script](keys=keys, args=args)

    def time_s(self) -> float:
        """The store's clock, seconds since 1970: one clock for all workers."""
        with self.client() as client:
            seconds, micros = client.time()
        return float(seconds) + float(micros) / 1e6

    def close(self) -> None:
        """Closes all connections."""
        self._redis.close()
