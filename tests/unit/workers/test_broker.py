"""What is left of a connection to the broker when the broker went away."""

from __future__ import annotations

import pytest
from kombu import Connection

from multirecall.wiring.settings import load_settings
from multirecall.workers.app import make_app
from multirecall.workers.broker import LastingRedisTransport

_NOBODY = "redis://127.0.0.1:1/3"
"""Port 1 of this machine: nothing listens there."""


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_workers_reach_redis_by_the_lasting_transport(scheme: str) -> None:
    app = make_app(load_settings(engine="embedded:shop", redis=f"{scheme}://127.0.0.1:1/3"))
    assert isinstance(app.connection_for_read().transport, LastingRedisTransport)


def test_a_channel_of_a_connection_given_up_still_knows_its_server() -> None:
    make_app(load_settings(engine="embedded:shop", redis=_NOBODY))
    connection = Connection(_NOBODY)
    transport = connection.transport
    channel = transport.Channel.__new__(transport.Channel)  # its constructor asks the server
    channel.connection = transport
    connection.collect()  # as Celery does when the server went
    assert connection.transport is not transport, "kombu gave the transport up"
    found = channel.pool.connection_kwargs  # with kombu's own transport an AttributeError
    assert (found["host"], found["port"], found["db"]) == ("127.0.0.1", 1, 3)
