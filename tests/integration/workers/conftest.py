"""A Redis connection under a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from multirecall.workers.store.connection import Connection
from tests.support.deployments import opened_connection


@pytest.fixture
def connection(redis_url: str) -> Iterator[Connection]:
    with opened_connection(redis_url) as connection:
        yield connection
