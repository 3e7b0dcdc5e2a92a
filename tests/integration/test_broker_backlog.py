"""How long a queue is, as the broker tells it."""

from __future__ import annotations

import uuid

import pytest
import redis

from multirecall.wiring.settings import load_settings
from multirecall.workers.app import make_app
from multirecall.workers.wiring import backlog_of

pytestmark = pytest.mark.integration


def test_it_counts_the_messages_that_nobody_took(redis_url: str) -> None:
    namespace = f"t-{uuid.uuid4().hex[:8]}"
    app = make_app(load_settings(redis=redis_url, namespace=namespace))
    backlog = backlog_of(app)
    try:
        assert backlog("changes") == 0
        for _ in range(3):
            app.send_task("multirecall.batch", args=["x"], queue="changes", ignore_result=True)
        assert (backlog("changes"), backlog("index")) == (3, 0)
    finally:
        app.close()
        with redis.Redis.from_url(redis_url) as client:
            for key in client.scan_iter(match=f"{namespace}:*", count=1000):
                client.delete(key)


def test_a_broker_that_does_not_answer_tells_nothing() -> None:
    app = make_app(load_settings(redis="redis://127.0.0.1:1/0"))
    assert backlog_of(app)("changes") is None
