"""The Redis transport of our workers: kombu's, which a lost connection leaves with its address."""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Transport

__all__ = ["LastingRedisTransport", "use_lasting_transport"]


class LastingRedisTransport(Transport):
    """kombu's transport to Redis, which keeps the connection's settings after the connection was given up.

    Kombu takes them away when it closes a lost connection. Whatever still has to go by a channel of it, messages to be
    given back or a task that ended meanwhile, then finds `None` in place of the host: an AttributeError, which ends the
    worker (seen with kombu 5.7, when Redis goes while a channel is being read and a message is under way). With them it
    connects anew, or fails as any command to a server that is away, which Celery knows how to live with.
    """

    _settings: Any = None

    @property
    def client(self) -> Any:
        """The kombu connection that the settings are read from."""
        return self._settings

    @client.setter
    def client(self, connection: Any) -> None:
        if connection is not None:
            self._settings = connection


def use_lasting_transport() -> None:
    """From now on, kombu connections of this process to `redis://` and `rediss://` are of this kind."""
    TRANSPORT_ALIASES.update(dict.fromkeys(("redis", "rediss"), f"{__name__}:{LastingRedisTransport.__name__}"))
